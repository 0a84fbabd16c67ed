#!/usr/bin/env python3
"""Submit a job script of Snakemake to Grid Engine, or attach to the job of an earlier Snakemake."""

from pathlib import Path

from garner.cluster import grid_engine, submit

submit.main(grid_engine, Path(__file__).parent)
