"""Submit a job, or attach to the one that an earlier Snakemake submitted: print its id."""

import os
import signal
import sys
import time
from pathlib import Path

from garner.cluster import ledger, site, submission
from garner.cluster.body import body
from garner.cluster.ledger import Entry
from garner.cluster.scheduler import Scheduler, Standing, call
from garner.cluster.sending import patiently, send
from garner.cluster.submission import Submission
from garner.errors import GarnerError, SchedulerError
from garner.files import write_text

FINAL = {"error", "refused"}  # failures that another attempt of the same run would only repeat


def main(scheduler: Scheduler, profile: Path) -> None:
    """The profile's `submit.py`: `submit.py JOBSCRIPT`, in Snakemake's working folder."""
    run = os.environ["GARNER_RUN"]
    try:
        job = submission.read(Path(sys.argv[1]), os.environ["GARNER_SETTINGS"])
    except GarnerError as error:
        sys.exit(f"error: {error}")
    try:
        with ledger.alone(job.key):
            print(_obtain(job, run, scheduler, profile))
    except KeyboardInterrupt:  # Snakemake does not take the id any more, and so can't cancel the job
        if (entry := ledger.find(job.key)) and entry.run == run and entry.id and not entry.closed:
            call(scheduler.cancel_command([entry.id]))
        sys.exit(128 + signal.SIGINT)


def _obtain(job: Submission, run: str, scheduler: Scheduler, profile: Path) -> str:
    """The id of the job, submitted now or earlier; exits with one line where there can be none."""
    earlier = ledger.find(job.key)
    if earlier and earlier.run == run and earlier.failure and earlier.failure["reason"] in FINAL:
        sys.exit(f"error: {job.title} is not tried again: {earlier.failure['detail']}")
    entry = _entry(job, run, scheduler, profile)
    try:
        settings = site.load(profile, scheduler.SETTINGS)
        if earlier and (job_id := _attached(job, earlier, entry, scheduler, settings)):
            return job_id
        if job.group:
            _cancel_other_groups(job, run, scheduler, settings)
        return _submit(job, entry, scheduler, settings)
    except GarnerError as error:
        (ledger.find(job.key) or entry).refuse(run, str(error))
        sys.exit(f"error: {error}")


def _entry(job: Submission, run: str, scheduler: Scheduler, profile: Path) -> Entry:
    return Entry(
        key=job.key,
        name=job.name,
        title=job.title,
        signature=job.signature,
        outputs=job.outputs,
        log=job.log,
        output=f"{job.log}{scheduler.SUFFIX}",
        memory_mb=job.memory_mb,
        minutes=job.minutes,
        run=run,
        profile=str(profile.absolute()),
    )


def _attached(
    job: Submission, earlier: Entry, entry: Entry, scheduler: Scheduler, settings: dict
) -> str | None:
    """The id of an earlier submission of the same version that runs, waits, or ended well unseen."""
    same = earlier.signature == job.signature
    earlier.id = earlier.id or earlier.told_id
    if same and earlier.exit_code == 0 and earlier.unrecorded():
        words = f"ended well as job {earlier.id} while no Snakemake watched; it is not run again."
        return _attach(earlier, entry, earlier.id, words)
    if earlier.closed or earlier.exit_code is not None:
        return None
    for job_id, standing in patiently(scheduler.queue, scheduler, settings["patience_minutes"]).items():
        if standing.name != earlier.name:
            continue
        if same and standing.state in ("pending", "running", "gone"):
            words = f"is job {job_id} of an earlier Snakemake, {standing.state}: attached to it."
            return _attach(earlier, entry, job_id, words)
        why = "which does not start" if same else "of other settings or inputs"
        _cancel(job_id, standing, f"{job.title} is job {job_id}, {why}", scheduler, settings)
    return None


def _attach(earlier: Entry, entry: Entry, job_id: str, words: str) -> str:
    print(f"{entry.title} {words}", file=sys.stderr)
    earlier.id, earlier.run, earlier.profile = job_id, entry.run, entry.profile
    earlier.closed, earlier.failure, earlier.missed = False, None, None
    earlier.save()
    return job_id


def _cancel_other_groups(job: Submission, run: str, scheduler: Scheduler, settings: dict) -> None:
    """No file is made by two jobs at once: a Snakemake with other targets cut its groups otherwise."""
    others = {
        entry.name: entry
        for entry in ledger.entries()
        if entry.run != run and not entry.closed and set(entry.outputs) & set(job.outputs)
    }
    for job_id, standing in (
        patiently(scheduler.queue, scheduler, settings["patience_minutes"]).items() if others else ()
    ):
        if entry := others.get(standing.name):
            why = f"job {job_id}, {entry.title}, makes some of the same files as {job.title}"
            _cancel(job_id, standing, why, scheduler, settings)


def _cancel(job_id: str, standing: Standing, why: str, scheduler: Scheduler, settings: dict) -> None:
    """Cancel a job and wait for its end, so that two never work on the same files."""
    if standing.state != "leaving":
        print(f"{why}: cancelling it.", file=sys.stderr)
        call(scheduler.cancel_command([job_id]))
    end = time.monotonic() + settings["patience_minutes"] * 60
    while job_id in patiently(scheduler.queue, scheduler, settings["patience_minutes"]):
        if time.monotonic() > end:
            raise SchedulerError(
                f"job {job_id} does not end. Cancel it by hand, and run the same command again."
            )
        time.sleep(1)


def _submit(job: Submission, entry: Entry, scheduler: Scheduler, settings: dict) -> str:
    minutes = settings["patience_minutes"]
    patiently(lambda: scheduler.refuse_unfit(job, settings), scheduler, minutes)
    entry.command = scheduler.submit_command(job, settings, entry.output)
    entry.clear()
    write_text(entry.record / "job.sh", body(job, entry.record, settings, scheduler))
    Path(entry.output).parent.mkdir(parents=True, exist_ok=True)
    Path(entry.output).unlink(missing_ok=True)  # schedulers append
    patiently(lambda: send(entry, scheduler), scheduler, minutes)
    return entry.id
