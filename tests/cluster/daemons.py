"""Daemons of a throw-away cluster: started with a file that remembers each, ended by process id."""

import os
import shlex
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Self

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
        """The process id of a daemon, or None, also when the system has given its number to another."""
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


class Scheduler:
    """What Grid Engine and Slurm have in common: one folder, commands, and a context in which they run."""

    def __init__(self, folder: Path):
        self.folder = Path(folder).resolve()
        self.host = socket.gethostname()
        self.daemons = Daemons(self.folder / "daemons")

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *exception) -> None:
        self.stop()

    def restart_master(self) -> None:
        """Take the scheduler away and bring it back; what runs goes on."""
        self.stop_master()
        self.start_master()

    def run(self, *command: str, **options) -> str:
        """What a command prints that asks this scheduler; raises with its words when it fails."""
        result = self.attempt(*command, **options)
        if result.returncode:
            raise ClusterFailed(f"{shlex.join(command)}: {result.stderr or result.stdout}")
        return result.stdout

    def attempt(self, *command: str, **options) -> subprocess.CompletedProcess:
        """The end of a command that asks this scheduler."""
        environment = CLEAN | self.environment
        return subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=60, check=False, **options
        )

    def kill_node(self, daemon: str, supervisor: str) -> None:
        """Kill a node's daemon, the supervisors of its jobs, which outlive it, and all below them."""
        pid = self.daemons.running(daemon)
        top = _supervisors(supervisor, self.environment) + ([pid] if pid else [])
        for process in [victim for parent in top for victim in [parent, *_descendants(parent)]]:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        holds(lambda: self.daemons.running(daemon) is None, 5)


def holds(condition: Callable[[], bool], seconds: float, pause: float = 0.1) -> bool:
    """Whether a condition came true within so many seconds."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(pause)
    return True


def _supervisors(name: str, environment: dict[str, str]) -> list[int]:
    """Processes of this name that belong to the cluster with this environment."""
    marks = [f"{variable}={value}".encode() for variable, value in environment.items()]
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(FileNotFoundError, ProcessLookupError):
            if (process / "comm").read_text().startswith(name):
                variables = (process / "environ").read_bytes().split(b"\0")
                found += [int(process.name)] if all(mark in variables for mark in marks) else []
    return found


def _descendants(pid: int) -> list[int]:
    """All processes under one, nearest first."""
    children = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        with suppress(FileNotFoundError, ProcessLookupError):
            parent = int(status.read_text().rpartition(")")[2].split()[1])
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
