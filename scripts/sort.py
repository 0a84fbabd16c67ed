"""sort: clean, balance and split the documents of a study."""

from pathlib import Path

from garner.jobs import job, named
from garner.sorting import sort_files

with job(snakemake.log[0]):
    sort_files(
        [Path(path) for path in snakemake.input.batches],
        named(snakemake.output),
        snakemake.params.settings,
        seed=snakemake.params.seed,
        exclude=snakemake.params.exclude,
    )
