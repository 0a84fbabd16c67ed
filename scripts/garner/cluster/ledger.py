"""What was submitted and how it ended: a folder for each job under `state/.cluster/`.

The job itself leaves `exit` (its exit code and id) there, and `reason.json` where the stage inside knew why
it failed. So a job that ends while nobody watches, or while the scheduler is away, is not lost.
"""

import base64
import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from garner.files import write_json, write_text

ROOT = Path("state", ".cluster")


@dataclass(frozen=True)
class Failure:
    """`reason` is one of Verdict's, or `error` and `passing` (in the stage's words), `lost`, `refused`."""

    reason: str
    detail: str


@dataclass
class Entry:
    """The last submission of a job. `id` is empty while it is unknown whether the scheduler took it.

    What stops at its time limit goes on in a new job; `former` has the ids of those before.
    """

    key: str
    name: str
    title: str
    signature: str
    outputs: list[str]
    log: str  # of the stage
    output: str  # what the scheduler and Snakemake on the node write
    memory_mb: int
    minutes: int
    run: str  # the Snakemake that submitted it, or is attached to it
    profile: str = ""  # the folder of the scripts that submitted it
    command: list[str] = field(default_factory=list)  # that submits the script `job.sh` of the record
    sent: bool = False  # the scheduler may have it, also where there is no id
    id: str = ""
    former: list[str] = field(default_factory=list)
    failure: dict | None = None
    submitted: float = 0.0  # seconds of the epoch
    missed: float | None = None  # since when neither the scheduler nor the job itself says how it is
    closed: bool = False  # its end was reported

    @property
    def record(self) -> Path:
        """The folder that the job writes to."""
        return ROOT / "jobs" / self.key

    @property
    def exit_code(self) -> int | None:
        """The job's exit code; None as long as it has not ended, or where it died before it could say.

        Another job's does not count: one that was given up for lost may come back and end with its node.
        """
        code, job_id = self._exit()
        return int(code) if code and job_id in ("", self.id or job_id) else None

    @property
    def told_id(self) -> str:
        """The id that the job itself left: that of a submission which nobody could record."""
        return self._exit()[1]

    def _exit(self) -> tuple[str, str]:
        if not self.left("exit"):
            return "", ""
        code, _, job_id = (self.record / "exit").read_text().strip().partition(" ")
        return code, job_id

    def left(self, name: str) -> bool:
        """Whether the job left a file of this name. To list the folder makes NFS look anew."""
        return self.record.is_dir() and name in os.listdir(self.record)

    @property
    def reason(self) -> Failure | None:
        """Why the stage failed, in its own words."""
        try:
            return Failure(**json.loads((self.record / "reason.json").read_text()))
        except (FileNotFoundError, ValueError, TypeError):
            return None

    def asks_to_go_on(self) -> bool:
        """Whether it stopped at the warning of its time limit, with its progress saved."""
        return self.exit_code is not None and self.left("resume")

    def clear(self) -> None:
        """Forget what an earlier job left in the record."""
        for name in ("exit", "reason.json", "resume", "started"):
            (self.record / name).unlink(missing_ok=True)

    def save(self) -> None:
        write_json(self.record / "job.json", asdict(self))
        if self.id:
            write_text(ROOT / "ids" / self.id, self.key)

    def close(self, failure: Failure | None) -> None:
        self.closed, self.failure = True, failure and asdict(failure)
        self.save()

    def refuse(self, run: str, words: str) -> None:
        """Note why nothing could be submitted; an earlier job that may still be queued stays known."""
        self.run, self.failure = run, asdict(Failure("refused", words))
        self.save()

    def unrecorded(self) -> bool:
        """Whether its own marker of incomplete outputs is still there: no Snakemake has seen its end."""
        marks = [
            json.loads(marker(output).read_text() or "{}")
            for output in self.outputs
            if marker(output).exists()
        ]
        return any(mark.get("external_jobid") == self.id for mark in marks)

    def mark_incomplete(self) -> None:
        """Put the markers back that Snakemake in the job took away from what no Snakemake here has recorded.

        Else those parts of a group that have ended are taken for done, and the others for another job.
        """
        for output in self.outputs:
            record = _of_snakemake("metadata", output)
            recorded = record.exists() and record.stat().st_mtime > self.submitted
            if os.path.exists(output) and not recorded:
                write_json(marker(output), {"external_jobid": self.id})


@contextmanager
def alone(key: str) -> Iterator[None]:
    """Hold the job; the `submit` of a killed Snakemake may live on and wait for the scheduler."""
    folder = ROOT / "jobs" / key
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "lock", "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def find(key: str) -> Entry | None:
    """The job's last submission."""
    try:
        return Entry(**json.loads((ROOT / "jobs" / key / "job.json").read_text()))
    except FileNotFoundError:
        return None


def find_by_id(job_id: str) -> Entry | None:
    try:
        return find((ROOT / "ids" / job_id).read_text())
    except FileNotFoundError:
        return None


def entries() -> list[Entry]:
    """All jobs ever submitted from this folder."""
    found = [find(path.parent.name) for path in sorted(ROOT.glob("jobs/*/job.json"))]
    return [entry for entry in found if entry is not None]


def marker(output: str) -> Path:
    """Snakemake's own file that says that `output` is incomplete, or not recorded yet."""
    return _of_snakemake("incomplete", output)


def _of_snakemake(folder: str, output: str) -> Path:
    """Where Snakemake keeps something about `output` (`_record_path` of snakemake.persistence.file)."""
    name = base64.urlsafe_b64encode(output.encode()).decode()
    pieces = [name[at : at + 254] for at in range(0, len(name), 254)]
    return Path(".snakemake", folder, *(f"@{piece}" for piece in pieces[:-1]), pieces[-1])
