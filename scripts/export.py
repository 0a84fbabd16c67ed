"""export: the trained model as ONNX and int8, with parity measured."""

from garner.export import export_model
from garner.jobs import job, named

with job(snakemake.log[0]):
    export_model(
        **named(snakemake.input),
        outputs=named(snakemake.output),
        settings=snakemake.params.settings,
        study=snakemake.wildcards.study,
    )
