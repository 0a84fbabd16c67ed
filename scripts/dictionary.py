"""dictionary: count the tokens of the training part."""

from pathlib import Path

from garner.dictionary import build_dictionary
from garner.jobs import job, named

with job(snakemake.log[0]):
    build_dictionary(
        Path(snakemake.input.train),
        named(snakemake.output),
        snakemake.params.settings,
        workers=snakemake.threads,
    )
