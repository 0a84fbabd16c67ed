"""One run of Snakemake: who it is, the settings that its jobs are given, its lock, and its last words.

The lock on the working folder outlives a Snakemake that was killed and names no owner, so each run leaves its
name beside it. An owner on this host is a Snakemake whose working folder is this one.
"""

import itertools
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import psutil
from snakemake_interface_executor_plugins.utils import encode_target_jobs_cli_args

from garner.cluster import ledger
from garner.cluster.submission import GROUPS
from garner.errors import StateLockedError
from garner.files import sha256, sha256_of, write_json

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
    kept = _FOLDER / f"settings-{sha256_of([config, _code()])[:16]}.json"
    if not kept.exists():
        write_json(kept, config)
    os.environ["GARNER_SETTINGS"] = str(kept)
    if not _locked(Path()):
        for entry in ledger.entries():
            if not entry.closed:
                entry.mark_incomplete()
    elif _living_owner(Path()) is None and _foreign_host(Path()) is None:
        print(
            "A Snakemake that worked here was killed and left its lock; its progress is kept. If it asks for "
            "that below: `make unlock` clears the lock, then run the same command again.",
            file=sys.stderr,
        )


def _code() -> list[str]:
    """All code that a job may run. A group of jobs has no params in which its fingerprint would stand."""
    folder = Path(__file__).parent.parent
    return [sha256(path) for path in sorted(folder.rglob("*.py"))]


def kept_settings() -> str:
    """Within a job: the file of settings that the run had which submitted it."""
    return os.environ["GARNER_SETTINGS"]


def begin(dag) -> None:
    """Say who holds the lock from now on, and what the jobs of groups make; make Ctrl-C cancel all jobs.

    Snakemake itself leaves out those that it is just asking about, which is all of them where there are many.
    """
    write_json(_OWNER, {"host": os.uname().nodename, "process": os.getpid()})
    grouped = [job for job in dag.jobs if dag.get_job_group(job)]
    if grouped:
        write_json(GROUPS, {_target(job): [str(path) for path in job.output] for job in grouped})
    signal.signal(signal.SIGINT, _on_interrupt)


def _target(job) -> str:
    """As it stands in the call of Snakemake within a job."""
    (target,) = encode_target_jobs_cli_args(job.get_target_spec())
    return target


def _on_interrupt(*_: object) -> None:
    ours = (entry for entry in ledger.entries() if entry.run == os.environ["GARNER_RUN"])
    left = [entry for entry in ours if entry.id and not entry.closed and entry.exit_code is None]
    if left:
        print(f"Cancelling {len(left)} jobs on the cluster; their progress is kept.", file=sys.stderr)
    for profile, entries in itertools.groupby(left, lambda entry: entry.profile):
        subprocess.run([Path(profile, "cancel.py"), *(entry.id for entry in entries)])
    raise KeyboardInterrupt


def clear_stale_lock(folder: Path, say: Callable[[str], None] = print) -> bool:
    """Remove the lock if its owner is gone, and say so; StateLockedError names one that lives or may live."""
    if not _locked(folder):
        return False
    if pid := _living_owner(folder):
        raise StateLockedError(
            f"Snakemake (process {pid}) already works in {folder.resolve()}. "
            "Wait until it ends, or stop it with Ctrl-C where it was started."
        )
    if host := _foreign_host(folder):
        raise StateLockedError(
            f"a Snakemake on {host} (process {_owner(folder)['process']}) took the lock on "
            f"{folder.resolve()}, and only {host} can tell whether it lives. Run `make unlock` "
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


def _foreign_host(folder: Path) -> str | None:
    """The host of the lock's owner, if it is not this one."""
    host = _owner(folder).get("host", os.uname().nodename)
    return host if host != os.uname().nodename else None


def _living_owner(folder: Path) -> int | None:
    """The process of another Snakemake on this host that works in `folder`."""
    for process in psutil.process_iter():
        try:
            if process.pid != os.getpid() and _is_snakemake(process.cmdline()) and _is_in(process, folder):
                return process.pid
        except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
            continue
    return None


def _is_in(process: psutil.Process, folder: Path) -> bool:
    """Whether a process works in `folder`; of another user's one sees only whether it left its name there."""
    try:
        return Path(process.cwd()) == folder.resolve()
    except psutil.AccessDenied:
        return process.pid == _owner(folder).get("process")


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
