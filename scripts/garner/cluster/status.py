"""Say of one job whether it runs, succeeded or failed; a scheduler that does not answer is patience."""

import os
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from garner.cluster import ledger, site
from garner.cluster.cancel import cancel_interrupted
from garner.cluster.ledger import ROOT, Entry, Failure
from garner.cluster.scheduler import Scheduler, Standing, Verdict, call, tail
from garner.cluster.sending import send, send_anew
from garner.errors import GarnerError, InputError, SchedulerError, UnreachableError
from garner.files import read_json, write_json

BOOKS = 30.0  # seconds by which the books, or a shared file system, may lag behind a job that has ended
SAY_EVERY = 60.0  # seconds between two lines about a scheduler that does not answer
DENIALS = (b"MemoryError", b"annot allocate memory", b"can't allocate memory", b"bad_alloc")
ABOVE = {"memory", "time", "node"}  # what the scheduler kills for; a stage sees but the signal
NEARLY = 0.95  # of the memory asked for: a job that was killed with that much was killed for it


@dataclass(frozen=True)
class Ended:
    failure: Failure | None


def main(scheduler: Scheduler, profile: Path) -> None:
    """The profile's `status.py`: `status.py ID`, in Snakemake's working folder."""
    entry = ledger.find_by_id(sys.argv[1])
    if entry is None:
        sys.exit(f"error: job {sys.argv[1]} was not submitted from here: {ROOT} does not know it.")
    try:
        with ledger.alone(entry.key):
            entry = ledger.find(entry.key) or entry
            print(status(entry, scheduler, site.load(profile, scheduler.SETTINGS), time.time()))
    except GarnerError as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        cancel_interrupted(entry.key, os.environ["GARNER_RUN"], scheduler)


def status(entry: Entry, scheduler: Scheduler, settings: dict, now: float) -> str:
    """`running`, `success` or `failed`; what it finds out of an end is kept in the ledger."""
    if not entry.closed:
        try:
            ended = _ended(entry, scheduler, settings, now)
        except UnreachableError:
            return "running"
        if ended is None:
            return "running"
        entry.close(ended.failure)
    return "failed" if entry.failure else "success"


def _ended(entry: Entry, scheduler: Scheduler, settings: dict, now: float) -> Ended | None:
    """How it ended, or None; what asks to go on goes on."""
    try:
        if not entry.id:  # whoever let it go on was killed midway
            send(entry, scheduler)
        elif entry.asks_to_go_on() and len(entry.former) < settings["continuations"]:
            send_anew(entry, scheduler)
        else:
            ended = _by_itself(entry, scheduler, settings, now)
            return ended or _by_the_queue(entry, scheduler, settings, now)
    except SchedulerError as error:
        return Ended(Failure("refused", str(error)))
    return None


def _by_itself(entry: Entry, scheduler: Scheduler, settings: dict, now: float) -> Ended | None:
    """What the job left: its exit code, and the reason if the stage inside knew it."""
    code = entry.exit_code
    if code is None:
        return None
    if code == 0:
        return Ended(None)
    reason = entry.reason
    if reason and reason.reason != "killed":
        return Ended(reason)
    ended_at = (entry.record / "exit").stat().st_mtime
    books = _books(entry, scheduler, settings)
    if books is None and now < ended_at + BOOKS:
        return None
    if reason:  # of who killed it, the books know more
        return Ended(Failure(books.reason, books.detail) if books and books.reason in ABOVE else reason)
    if books and (books.reason == "memory" or (books.used_mb or 0) >= NEARLY * entry.memory_mb):
        return Ended(Failure("memory", f"asked for {entry.memory_mb:,} MB ({books.detail})"))
    if _was_denied_memory(entry):
        return Ended(Failure("memory", f"asked for {entry.memory_mb:,} MB"))
    return Ended(Failure("exit", f"exit code {code}"))


