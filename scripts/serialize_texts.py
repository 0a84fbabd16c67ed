"""serialize: one part of the split as shards of a pretrained encoder's ids."""

from pathlib import Path

from garner.encoders.serialization import serialize_texts
from garner.jobs import job, named

with job(snakemake.log[0]):
    serialize_texts(
        **named(snakemake.input),
        output=Path(snakemake.output.index).parent,
        settings=snakemake.params.settings,
        samples_per_group=snakemake.params.samples_per_group,
    )
