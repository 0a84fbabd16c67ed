"""Grid Engine: Sun's, and its heirs (Son of Grid Engine, Open, Univa and Altair Grid Engine).

Manual pages: submit(1) for qsub, qstat(1), qacct(1), accounting(5), queue_conf(5) for limits and signals.
"""

import math
import re
from collections.abc import Iterator, Sequence
from xml.etree import ElementTree

from garner.cluster.scheduler import WORDS, Check, Standing, Verdict, call, named
from garner.cluster.site import COMMON, OPTIONAL, TEXT
from garner.cluster.submission import Submission
from garner.errors import SchedulerError, UnreachableError

NAME = "Grid Engine"
COMMANDS = ["qsub", "qstat", "qacct", "qdel", "qconf", "qhost"]
SUFFIX = ".sge"
QUEUES = "queues"
JOB_ID = "$JOB_ID"
ON_WARNING = ""  # every process of the job gets the signal
SETTINGS = COMMON | {
    QUEUES: {"cpu": TEXT, "gpu": TEXT, "network": OPTIONAL},
    "parallel_environment": TEXT,
    "memory": OPTIONAL,
    "gpus": TEXT,
    "project": OPTIONAL,
}
_AWAY = re.compile(
    r"commlib error|unable to (send message|contact|connect|read qmaster|initialize environment)",
    re.IGNORECASE,
)
_RESCHEDULING = 25
_BEFORE_THE_JOB = range(1, 34)  # the numbers of `failed` in accounting(5) for a job that never began, but 25
_BY_A_LIMIT = 37
_PATTERN = set("*?[!&|")  # of the queues that a pattern fits, the scheduler chooses itself
_UNITS = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}


def submit_command(job: Submission, site: dict, log: str) -> list[str]:
    """The call of `qsub`, which takes the script on its standard input; what the job prints goes to `log`."""
    queues = site["queues"]
    queue = queues["gpu"] if job.gpus else (job.network and queues["network"]) or queues["cpu"]
    command = ["qsub", "-terse", "-cwd", "-S", "/bin/sh", "-r", "n", "-notify"]
    command += ["-N", job.name, "-j", "y", "-o", log]
    command += ["-q", queue, "-l", ",".join(_limits(job, site))]
    if job.threads > 1:
        command += ["-pe", site["parallel_environment"], str(job.threads)]
    if site["project"]:
        command += ["-P", site["project"]]
    if site["mail"]:
        command += ["-m", "a", "-M", site["mail"]]
    return [*command, *map(str, site["extra"])]


def _limits(job: Submission, site: dict) -> list[str]:
    seconds, warning = job.minutes * 60, site["warning_seconds"]
    limits = [f"h_rt={seconds}"]
    if warning:
        limits.append(f"s_rt={max(seconds - warning, seconds // 2)}")
    if site["memory"]:
        limits.append(f"{site['memory']}={math.ceil(job.memory_mb / job.threads)}M")  # counted by the slot
    if job.gpus:
        limits.append(f"{site['gpus']}={job.gpus}")
    return limits


def parse_id(output: str) -> str:
    return output.strip().splitlines()[-1]


def refuse_unfit(job: Submission, site: dict) -> None:
    """`qsub` takes a job that asks for more memory than any node has, and lets it wait for ever."""
    hosts = _xml(["qhost", "-xml"])
    memories = [value.text for value in hosts.iterfind("./host/hostvalue[@name='mem_total']")]
    largest = max((_mb(text) for text in memories if text and text != "-"), default=None)
    if largest is not None and job.memory_mb > largest:
        raise SchedulerError(
            f"{job.title} asks for {job.memory_mb:,} MB and the largest node has {largest:,} MB. "
            f"Lower mem_mb of the rule, or set run.maximum_memory_mb to {largest:,} or less."
        )


def refusal(words: str) -> str | None:
    if _AWAY.search(words):
        return None
    said = " ".join(re.sub(r"Unable to run job:|Exiting\.\s*$", "", words).split())
    if "No space left" in said:
        return (
            f"Grid Engine's spool is full ({said}). Tell its administrators, and run the same command again."
        )
    cures = {
        "queue": "cluster.queues (`qconf -sql` lists the queues)",
        "parallel environment": "cluster.parallel_environment (`qconf -spl` lists them)",
        "resource": "cluster.memory and cluster.gpus (`qconf -sc` lists the complexes)",
        "project": "cluster.project (`qconf -sprjl` lists the projects)",
    }
    cure = next((cure for word, cure in cures.items() if word in said), "the block cluster")
    return f"Grid Engine refuses the job: {said}. Check {cure}; `make cluster-doctor` checks them all."


def queue() -> dict[str, Standing]:
    """One `qstat`; its list by queues, as a job's own state does not tell that its node is silent."""
    answer = _xml(["qstat", "-f", "-xml"])
    found = {}
    for place in answer.iter("Queue-List"):
        silent = "u" in (place.findtext("state") or "")
        for job in place.iterfind("job_list"):
            found[job.findtext("JB_job_number")] = _standing(
                job, place.findtext("name", "a queue") if silent else ""
            )
    for job in answer.iterfind("./job_info/job_list"):
        found[job.findtext("JB_job_number")] = _standing(job, "")
    return found


