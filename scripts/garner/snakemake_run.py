"""One run of Snakemake: who it is, the settings that its jobs are given, its lock, and its last words.

The lock on the working folder outlives a Snakemake that was killed and names no owner, so each run leaves its
name beside it. An owner on this host is a Snakemake whose working folder is this one.
"""

import json
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import psutil

from garner.cluster import ledger
from garner.errors import StateLockedError
from garner.files import sha256_of, write_json

_FOLDER = Path(".snakemake", "garner")
_OWNER = _FOLDER / "owner.json"
_REASONS = {
    "memory": "out of memory",
    "time": "the time limit",
    "killed": "killed",
    "node": "its node failed",
    "lost": "lost",
    "start": "it could not start",
    "refused": "not submitted",
}


def prepare(config: dict) -> None:
    """Name this run, keep its checked settings for the jobs that it submits, and explain a stale lock."""
    os.environ["GARNER_RUN"] = f"{os.uname().nodename}-{os.getpid()}-{psutil.Process().create_time():.0f}"
    kept = _FOLDER / f"settings-{sha256_of(config)[:16]}.json"
    if not kept.exists():
        write_json(kept, config)
    os.environ["GARNER_SETTINGS"] = str(kept)
    if _locked(Path()) and _living_owner(Path()) is None:
        print(
            "A Snakemake that worked here was killed and left its lock; its progress is kept. If it asks for "
            "that below: `make unlock` clears the lock, then run the same command again.",
            file=sys.stderr,
        )


def kept_settings() -> str:
    """Within a job: the file of settings that the run had which submitted it."""
    return os.environ["GARNER_SETTINGS"]


def begin() -> None:
    """Say who holds the lock from now on."""
    write_json(_OWNER, {"host": os.uname().nodename, "process": os.getpid()})


def clear_stale_lock(folder: Path, say: Callable[[str], None] = print) -> bool:
    """Remove the lock if its owner is gone, and say so; StateLockedError names one that lives or may live."""
    if not _locked(folder):
        return False
    if pid := _living_owner(folder):
        raise StateLockedError(
            f"Snakemake (process {pid}) already works in {folder.resolve()}. "
            "Wait until it ends, or stop it with Ctrl-C where it was started."
        )
    owner = _owner(folder)
    if owner.get("host", os.uname().nodename) != os.uname().nodename:
        raise StateLockedError(
            f"a Snakemake on {owner['host']} (process {owner['process']}) took the lock on "
            f"{folder.resolve()}, and only {owner['host']} can tell whether it lives. Run `make unlock` "
            "there; if that host is gone, `snakemake --unlock` clears it from here."
        )
    shutil.rmtree(folder / ".snakemake" / "locks")
    say("Cleared the lock of an earlier Snakemake that was killed; its progress is kept.")
    return True


def _locked(folder: Path) -> bool:
    locks = folder / ".snakemake" / "locks"
    return locks.is_dir() and any(locks.iterdir())


def _owner(folder: Path) -> dict:
    try:
        return json.loads((folder / _OWNER).read_text())
    except (FileNotFoundError, ValueError):
        return {}


def _living_owner(folder: Path) -> int | None:
    """The process of another Snakemake on this host that works in `folder`."""
    for process in psutil.process_iter():
        try:
            if process.pid == os.getpid() or Path(process.cwd()) != folder.resolve():
                continue
            if _is_snakemake(process.cmdline()):
                return process.pid
        except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
            continue
    return None


def _is_snakemake(command: list[str]) -> bool:
    """Whether a command is a Snakemake that takes the lock; one within a job, with a `--mode`, does not."""
    named = any(Path(word).name == "snakemake" for word in command[:3]) or command[1:3] == ["-m", "snakemake"]
    return named and "--mode" not in command


def last_words(
    snakemake_logs: Iterable[str], say: Callable[[str], None] = lambda line: print(line, file=sys.stderr)
) -> None:
    """What failed in this run, one line a job: rule, study, reason and log."""
    here = [line for path in snakemake_logs for line in _failed_here(Path(path))]
    for line in dict.fromkeys([*_failed_on_the_cluster(), *here]):
        say(line)


def _failed_on_the_cluster() -> Iterator[str]:
    for entry in ledger.entries():
        if entry.run == os.environ["GARNER_RUN"] and entry.failure:
            reason, detail = entry.failure["reason"], entry.failure["detail"]
            why = f"{_REASONS[reason]}: {detail}" if reason in _REASONS else detail
            logs = [path for path in (entry.log, entry.output) if Path(path).exists()]
            yield f"failed: {entry.title}: {why.rstrip('.')}." + (f" Log: {logs[0]}" if logs else "")


def _failed_here(snakemake_log: Path) -> Iterator[str]:
    """Jobs that Snakemake ran itself, by what it wrote of them."""
    text = snakemake_log.read_text(encoding="utf-8", errors="replace")
    for rule, block in re.findall(r"^Error in rule (\w+)[:,].*\n((?: {4}.*\n)+)", text, re.MULTILINE):
        log = re.search(r"^ {4}log: (\S+)", block, re.MULTILINE)
        if log is None or "external_jobid:" in block or "Error submitting" in block:
            continue
        path = Path(log.group(1))
        yield f"failed: {rule} of {path.parts[1]}: {_said_in(path)}. Log: {path}"


def _said_in(log: Path) -> str:
    """The last error in a job's log."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines() if log.exists() else []
    errors = [line.partition("error: ")[2] for line in lines if "error: " in line]
    return errors[-1].rstrip(".") if errors else "killed, or ended before it could say why"
