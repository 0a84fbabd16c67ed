"""What a job can get on the nodes of a Slurm partition, and whether that is enough for one."""

import math
import re
from dataclasses import dataclass

from garner.cluster.submission import Submission

SINFO = "%R|%l|%c|%m|%G"  # format of sinfo(1) for `read_nodes`


@dataclass(frozen=True)
class Nodes:
    """What a job gets at most on the nodes of one kind in a partition."""

    partition: str
    minutes: float
    cores: int
    memory_mb: int
    gpus: int


def read_nodes(line: str, gres: str) -> Nodes:
    """`gpu|1-00:00:00|64|512000|gpu:a100:4(S:0-1),nic:2` of `sinfo`."""
    partition, limit, cores, memory, offered = line.split("|")
    gpus = re.findall(rf"(?:^|,){re.escape(gres)}(?::[^:,(]+)?:(\d+)", offered)
    return Nodes(partition, _minutes(limit), int(cores), int(memory), sum(map(int, gpus)))


def _minutes(limit: str) -> float:
    """`1-02:00:00`, `2:00:00` or `30:00`; `infinite` and `n/a` are no limit."""
    days, _, clock = limit.rpartition("-")
    if not clock[0].isdigit():
        return math.inf
    seconds = 0
    for part in clock.split(":"):
        seconds = seconds * 60 + int(part)
    return int(days or 0) * 1440 + seconds / 60


def unfit(job: Submission, nodes: list[Nodes], where: str) -> str | None:
    """What of the job none of `nodes` offers, and the cure."""
    asked = {
        "minutes": (job.minutes, "Lower runtime of the rule, or set run.maximum_minutes"),
        "memory_mb": (job.memory_mb, "Lower mem_mb of the rule, or set run.maximum_memory_mb"),
        "cores": (job.threads, "Lower threads of the rule"),
        "gpus": (job.gpus, "Check cluster.partitions.gpu and cluster.gres"),
    }
    for what, (wanted, cure) in asked.items():
        most = max(getattr(node, what) for node in nodes)
        if wanted > most:
            unit = {"memory_mb": "MB"}.get(what, what)
            return f"{wanted:,} {unit}; the most that a job gets in {where} is {most:,.0f}. {cure}."
    return None
