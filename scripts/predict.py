"""predict: the exported model's answers on documents or files."""

from pathlib import Path

from garner.inputs import input_files
from garner.jobs import job, named
from garner.prediction import predict_inputs

with job(snakemake.log[0]):
    documents = snakemake.input.documents or input_files(snakemake.config["input"])
    predict_inputs(
        Path(snakemake.input.classifier).parent,
        [Path(path) for path in ([documents] if isinstance(documents, str) else documents)],
        named(snakemake.output),
    )