def _was_denied_memory(entry: Entry) -> bool:
    """A limit on address space (h_vmem) kills nobody: what asks for more is refused, and says so dying."""
    try:
        said = tail(entry.output)
    except FileNotFoundError:
        return False
    return any(words in said for words in DENIALS)


def _by_the_queue(entry: Entry, scheduler: Scheduler, settings: dict, now: float) -> Ended | None:
    """What the scheduler knows of a job that has not said how it ended."""
    taken, queue = _snapshot(scheduler, settings["poll_seconds"], now)
    standing = queue.get(entry.id)
    if standing and standing.state in ("pending", "running"):
        if entry.missed is not None:
            entry.missed = None
            entry.save()
        return None
    if standing and standing.state == "stuck":
        call(scheduler.cancel_command([entry.id]))
        return Ended(Failure("start", standing.detail))
    if standing is None and taken < entry.submitted + settings["poll_seconds"]:
        return None
    if entry.missed is None:
        entry.missed = now
        entry.save()
    missed = now - entry.missed
    if standing is None and (ended := _by_the_books(entry, scheduler, settings, missed)):
        return ended
    if missed < settings["lost_minutes"] * 60:
        return None
    if standing:
        call(scheduler.cancel_command([entry.id]))
    detail = (standing and standing.detail) or f"{scheduler.NAME} does not say how it ended"
    return Ended(Failure("lost", f"{detail}, for {missed / 60:.0f} minutes"))


def _by_the_books(entry: Entry, scheduler: Scheduler, settings: dict, missed: float) -> Ended | None:
    """What accounting says of a job that is no longer queued and left no exit code.

    Never success, which the job says itself: Grid Engine books a job as well ended whose node is gone.
    """
    books = _books(entry, scheduler, settings)
    if books is None:
        if missed > BOOKS and not entry.left("started"):
            return Ended(Failure("killed", "taken out of the queue before it began"))
        return None
    if books.succeeded or (books.reason == "exit" and missed < BOOKS):  # its own word is on its way
        return None
    if books.reason == "exit" and not entry.left("started"):
        where = f"it left no word here: does its node see {Path.cwd()}?"
        return Ended(Failure("start", f"{where} ({books.detail})"))
    if books.reason != "time" and (books.used_mb or 0) >= NEARLY * entry.memory_mb:
        return Ended(Failure("memory", f"asked for {entry.memory_mb:,} MB ({books.detail})"))
    return Ended(Failure(books.reason, books.detail))


def _books(entry: Entry, scheduler: Scheduler, settings: dict) -> Verdict | None:
    """What accounting says; nothing where it does not answer, for which no job is waited for longer."""
    try:
        return scheduler.verdict(entry.id, settings)
    except UnreachableError:
        return None


def _snapshot(scheduler: Scheduler, poll_seconds: float, now: float) -> tuple[float, dict[str, Standing]]:
    """When the queue was last asked, and what it held; one question serves all jobs for `poll_seconds`."""
    file = ROOT / "queue.json"
    try:
        kept = read_json(file)
    except InputError:
        kept = {"taken": 0.0}
    if not 0 <= now - kept["taken"] < poll_seconds:
        kept = _asked(scheduler, now, kept)
        write_json(file, kept)
    if kept.get("away"):
        raise UnreachableError(kept["away"])
    return kept["taken"], {job_id: Standing(**standing) for job_id, standing in kept["jobs"].items()}


def _asked(scheduler: Scheduler, now: float, before: dict) -> dict:
    try:
        queue = scheduler.queue()
    except UnreachableError as error:
        said = before.get("said", 0.0)
        if now - said > SAY_EVERY:
            said = now
            print(
                f"{scheduler.NAME} does not answer; its jobs go on, and so does this. ({error})",
                file=sys.stderr,
            )
        return {"taken": now, "away": str(error) or "no answer", "said": said}
    return {"taken": now, "jobs": {job_id: asdict(standing) for job_id, standing in queue.items()}}
