"""Submit a job, or attach to the one that an earlier Snakemake submitted: print its id."""

import os
import sys
import time
from pathlib import Path

from garner.cluster import ledger, site, submission
from garner.cluster.body import body
from garner.cluster.ledger import Entry
from garner.cluster.scheduler import Scheduler, call
from garner.cluster.submission import Submission
from garner.errors import GarnerError, SchedulerError, UnreachableError

AGAIN = 10.0  # seconds between two tries at a scheduler that is away
FINAL = {"error", "refused"}  # failures that another attempt of the same run would only repeat


def main(scheduler: Scheduler, profile: Path) -> None:
    """The profile's `submit.py`: `submit.py JOBSCRIPT`, in Snakemake's working folder."""
    run = os.environ["GARNER_RUN"]
    try:
        job = submission.read(Path(sys.argv[1]), os.environ["GARNER_SETTINGS"])
    except GarnerError as error:
        sys.exit(f"error: {error}")
    earlier = ledger.find(job.key)
    if earlier and earlier.run == run and earlier.failure and earlier.failure["reason"] in FINAL:
        sys.exit(f"error: {job.title} is not tried again: {earlier.failure['detail']}")
    try:
        settings = site.load(profile, scheduler.SETTINGS)
        job_id = _attached(job, earlier, run, scheduler, settings) if earlier else None
        job_id = job_id or _submit(job, run, scheduler, settings)
    except GarnerError as error:
        (ledger.find(job.key) or _entry(job, run, scheduler)).refuse(run, str(error))
        sys.exit(f"error: {error}")
    print(job_id)


def _entry(job: Submission, run: str, scheduler: Scheduler) -> Entry:
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
    )


def _attached(job: Submission, earlier: Entry, run: str, scheduler: Scheduler, settings: dict) -> str | None:
    """The id of an earlier submission of the same version that runs, waits, or ended well unseen."""
    same = earlier.signature == job.signature
    if same and earlier.exit_code == 0 and earlier.unrecorded():
        _attach(
            earlier,
            run,
            f"{job.title} ended well as job {earlier.id} while no Snakemake watched; it is not run again.",
        )
        return earlier.id
    if earlier.closed or earlier.exit_code is not None:
        return None
    for job_id, standing in _patiently(scheduler.queue, settings, scheduler).items():
        if job_id != earlier.id and not (not earlier.id and standing.name == earlier.name):
            continue
        if same and standing.state in ("pending", "running", "gone"):
            earlier.id = job_id
            _attach(
                earlier,
                run,
                f"{job.title} is job {job_id} of an earlier Snakemake, {standing.state}: attached to it.",
            )
            return job_id
        if standing.state != "leaving":
            print(
                f"{job.title} is job {job_id}, of other settings or inputs: cancelling it.", file=sys.stderr
            )
            call(scheduler.cancel_command([job_id]))
        _until_gone(job_id, scheduler, settings)
    return None


def _attach(entry: Entry, run: str, words: str) -> None:
    print(words, file=sys.stderr)
    entry.run, entry.closed, entry.failure, entry.missed = run, False, None, None
    entry.save()


def _submit(job: Submission, run: str, scheduler: Scheduler, settings: dict) -> str:
    _patiently(lambda: scheduler.refuse_unfit(job, settings), settings, scheduler)
    entry = _entry(job, run, scheduler)
    for name in ("exit", "reason.json", "resume", "started", "requeued"):
        (entry.record / name).unlink(missing_ok=True)
    entry.save()  # before the scheduler knows of it: a job that nobody could record is found by its name
    Path(entry.output).parent.mkdir(parents=True, exist_ok=True)
    Path(entry.output).unlink(missing_ok=True)  # schedulers append
    script = body(job, entry.record, settings, scheduler)
    command = scheduler.submit_command(job, settings, entry.output)

    def send() -> str:
        answer = call(command, stdin=script)
        if answer.returncode == 0:
            return scheduler.parse_id(answer.stdout)
        words = answer.stderr.strip() or answer.stdout.strip()
        refused = scheduler.refusal(words, settings)
        if refused is None:
            raise UnreachableError(words)
        raise SchedulerError(refused)

    entry.submitted = time.time()
    entry.id = _patiently(send, settings, scheduler, known_as=entry.name)
    entry.save()
    return entry.id


def _patiently(ask, settings: dict, scheduler: Scheduler, known_as: str | None = None):
    """What `ask` returns, as soon as the scheduler answers; SchedulerError once `patience_minutes` are over.

    A submission that gave no answer may have arrived: before it is sent again, its name is looked for.
    """
    end = time.monotonic() + settings["patience_minutes"] * 60
    lost = False
    while True:
        try:
            if lost and known_as:
                for job_id, standing in scheduler.queue().items():
                    if standing.name == known_as:
                        return job_id
            return ask()
        except UnreachableError as error:
            if time.monotonic() > end:
                raise SchedulerError(f"{scheduler.NAME} does not answer: {error}") from None
            if not lost:
                print(
                    f"{scheduler.NAME} does not answer; asking again for a while. ({error})", file=sys.stderr
                )
            lost = True
            time.sleep(AGAIN)


def _until_gone(job_id: str, scheduler: Scheduler, settings: dict) -> None:
    """Wait for a cancelled job to end, so that two never work on the same files."""
    end = time.monotonic() + settings["patience_minutes"] * 60
    while job_id in _patiently(scheduler.queue, settings, scheduler):
        if time.monotonic() > end:
            raise SchedulerError(
                f"job {job_id} does not end. Cancel it by hand, and run the same command again."
            )
        time.sleep(1)
