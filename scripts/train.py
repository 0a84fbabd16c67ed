"""train: the study's model, resumed where an earlier job stopped."""

from pathlib import Path

from garner.jobs import job, named
from garner.training import train_model

state = Path("state", snakemake.wildcards.study, "train")
with job(snakemake.log[0], state):
    study = snakemake.config["study"][snakemake.wildcards.study]
    run = snakemake.config["run"]
    train_model(
        **named(snakemake.input),
        outputs=named(snakemake.output),
        state=state,
        kind=study["model"],
        settings=snakemake.params.settings,
        seed=snakemake.params.seed,
        code=snakemake.params.code,
        device=run["device"],
        checkpoint_seconds=run["checkpoint_seconds"],
    )
