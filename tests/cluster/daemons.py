"""Daemons of a throw-away cluster: started with a file that remembers each, ended by process id."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

# What an init system would give a daemon, and the mark by which install.sh knows it from a real cluster's.
CLEAN = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "GARNER_TEST_CLUSTER": "1"}


class ClusterFailed(Exception):
    """A scheduler that did not come up, with the end of what its daemons logged."""


class Daemons:
    """The daemons whose process ids, logs and scratch files lie in one folder."""

    def __init__(self, folder: Path):
        self.folder = folder

    def start(self, name: str, command: Sequence[str], environment: dict[str, str]) -> None:
        """Start a daemon that stays in the foreground, unless it runs already."""
        if self.running(name):
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                command,
                cwd="/",
                env=CLEAN | environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        (self.folder / f"{name}.pid").write_text(f"{process.pid} {_started(process.pid)}\n")

    def running(self, name: str) -> int | None:
        """The process id of a daemon, or None. A process id that the system has given to another is no daemon."""
        try:
            pid, started = (self.folder / f"{name}.pid").read_text().split()
        except FileNotFoundError:
            return None
        return int(pid) if _started(int(pid)) == started else None

    def stop(self, name: str, number: signal.Signals = signal.SIGTERM, patience: float = 15) -> None:
        """End a daemon by a signal, and by SIGKILL when it does not obey within `patience` seconds."""
        pid = self.running(name)
        if pid is None:
            return
        os.kill(pid, number)
        if not holds(lambda: self.running(name) is None, patience):
            os.kill(pid, signal.SIGKILL)
            holds(lambda: self.running(name) is None, 5)

    def log(self, name: str, characters: int = 2000) -> str:
        """The end of what a daemon wrote."""
        file = self.folder / f"{name}.log"
        return file.read_text(errors="replace")[-characters:] if file.exists() else ""


def holds(condition: Callable[[], bool], seconds: float, pause: float = 0.1) -> bool:
    """Whether a condition came true within so many seconds."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(pause)
    return True


def free_port() -> int:
    """A port on this machine that nobody listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def descendants(pid: int) -> list[int]:
    """All processes under one, nearest first."""
    children = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(status.read_text().rpartition(")")[2].split()[1])
        except (FileNotFoundError, ProcessLookupError):
            continue
        children.setdefault(parent, []).append(int(status.parent.name))
    found, front = [], [pid]
    while front:
        front = [child for parent in front for child in children.get(parent, [])]
        found += front
    return found


def _started(pid: int) -> str | None:
    """When a process started, in the kernel's ticks; None for one that is gone or a zombie."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] == "Z" else fields[19]