def _standing(job: ElementTree.Element, silent_queue: str) -> Standing:
    name, state = job.findtext("JB_name") or "", job.findtext("state") or ""
    if "E" in state:
        return Standing(name, "stuck", _why_stuck(job.findtext("JB_job_number")))
    if "d" in state:
        return Standing(name, "leaving")
    if silent_queue:
        return Standing(name, "gone", f"the node of {silent_queue} does not answer")
    return Standing(name, "pending" if "q" in state else "running")


def _why_stuck(job_id: str) -> str:
    """The reason of a job in state Eqw, in the scheduler's own words."""
    reason = re.search(r"^error reason.*?:\s*(.*)$", call(["qstat", "-j", job_id]).stdout, re.MULTILINE)
    return reason.group(1) if reason else "Grid Engine put it into the state Eqw"


def verdict(job_id: str, site: dict) -> Verdict | None:
    answer = call(["qacct", "-j", job_id])
    if answer.returncode != 0:
        if _AWAY.search(answer.stderr):
            raise UnreachableError(answer.stderr.strip())
        return None
    last = answer.stdout.strip().rpartition("=====")[2]  # one record for each time it ran
    return read_record(dict(re.findall(r"^(\w+) +(.*?) *$", last, re.MULTILINE)))


def read_record(record: dict[str, str]) -> Verdict | None:
    """What a record of `qacct` says; None for one that tells of a job put back into the queue."""
    failed, code = int(record["failed"].split()[0]), int(record["exit_status"].split()[0])
    used = _mb(record.get("maxvmem", "0"))
    ran = float(record.get("ru_wallclock", "0").rstrip("s"))
    said = f"{record['failed']}, exit status {record['exit_status']}, ran {ran:,.0f} s, held {used:,} MB"
    if failed == _RESCHEDULING:
        return None
    if failed == 0:
        return Verdict(code == 0, "" if code == 0 else "exit", said, used)
    if failed in _BEFORE_THE_JOB:
        return Verdict(False, "start", said, used)
    if failed == _BY_A_LIMIT or code == 128 + 10:  # of SIGUSR1, which warns of the time limit
        limits = dict(re.findall(r"(\w+)=([\w.]+)", record.get("category", "")))
        memory = "h_vmem" in limits and used > _mb(limits["h_vmem"]) * int(record.get("slots", "1"))
        return Verdict(False, "memory" if memory else "time", said, used)
    return Verdict(False, "killed", said, used)


def cancel_command(ids: Sequence[str]) -> list[str]:
    return ["qdel", *ids]


def checks(site: dict) -> Iterator[Check]:
    """What the site's settings name, against what is there."""
    queues = _asked(["qconf", "-sql"]).split()
    for kind, queue in site["queues"].items():
        for name in queue.split(",") if queue else []:  # a list, of which each may name hosts: a.q,b.q@fast
            if not set(name) & _PATTERN:
                what, name = f"queue for {WORDS[kind]}", name.partition("@")[0]
                yield named(what, name, queues, lambda near, kind=kind: {"queues": {kind: near}})
    environments = call(["qconf", "-spl"]).stdout.split()
    environment = site["parallel_environment"]
    yield named(
        "parallel environment", environment, environments, lambda name: {"parallel_environment": name}
    )
    if environment in environments:
        rule = re.search(
            r"^allocation_rule +(\S+)", _asked(["qconf", "-sp", environment]), re.MULTILINE
        ).group(1)
        if rule != "$pe_slots":
            yield Check(
                f"parallel environment {environment}",
                f"its allocation rule is {rule}, which may spread a job over hosts. Take one with $pe_slots",
                {"parallel_environment": "…"},
            )
    lines = [line.split() for line in _asked(["qconf", "-sc"]).splitlines()]
    complexes = {fields[0]: fields for fields in lines if fields and not fields[0].startswith("#")}
    names = [name for name, fields in complexes.items() if fields[4] != "NO"]  # may be asked for
    if site["memory"]:
        yield named("complex for memory", site["memory"], names, lambda name: {"memory": name})
    yield named("complex for GPUs", site["gpus"], names, lambda name: {"gpus": name})
    if site["gpus"] in complexes and complexes[site["gpus"]][5] == "YES":
        yield Check(
            f"complex {site['gpus']}",
            "it is consumed by the slot, so that a job of 4 threads waits for 4 GPUs. Ask for the kind JOB, "
            "or set train.threads to 1",
        )
    if site["project"]:
        projects = call(["qconf", "-sprjl"]).stdout.split()
        yield named("project", site["project"], projects, lambda name: {"project": name})


def _asked(command: list[str]) -> str:
    answer = call(command)
    if answer.returncode != 0:
        raise UnreachableError((answer.stderr or answer.stdout).strip())
    return answer.stdout


def _xml(command: list[str]) -> ElementTree.Element:
    said = _asked(command)
    try:
        return ElementTree.fromstring(said)
    except ElementTree.ParseError as error:
        raise UnreachableError(f"{command[0]} gave no whole answer ({error})") from None


def _mb(text: str) -> int:
    """`7.655G`, `618.254MB` or `512M` as whole megabytes."""
    number, unit = re.match(r"([\d.]+) *([KMGT]?)", text).groups()
    return round(float(number) * _UNITS[unit] / 2**20)
