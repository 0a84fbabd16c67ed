"""sort: text, tags and parts of a site's questions."""

from pathlib import Path

from garner.jobs import job, named
from garner.question_sorting import sort_questions

with job(snakemake.log[0]):
    sort_questions(
        Path(snakemake.input.documents),
        named(snakemake.output),
        snakemake.params.settings,
        seed=snakemake.params.seed,
        exclude=snakemake.params.exclude,
        site=snakemake.params.site,
    )
