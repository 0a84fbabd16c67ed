#!/usr/bin/env python3
"""Say whether a Slurm job is running, success or failed."""

from pathlib import Path

from garner.cluster import slurm, status

status.main(slurm, Path(__file__).parent)
