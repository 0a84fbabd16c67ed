#!/usr/bin/env python3
"""Cancel Slurm jobs."""

from garner.cluster import cancel, slurm

cancel.main(slurm)
