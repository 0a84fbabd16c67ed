"""sort: classes and parts of the users with posts."""

from pathlib import Path

from garner.jobs import job, named
from garner.pseudonyms import naming_of
from garner.user_sorting import sort_users

with job(snakemake.log[0]):
    sort_users(
        Path(snakemake.input.documents),
        Path(snakemake.input.failures),
        Path(snakemake.input.labels_file[0]),
        named(snakemake.output),
        snakemake.params.settings,
        seed=snakemake.params.seed,
        exclude=snakemake.params.exclude,
        naming=naming_of(snakemake.params.pseudonymise, snakemake.config["run"]["pseudonym_key"]),
    )
