"""clone: read the source files of one batch of repositories."""

from pathlib import Path

from garner.cloning import clone_batch
from garner.jobs import job, named

study, batch = snakemake.wildcards.study, snakemake.wildcards.batch
state = Path("state", study, "clone")  # of all batches: their number may change
with job(snakemake.log[0], state / "batches" / batch):
    clone_batch(
        Path(snakemake.input.selection),
        int(batch),
        named(snakemake.output),
        state,
        snakemake.params.settings,
        extensions=sorted(
            {ending.lower() for endings in snakemake.params.languages.values() for ending in endings}
        ),
        tokens=snakemake.config["run"]["tokens"]["github"],
    )
