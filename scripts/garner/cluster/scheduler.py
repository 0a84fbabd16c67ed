"""What a scheduler says of a job, in words that are the same for all of them."""

import difflib
import os
import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from garner.cluster.submission import Submission
from garner.errors import ConfigError, UnreachableError

WORDS = {"cpu": "CPU jobs", "gpu": "GPU jobs", "network": "jobs on the network"}
TAIL = 65536  # bytes at the end of a job's output that are searched
CALL_SECONDS = 120  # a call that takes longer is taken for a scheduler that is away


@dataclass(frozen=True)
class Standing:
    """A job that the scheduler holds.

    `leaving` was cancelled and is not gone yet; `stuck` never runs without help; `gone` is on a silent node.
    """

    name: str
    state: Literal["pending", "running", "leaving", "stuck", "gone"]
    detail: str = ""


@dataclass(frozen=True)
class Verdict:
    """How a job ended, by the scheduler's books; `detail` is one line with the numbers that show it."""

    succeeded: bool
    reason: Literal["", "memory", "time", "killed", "node", "exit", "start"] = ""
    detail: str = ""
    used_mb: int | None = None  # the most memory it held


@dataclass(frozen=True)
class Check:
    """`problem` is empty where all is well; `settings` is what to put into the site's file otherwise."""

    what: str
    problem: str = ""
    settings: dict | None = None


class Scheduler(Protocol):
    """The modules `grid_engine` and `slurm` are each one of these."""

    NAME: str  # for messages
    COMMANDS: list[str]  # that must be on the PATH
    SUFFIX: str  # of the file beside the rule's log that takes what the scheduler writes
    SETTINGS: dict  # what `cluster.yaml` may set, with the types (garner.cluster.site)
    QUEUES: str  # the block of `cluster.yaml` that names the queues
    JOB_ID: str  # how a job's id reads in its own shell
    ON_WARNING: str  # shell line that hands the warning on to what runs below the body, where that is needed

    def submit_command(self, job: Submission, site: dict, log: str) -> list[str]:
        """The call that submits the script on its standard input."""

    def parse_id(self, output: str) -> str:
        """The id in what that call prints."""

    def refuse_unfit(self, job: Submission, site: dict) -> None:
        """Raise SchedulerError for a job that no node could ever run and that would wait for ever."""

    def refusal(self, words: str) -> str | None:
        """One line with the cure where a submission is refused for good; None where to try again may help."""

    def checks(self, site: dict) -> Iterator[Check]:
        """What the site's settings name, against what the scheduler knows."""

    def queue(self) -> dict[str, Standing]:
        """Every job of this user that has not ended, in one call. Raises UnreachableError."""

    def verdict(self, job_id: str, site: dict) -> Verdict | None:
        """How a job ended; None where the books do not say (yet). Raises UnreachableError."""

    def cancel_command(self, ids: Sequence[str]) -> list[str]:
        """The call that cancels jobs."""


def named(what: str, name: str, known: list[str], setting: Callable[[str], dict]) -> Check:
    """Whether `name` is among what is known; if not, `setting` of the nearest is what to set."""
    if name in known:
        return Check(f"{what}: {name}")
    near = difflib.get_close_matches(name, known, 1) or known[:1] or ["…"]
    return Check(what, f"{name} is not there; there are {', '.join(known[:20]) or 'none'}", setting(near[0]))


def tail(output: str) -> bytes:
    """The end of what a job printed. Raises OSError."""
    with open(output, "rb") as file:
        file.seek(max(0, os.fstat(file.fileno()).st_size - TAIL))
        return file.read()


def call(command: Sequence[str], stdin: str | None = None) -> subprocess.CompletedProcess:
    """Run a scheduler's command. Raises ConfigError if it is not there, UnreachableError if it hangs.

    In a session of its own, as Ctrl-C goes to all processes of the terminal's.
    """
    try:
        return subprocess.run(
            command, input=stdin, capture_output=True, text=True, timeout=CALL_SECONDS, start_new_session=True
        )
    except FileNotFoundError:
        raise ConfigError(
            f"{command[0]} is not on the PATH. Run this on a host from which one may submit jobs, or load "
            "the scheduler's module or settings first."
        ) from None
    except subprocess.TimeoutExpired:
        raise UnreachableError(f"{command[0]} gave no answer within {CALL_SECONDS} s") from None
