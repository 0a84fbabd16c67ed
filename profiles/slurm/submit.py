#!/usr/bin/env python3
"""Submit a job script of Snakemake to Slurm, or attach to the job of an earlier Snakemake."""

from pathlib import Path

from garner.cluster import slurm, submit

submit.main(slurm, Path(__file__).parent)
