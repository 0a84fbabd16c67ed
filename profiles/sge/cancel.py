#!/usr/bin/env python3
"""Cancel Grid Engine jobs."""

from garner.cluster import cancel, grid_engine

cancel.main(grid_engine)
