"""The outermost edge of a job: its log, its lock, its signals, and one line for an error.

A stage holds a lock on its state and dies with the process that started it, so that an orphan never writes
beside its successor. On a cluster it leaves word of why it failed in the folder GARNER_RECORD
(garner.cluster.ledger), and whether it is to go on under a new time limit.
"""

import fcntl
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import IO

import psutil
from tqdm import tqdm

from garner.errors import GarnerError, Interrupted, StateLockedError
from garner.files import disk_full_is_named, write_json
from garner.logs import log

_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2)
_SHELLS = {"sh", "bash", "dash"}
_stop = threading.Event()
_warned = threading.Event()  # SIGUSR1: the scheduler's warning that the time limit is near


def stop_requested() -> bool:
    """True once Ctrl-C, SIGTERM, SIGUSR1 or SIGUSR2 has come: save the progress, then raise Interrupted."""
    return _stop.is_set()


@contextmanager
def job(log_path: Path | str, state: Path | str | None = None) -> Iterator[None]:
    """Run a stage: log to `log_path` and stderr, lock `state`, and turn a GarnerError into one line.

    A stage with a state asks `stop_requested()` and stops once its progress is saved; one without has none
    to save and stops at once, as does the former at a second signal. Exits the process with the error's exit
    code; any other exception is a defect and keeps its traceback, in the log as well.
    """
    _log_to(Path(log_path))
    _die_with_starter()
    for number in _STOP_SIGNALS:
        signal.signal(number, lambda number, _: _on_stop(number, gently=state is not None))
    try:
        with lock(Path(state)) if state else nullcontext():
            yield
        for number in _STOP_SIGNALS:  # Python drops its handlers as it ends, and a late signal would kill it
            signal.signal(number, signal.SIG_IGN)
    except GarnerError as error:
        log.error("error: %s", error)
        log.error("log: %s", log_path)
        _leave_word(error, resume=state is not None)
        sys.exit(error.exit_code)
    except MemoryError as error:
        log.exception("error: out of memory. Ask for more by mem_mb of the rule, or run.maximum_memory_mb.")
        _leave_word(error, resume=False)
        sys.exit(1)
    except Exception:  # noqa: BLE001 - the one outermost edge
        log.exception("a defect in Garner, please report it with this log: %s", log_path)
        sys.exit(70)  # EX_SOFTWARE of sysexits.h


@contextmanager
def lock(state: Path, patience: float = 3.0) -> Iterator[None]:
    """Hold `state/.lock`, or raise StateLockedError that names the holder.

    Waits `patience` seconds, since an orphan needs a moment to notice that its Snakemake is gone. The lock is
    the system's own, so that it is free again after any death.
    """
    with disk_full_is_named(state):
        state.mkdir(parents=True, exist_ok=True)
    with open(state / ".lock", "a+b", buffering=0) as file:  # a buffer would be written again on closing
        deadline = time.monotonic() + patience
        while not _taken(file):
            if time.monotonic() > deadline:
                file.seek(0)
                raise StateLockedError(
                    f"{state} is in use by {file.read().decode().strip() or 'another process'}. "
                    "Wait until that ends, or end it; then run the same command again."
                )
            time.sleep(0.1)
        with disk_full_is_named(state / ".lock"):
            file.truncate(0)
            file.write(f"process {os.getpid()} on {os.uname().nodename}\n".encode())
        yield


def _taken(file: IO) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _leave_word(error: GarnerError | MemoryError, resume: bool) -> None:
    """Tell the cluster's side why the job failed, and whether it is to go on under the same id."""
    if not (record := os.environ.get("GARNER_RECORD")):
        return
    interrupted = isinstance(error, Interrupted)
    if isinstance(error, MemoryError):
        reason = "memory"
    elif interrupted:
        reason = "time" if _warned.is_set() else "killed"
    else:
        reason = "passing" if error.passing else "error"
    try:
        write_json(Path(record, "reason.json"), {"reason": reason, "detail": str(error)})
        if interrupted and resume and _warned.is_set():
            Path(record, "resume").touch()
    except (GarnerError, OSError) as unwritten:
        log.error("and no word of it can be left for the scheduler's side: %s", unwritten)


def _on_stop(number: int, gently: bool) -> None:
    if number == signal.SIGUSR1:
        _warned.set()
    if not gently or _stop.is_set():
        raise Interrupted(f"stopped by {signal.Signals(number).name}. The same command goes on from here.")
    _stop.set()


def _log_to(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    log.setLevel(logging.INFO)
    log.propagate = False
    log.handlers.clear()
    for handler, form in (
        (_File(path, mode="a"), "%(asctime)s %(message)s"),
        (_Terminal(), "%(message)s"),
    ):
        handler.setFormatter(logging.Formatter(form, datefmt="%Y-%m-%d %H:%M:%S"))
        log.addHandler(handler)


class _File(logging.FileHandler):
    """Lets a line go that a full disk does not take: it stands on the terminal as well."""

    def handleError(self, record: logging.LogRecord) -> None:
        if not isinstance(sys.exc_info()[1], OSError):
            super().handleError(record)


class _Terminal(logging.Handler):
    """Writes above the progress bar, if there is one."""

    def emit(self, record: logging.LogRecord) -> None:
        tqdm.write(self.format(record), file=sys.stderr)


def _die_with_starter() -> None:
    """Watch the processes up to the one that started this job, and die when one of them is gone.

    Snakemake starts a script through a shell, which outlives a killed Snakemake: the parent is not enough.
    """
    starters = []
    for process in psutil.Process().parents():
        starters.append(process)
        if process.name() not in _SHELLS:
            break
    threading.Thread(target=_watch, args=(starters,), daemon=True).start()


def _watch(starters: list[psutil.Process]) -> None:
    while all(_lives(process) for process in starters):
        time.sleep(1)
    os.kill(os.getpid(), signal.SIGKILL)


def _lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def named(files) -> dict[str, Path]:
    """The named inputs or outputs of a rule as paths."""
    return {name: Path(path) for name, path in files.items()}
