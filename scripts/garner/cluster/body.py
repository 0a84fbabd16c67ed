"""The shell script that the scheduler runs on a node, around what Snakemake wants run there."""

import os
import shlex
from pathlib import Path

from garner.cluster.ledger import marker
from garner.cluster.scheduler import Scheduler
from garner.cluster.submission import Submission

# The stage inside acts on the signals: SIGUSR1 warns of the time limit, SIGUSR2 and SIGTERM of the end. This
# shell, and Snakemake between them, must outlive those, so they ignore them, which a program's own handler
# undoes. Outputs stay marked as incomplete until a Snakemake has recorded them: one that was killed meanwhile
# asks `submit` again, which knows that the job has ended well.
_BODY = """\
#!/bin/sh
# {title}
{environment}
record={record}
cd {folder} && mkdir -p "$record" || exit 1
rm -f "$record/exit" "$record/reason.json" "$record/resume"
hostname > "$record/started"
export GARNER_RECORD="$record" TMPDIR="${{TMPDIR:-${{TMP:-/tmp}}}}"
trap '' USR1 USR2 TERM
(
{command}
) &
{on_warning}
while :; do
  wait $!
  code=$?
  kill -0 $! 2> /dev/null || break
done
for marker in {markers}; do
  mkdir -p "$(dirname "$marker")" && printf '{{"external_jobid": "%s"}}' "{job_id}" > "$marker"
done
cd "$record" && echo "$code {job_id}" > exit.part && sync exit.part && mv exit.part exit
exit "$code"
"""


def body(job: Submission, record: Path, settings: dict, scheduler: Scheduler) -> str:
    """The script for `job`, which leaves in `record` how it ended.

    It sets the variables that `environment` of the site's settings names, and no others: a login shell may
    have set PATH anew, and what is secret stays where it is.
    """
    names = [*settings["environment"], "GARNER_SETTINGS"]
    return _BODY.format(
        title=job.title,
        environment="\n".join(
            f"export {name}={shlex.quote(os.environ[name])}" for name in names if name in os.environ
        ),
        record=shlex.quote(str(record.absolute())),
        folder=shlex.quote(str(Path.cwd())),
        command=job.command.strip(),
        on_warning=scheduler.ON_WARNING,
        markers=" ".join(shlex.quote(str(marker(output))) for output in job.outputs),
        job_id=scheduler.JOB_ID,
    )
