"""train: the study's model, resumed where an earlier job stopped."""

from pathlib import Path

from garner.jobs import job, named
from garner.staging import staged
from garner.training import train_model

state = Path("state", snakemake.wildcards.study, "train")
inputs, outputs = named(snakemake.input), named(snakemake.output)
outputs["model"] = outputs.pop("config").parent  # a folder, as is the encoder
if "encoder" in inputs:
    inputs["encoder"] = inputs.pop("encoder_config").parent
with (
    job(snakemake.log[0], state),
    staged(inputs["train"].parent, inputs["validation"].parent) as (train, validation),
):
    study = snakemake.config["study"][snakemake.wildcards.study]
    run = snakemake.config["run"]
    train_model(
        **inputs | {"train": train, "validation": validation},
        outputs=outputs,
        state=state,
        kind=study["model"],
        settings=snakemake.params.settings,
        seed=snakemake.params.seed,
        code=snakemake.params.code,
        device=run["device"],
        checkpoint_seconds=run["checkpoint_seconds"],
    )
