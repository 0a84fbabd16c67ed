"""clone: choose which of the crawled repositories to clone, and their batches."""

from pathlib import Path

from garner.jobs import job
from garner.selection import select_repositories

with job(snakemake.log[0]):
    select_repositories(
        Path(snakemake.input.repositories),
        Path(snakemake.output.selection),
        snakemake.params.settings,
        languages=list(snakemake.params.languages),
        quota=snakemake.params.quota,
        cap=snakemake.params.cap,
        exclude=snakemake.params.exclude,
        seed=snakemake.params.seed,
    )
