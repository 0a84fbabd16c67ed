"""dictionary: the pretrained encoder of a study, and its tokenizer."""

from pathlib import Path

from garner.encoders.preparation import prepare_encoder
from garner.jobs import job, lock

state = Path("state", snakemake.wildcards.study, "dictionary")
with job(snakemake.log[0]), lock(state):
    prepare_encoder(
        snakemake.params.settings["encoder"],
        {"encoder": Path(snakemake.output.encoder).parent, "tokenizer": Path(snakemake.output.tokenizer)},
        state,
    )
