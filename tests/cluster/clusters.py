"""A running scheduler as the tests of the profiles see it: what they set for it, ask it, and do to it."""

import os
import re
import subprocess
from dataclasses import dataclass
from typing import ClassVar

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
        submitted = _ids(workspace)
        records = self.run("qacct", "-j", "*").split("=" * 62)
        jobs = {}
        for record in records:
            fields = dict(re.findall(r"^(\w+) +(.*?) *$", record, re.MULTILINE))
            if fields.get("jobnumber") in submitted:
                number = fields["jobnumber"]
                jobs[number] = Job(
                    number, fields["jobname"], fields["qname"], int(fields["slots"]), fields["category"]
                )
        return list(jobs.values())

    def kill_node(self) -> None:
        self.scheduler.kill_execd()

    def start_node(self) -> None:
        self.scheduler.start_execd()


class ThroughSlurm(Cluster):
    profile = "slurm"
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
        submitted = _ids(workspace)
        rows = self.run(
            "sacct", "--parsable2", "--noheader", "--allocations", "--starttime=now-1days",
            "--format=jobid,jobname,partition,alloccpus,reqtres",
        )  # fmt: skip
        jobs = [Job(number, name, queue, int(cpus), asked) for number, name, queue, cpus, asked in
                (row.split("|") for row in rows.splitlines())]  # fmt: skip
        return [job for job in jobs if job.id in submitted]

    def kill_node(self) -> None:
        self.scheduler.kill_slurmd()

    def start_node(self) -> None:
        self.scheduler.start_slurmd()


def _ids(workspace: Workspace) -> set[str]:
    return {path.name for path in (workspace.folder / "state" / ".cluster" / "ids").iterdir()}
