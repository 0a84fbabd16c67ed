"""serialize: one part of the split as shards of token ids."""

from pathlib import Path

from garner.jobs import job, named
from garner.serialization import serialize_split

with job(snakemake.log[0]):
    serialize_split(
        **named(snakemake.input),
        output=Path(snakemake.output.index).parent,
        settings=snakemake.params.settings,
    )
