"""Hand a job to the scheduler, once, whatever dies, hangs or is interrupted meanwhile."""

import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from garner.cluster.ledger import Entry
from garner.cluster.scheduler import Scheduler, call
from garner.errors import SchedulerError, UnreachableError

AGAIN = 10.0  # seconds between two tries at a scheduler that is away
Answer = TypeVar("Answer")


def send(entry: Entry, scheduler: Scheduler) -> None:
    """Submit the script in the entry's record; the entry has its id then.

    A submission that gave no answer, or that nobody could record, is found by its name. Raises
    UnreachableError, and SchedulerError for a job that is refused.
    """
    if entry.sent and (job_id := _named_like(entry, scheduler)):
        entry.id = job_id
        entry.save()
        return
    entry.sent, entry.submitted = True, time.time()
    entry.save()  # before the scheduler knows of it
    with _interrupted_later():
        answer = call(entry.command, stdin=(entry.record / "job.sh").read_text())
        if answer.returncode == 0:
            entry.id = scheduler.parse_id(answer.stdout)
            entry.save()
            return
    words = answer.stderr.strip() or answer.stdout.strip()
    if refused := scheduler.refusal(words):
        raise SchedulerError(refused)
    raise UnreachableError(words)


def send_anew(entry: Entry, scheduler: Scheduler) -> None:
    """Let what stopped at its time limit go on in a new job; Snakemake goes on asking by the old id."""
    entry.former.append(entry.id)
    entry.id, entry.sent, entry.missed = "", False, None
    entry.save()
    entry.clear()
    send(entry, scheduler)
    before = ", ".join(entry.former)
    print(
        f"{entry.title} goes on after its time limit, as job {entry.id} (before: {before}).", file=sys.stderr
    )


def _named_like(entry: Entry, scheduler: Scheduler) -> str | None:
    ids = (job_id for job_id, standing in scheduler.queue().items() if standing.name == entry.name)
    return next((job_id for job_id in ids if job_id not in entry.former), None)


@contextmanager
def _interrupted_later() -> Iterator[None]:
    """Hold Ctrl-C back: a job that the scheduler took and nobody recorded could not be cancelled."""
    came = []
    before = signal.signal(signal.SIGINT, lambda *_: came.append(True))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if came:
        raise KeyboardInterrupt


def patiently(ask: Callable[[], Answer], scheduler: Scheduler, minutes: float) -> Answer:
    """What `ask` returns, as soon as the scheduler answers; SchedulerError once the `minutes` are over."""
    end = time.monotonic() + minutes * 60
    said = False
    while True:
        try:
            return ask()
        except UnreachableError as error:
            if time.monotonic() > end:
                raise SchedulerError(f"{scheduler.NAME} does not answer: {error}") from None
            if not said:
                print(
                    f"{scheduler.NAME} does not answer; asking again for a while. ({error})", file=sys.stderr
                )
            said = True
            time.sleep(AGAIN)
