"""What was submitted and how it ended: a folder for each job under `state/.cluster/`.

The job itself leaves `exit` (its exit code) there, and `reason.json` where the stage inside knew why it
failed. So a job that ends while nobody watches, or while the scheduler is away, is not lost.
"""

import base64
import json
from dataclasses import asdict, dataclass
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
    """The last submission of a job. `id` is empty while it is unknown whether the scheduler took it."""

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
    id: str = ""
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
        """The job's exit code; None as long as it has not ended, or where it died before it could say."""
        try:
            return int((self.record / "exit").read_text())
        except (FileNotFoundError, ValueError):
            return None

    @property
    def reason(self) -> Failure | None:
        """Why the stage failed, in its own words."""
        try:
            return Failure(**json.loads((self.record / "reason.json").read_text()))
        except (FileNotFoundError, ValueError, TypeError):
            return None

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
    name = base64.urlsafe_b64encode(output.encode()).decode()
    pieces = [name[at : at + 254] for at in range(0, len(name), 254)]
    return Path(".snakemake", "incomplete", *(f"@{piece}" for piece in pieces[:-1]), pieces[-1])
