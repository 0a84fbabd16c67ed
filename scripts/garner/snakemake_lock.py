"""Snakemake's lock on the working folder, which outlives a Snakemake that was killed.

It names no owner. An owner on this host is a Snakemake whose working folder is this one.
"""

import shutil
from collections.abc import Callable
from pathlib import Path

import psutil

from garner.errors import StateLockedError


def clear_stale_lock(folder: Path, say: Callable[[str], None] = print) -> bool:
    """Remove the lock if its owner is gone, and say so; StateLockedError names an owner that lives."""
    locks = folder / ".snakemake" / "locks"
    if not locks.is_dir() or not any(locks.iterdir()):
        return False
    for process in psutil.process_iter():
        try:
            if Path(process.cwd()) == folder.resolve() and _is_snakemake(process.cmdline()):
                raise StateLockedError(
                    f"Snakemake (process {process.pid}) already works in {folder.resolve()}. "
                    "Wait until it ends, or stop it with Ctrl-C where it was started."
                )
        except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
            continue
    shutil.rmtree(locks)
    say("Cleared the lock of an earlier Snakemake that was killed; its progress is kept.")
    return True


def _is_snakemake(command: list[str]) -> bool:
    return any(Path(word).name == "snakemake" for word in command[:3]) or command[1:3] == ["-m", "snakemake"]
