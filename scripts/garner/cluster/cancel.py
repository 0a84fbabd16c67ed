"""Cancel jobs, for Ctrl-C."""

import subprocess
import sys

from garner.cluster import ledger
from garner.cluster.scheduler import Scheduler


def main(scheduler: Scheduler) -> None:
    """The profile's `cancel.py`: `cancel.py ID …`. Snakemake gives it two seconds; the call outlives them.

    A line for each job would bury the others; what goes wrong stands on stderr.
    """
    entries = [(job_id, ledger.find_by_id(job_id)) for job_id in sys.argv[1:]]
    ids = [(entry and entry.id) or job_id for job_id, entry in entries]  # what goes on has another by now
    process = subprocess.Popen(
        scheduler.cancel_command(ids), stdout=subprocess.DEVNULL, start_new_session=True
    )
    sys.exit(process.wait())
