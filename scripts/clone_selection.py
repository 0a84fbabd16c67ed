"""clone: choose which of the crawled repositories to clone, and their batches."""

from pathlib import Path

from garner.jobs import job
from garner.selection import select_repositories

with job(snakemake.log[0]):
    sort = snakemake.params.sort
    select_repositories(
        Path(snakemake.input.repositories),
        Path(snakemake.output.selection),
        snakemake.params.clone,
        languages=list(sort["languages"]),
        quota=sort["files_per_language"],
        cap=sort["files_per_repository"],
        exclude=snakemake.params.exclude,
        seed=snakemake.params.seed,
    )
