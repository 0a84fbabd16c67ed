"""baseline: scores of a linear model on the parts that the encoder is trained and judged on."""

from pathlib import Path

from garner.baseline import train_baseline
from garner.jobs import job, named

with job(snakemake.log[0]):
    train_baseline(
        named(snakemake.input),
        Path(snakemake.output.metrics),
        snakemake.params.settings,
        seed=snakemake.params.seed,
        posts=snakemake.params.posts,
        samples_per_user=snakemake.params.samples_per_user,
    )
