"""predict: the exported model's answers on documents or files."""

from pathlib import Path

from garner.prediction import predict_inputs

from garner.jobs import job, named

with job(snakemake.log[0]):
    documents = snakemake.input.documents
    predict_inputs(
        Path(snakemake.input.classifier).parent,
        [Path(path) for path in ([documents] if isinstance(documents, str) else documents)],
        named(snakemake.output),
    )
