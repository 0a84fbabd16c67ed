"""A running scheduler as the tests of the profiles see it: what they set for it, ask it, and do to it."""

import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, NamedTuple

import yaml

from tests.cluster.grid_engine import GridEngine
from tests.cluster.slurm import Slurm
from tests.workflow.conftest import Workspace


@dataclass
class Job:
    """One job of the scheduler's books."""

    id: str
    name: str
    queue: str
    slots: int
    asked: str  # what it asked for, in the scheduler's own words


class Run(NamedTuple):
    """One run of a job, in seconds of the epoch; a job that was put back into the queue has several."""

    name: str
    begin: float
    end: float


class Cluster:
    """`profile` is what `--profile` takes, `scheduler` the daemons."""

    profile: str

    def __init__(self, scheduler: GridEngine | Slurm):
        self.scheduler = scheduler

    @property
    def environment(self) -> dict[str, str]:
        return os.environ | self.scheduler.environment

    def settle(self, workspace: Workspace, **settings: object) -> None:
        """Set what the site sets, and let nobody wait longer than a test can."""
        file = workspace.folder / "profiles" / self.profile / "cluster.local.yaml"
        site = yaml.safe_load(file.read_text())["cluster"] if file.exists() else {"poll_seconds": 1}
        file.write_text(yaml.safe_dump({"cluster": site | settings}))

    def start(self, workspace: Workspace, *arguments: str) -> subprocess.Popen:
        """Snakemake with this profile; what it says is added to `snakemake.log` in the workspace."""
        with open(workspace.folder / "snakemake.log", "a") as log:
            command = workspace.command("--profile", self.profile, *arguments)
            return subprocess.Popen(
                command, cwd=workspace.folder, stdout=log, stderr=log, env=self.environment
            )

    def run(self, *command: str) -> str:
        return self.scheduler.run(*command)


class ThroughGridEngine(Cluster):
    profile = "sge"
    SETTING = "queues"
    TOO_LITTLE_MB = 600  # of address space, for the training of the miniature study
    QUEUES: ClassVar = {"cpu": "all.q", "gpu": "gpu.q", "network": "network.q"}

    def asked_for_gpu(self, job: Job) -> bool:
        return "gpus=1" in job.asked

    def asked_memory_mb(self, job: Job) -> int:
        return job.slots * int(re.search(r"(?:mem_free|h_vmem)=(\d+)M", job.asked).group(1))

    def enforce_memory(self, workspace: Workspace) -> None:
        self.settle(workspace, memory="h_vmem")

    def queued(self) -> list[str]:
        """The ids of all jobs that have not ended."""
        return re.findall(r"<JB_job_number>(\d+)<", self.run("qstat", "-xml"))

    def cancel(self, job_id: str) -> None:
        self.run("qdel", job_id)

    def books(self, workspace: Workspace) -> list[Job]:
        """Every job that was submitted from `workspace`, each once, also if it ran again under its id."""
        jobs = {
            fields["jobnumber"]: Job(
                fields["jobnumber"],
                fields["jobname"],
                fields["qname"],
                int(fields["slots"]),
                fields["category"],
            )
            for fields in self._records(workspace)
        }
        return list(jobs.values())

    def runs(self, workspace: Workspace) -> list[Run]:
        return [
            Run(fields["jobname"], _seconds(fields["start_time"]), _seconds(fields["end_time"]))
            for fields in self._records(workspace)
            if fields["start_time"] != "-/-"
        ]

    def _records(self, workspace: Workspace) -> Iterator[dict[str, str]]:
        submitted = _ids(workspace)
        if not (self.scheduler.root / "default/common/accounting").exists():  # before any job has ended
            return
        for record in self.run("qacct", "-j", "*").split("=" * 62):
            fields = dict(re.findall(r"^(\w+) +(.*?) *$", record, re.MULTILINE))
            if fields.get("jobnumber") in submitted:
                yield fields

    def mend(self) -> None:
        """What an administrator would do after a scheduler's sudden death: nothing, it goes on."""

    def kill_node(self) -> None:
        self.scheduler.kill_execd()

    def start_node(self) -> None:
        self.scheduler.start_execd()


class ThroughSlurm(Cluster):
    profile = "slurm"
    SETTING = "partitions"
    TOO_LITTLE_MB = 300  # in use
    QUEUES: ClassVar = {"cpu": "cpu", "gpu": "gpu", "network": "network"}

    def asked_for_gpu(self, job: Job) -> bool:
        return "gres/gpu=1" in job.asked

    def asked_memory_mb(self, job: Job) -> int:
        number, unit = re.search(r"mem=([\d.]+)([MG])", job.asked).groups()
        return round(float(number) * {"M": 1, "G": 1024}[unit])

    def enforce_memory(self, workspace: Workspace) -> None:
        """This Slurm ends a job that takes more than it asked for."""

    def queued(self) -> list[str]:
        return self.run("squeue", "--noheader", "--format=%i").split()

    def cancel(self, job_id: str) -> None:
        self.run("scancel", job_id)

    def books(self, workspace: Workspace) -> list[Job]:
        rows = self._rows(workspace, "jobname,partition,alloccpus,reqtres")
        return [Job(number, name, queue, int(cpus), asked) for number, name, queue, cpus, asked in rows]

    def runs(self, workspace: Workspace) -> list[Run]:
        rows = self._rows(workspace, "jobname,start,end", "--duplicates")
        return [
            Run(name, _seconds(start), _seconds(end))
            for _, name, start, end in rows
            if start[0].isdigit() and end[0].isdigit()  # else it never began
        ]

    def _rows(self, workspace: Workspace, fields: str, *options: str) -> Iterator[list[str]]:
        call = ["sacct", "--parsable2", "--noheader", "--allocations", "--starttime=now-1days", *options]
        submitted = _ids(workspace)
        for row in self.run(*call, f"--format=jobid,{fields}").splitlines():
            if (columns := row.split("|"))[0] in submitted:
                yield columns

    def mend(self) -> None:
        """What an administrator would do: Slurm drains a node where a job could not be launched."""
        if "drain" in self.run("sinfo", "--noheader", "--format=%T"):
            self.run("scontrol", "update", f"nodename={self.scheduler.host}", "state=resume")

    def kill_node(self) -> None:
        self.scheduler.kill_slurmd()

    def start_node(self) -> None:
        self.scheduler.start_slurmd()


def _ids(workspace: Workspace) -> set[str]:
    return {path.name for path in workspace.folder.glob("state/.cluster/ids/*")}


def _seconds(date: str) -> float:
    """Of a date as `qacct` and `sacct` write it, each in its own way."""
    form = "%Y-%m-%dT%H:%M:%S" if "T" in date and "-" in date else "%a %b %d %H:%M:%S %Y"
    return datetime.strptime(date, form).timestamp()
