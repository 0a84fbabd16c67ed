#!/usr/bin/env python3
"""Say whether a Grid Engine job is running, success or failed."""

from pathlib import Path

from garner.cluster import grid_engine, status

status.main(grid_engine, Path(__file__).parent)
