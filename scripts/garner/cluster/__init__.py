"""Jobs on a batch scheduler: what the three scripts of a Snakemake profile (submit, status, cancel) call.

Snakemake's generic executor runs `submit` with a job script and takes an id, asks `status` for each id, and
hands ids to `cancel`. What it does not do stands here: a job that outlives the Snakemake that submitted it is
found again and not run twice; a job that the time limit ends goes on under its own id; a job that dies says
why. `submit`, `status` and `cancel` are the same for all schedulers; what is particular of one stands in
`grid_engine` and `slurm`. Only the standard library is imported for `status`, which runs once a job and look.
"""
