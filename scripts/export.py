"""export: the trained model as ONNX and int8, with parity measured."""

from garner.export import export_model
from garner.jobs import job, named

inputs = named(snakemake.input)
folders = {"model": inputs.pop("config").parent, "validation": inputs["validation"].parent}
with job(snakemake.log[0]):
    export_model(
        **inputs | folders,
        outputs=named(snakemake.output),
        settings=snakemake.params.settings,
        study=snakemake.wildcards.study,
        posts=snakemake.params.get("posts"),
    )
