#!/usr/bin/env python3
"""Print `running`, `success` or `failed` for one Grid Engine job; a silent scheduler counts as running."""

import re
import subprocess
import sys


def status(known_to_qstat: bool, accounting: str) -> str:
    """`accounting` is what `qacct -j ID` prints, empty as long as it has no record."""
    if known_to_qstat:
        return "running"
    record = dict(re.findall(r"^(failed|exit_status)\s+(\d+)", accounting, re.MULTILINE))
    if not record:
        return "running"
    return "success" if record == {"failed": "0", "exit_status": "0"} else "failed"


def main() -> None:
    job = sys.argv[1]
    known = subprocess.run(["qstat", "-j", job], capture_output=True, text=True)
    unreachable = known.returncode != 0 and "do not exist" not in known.stderr
    accounting = subprocess.run(["qacct", "-j", job], capture_output=True, text=True)
    print(status(known.returncode == 0 or unreachable, accounting.stdout))


if __name__ == "__main__":
    main()
