"""Cancel jobs, for Ctrl-C."""

import subprocess
import sys

from garner.cluster.scheduler import Scheduler


def main(scheduler: Scheduler) -> None:
    """The profile's `cancel.py`: `cancel.py ID …`. Snakemake gives it two seconds; the call outlives them."""
    process = subprocess.Popen(
        scheduler.cancel_command(sys.argv[1:]), stdout=sys.stderr, start_new_session=True
    )
    sys.exit(process.wait())
