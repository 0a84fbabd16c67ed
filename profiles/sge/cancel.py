#!/usr/bin/env python3
"""Cancel Grid Engine jobs, all in one call."""

import subprocess
import sys

if __name__ == "__main__":
    sys.exit(subprocess.run(["qdel", *sys.argv[1:]]).returncode)
