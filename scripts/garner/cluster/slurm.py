"""Slurm, 20.11 or newer.

Manual pages: sbatch(1), squeue(1) for states and reasons, sacct(1), scontrol(1), sinfo(1).
"""

import getpass
import re
from collections.abc import Iterator, Sequence

from garner.cluster.scheduler import WORDS, Check, Standing, Verdict, call, named, tail
from garner.cluster.site import COMMON, OPTIONAL, TEXT
from garner.cluster.slurm_nodes import SINFO, Nodes, read_nodes, unfit
from garner.cluster.submission import Submission
from garner.errors import ConfigError, SchedulerError, UnreachableError

NAME = "Slurm"
COMMANDS = ["sbatch", "squeue", "scontrol", "sacct", "scancel", "sinfo"]
SUFFIX = ".slurm"
QUEUES = "partitions"
JOB_ID = "$SLURM_JOB_ID"
# The signal comes to the body's shell alone, which hands it to all processes of the job.
ON_WARNING = """trap 'trap "" USR1; kill -USR1 0' USR1"""
SETTINGS = COMMON | {
    QUEUES: {"cpu": OPTIONAL, "gpu": OPTIONAL, "network": OPTIONAL},
    "gres": TEXT,
    "account": OPTIONAL,
    "qos": OPTIONAL,
    "accounting": (bool,),
}
_LONGEST_WARNING = 65535  # seconds that --signal can take
# What sbatch says of a Slurm that is away, or of a number of jobs that will shrink again.
_LATER = re.compile(
    r"contact slurm|socket timed out|connection (refused|timed out|reset)|zero bytes|temporarily"
    r"|authentication|munge|MaxSubmit",
    re.IGNORECASE,
)
_NOT_CONFIGURED = re.compile(r"configuration (file|source)|fetch config", re.IGNORECASE)
_RUNNING = {"RUNNING", "SUSPENDED", "STOPPED", "RESIZING", "SIGNALING"}
_LEAVING = {"COMPLETING", "STAGE_OUT"}
# Reasons of a pending job that no patience cures, and what to do. Not PartitionConfig, which also passes by.
_STUCK = {
    r"launch fail|user env": "the node could not start it; tell the site's administrators",
    r"PartitionTimeLimit|WallDuration": "lower runtime of the rule, or run.maximum_minutes",
    r"Max\w*PerJob": "lower mem_mb, threads or gpu of the rule",
    r"InvalidAccount|AccountNotAllowed|InvalidQOS|QOSNotAllowed": "check cluster.account and cluster.qos",
}
_ENDS = {
    "OUT_OF_MEMORY": "memory",
    "TIMEOUT": "time",
    "DEADLINE": "time",
    "CANCELLED": "killed",
    "PREEMPTED": "killed",
    "REVOKED": "killed",
    "NODE_FAIL": "node",
    "BOOT_FAIL": "start",
    "LAUNCH_FAILED": "start",
    "RECONFIG_FAIL": "start",
}
_NO_OUTPUT = 53  # the "signal" of a job whose output file or working folder the node could not open


def submit_command(job: Submission, site: dict, log: str) -> list[str]:
    """The call of `sbatch`, which takes the script on its standard input; what the job prints goes to `log`.

    The job starts with none of the caller's variables: `--export=NAMES` would add those of a login shell.
    """
    command = ["sbatch", "--parsable", f"--job-name={job.name}", "--export-file=/dev/null"]
    command += [f"--output={log.replace('%', '%%')}", "--open-mode=append"]
    command.append("--requeue")  # what is preempted, or loses its node, runs again under its id
    if partition := _partition(job, site):
        command.append(f"--partition={partition}")
    command += ["--nodes=1", "--ntasks=1", f"--cpus-per-task={job.threads}", f"--mem={job.memory_mb}M"]
    command.append(f"--time={job.minutes}")
    if site["warning_seconds"]:
        warning = min(site["warning_seconds"], job.minutes * 30, _LONGEST_WARNING)
        command.append(f"--signal=B:USR1@{int(warning)}")
    if job.gpus:
        command.append(f"--gres={site['gres']}:{job.gpus}")
    for option in ("account", "qos"):
        if site[option]:
            command.append(f"--{option}={site[option]}")
    if site["mail"]:
        command += ["--mail-type=FAIL", f"--mail-user={site['mail']}"]
    return [*command, *map(str, site["extra"])]


def _partition(job: Submission, site: dict) -> str | None:
    partitions = site["partitions"]
    return partitions["gpu"] if job.gpus else (job.network and partitions["network"]) or partitions["cpu"]


def parse_id(output: str) -> str:
    return output.strip().splitlines()[-1].partition(";")[0]  # `7;cluster` where there are several clusters


def refuse_unfit(job: Submission, site: dict) -> None:
    """`sbatch` takes a job of too many cores or hours, which waits for ever, unless the site forbids it."""
    partition, nodes = _partition(job, site), _nodes(site)
    if partition:
        nodes = [node for node in nodes if node.partition in partition.split(",")]
    if partition and not nodes:
        raise SchedulerError(
            f"there is no partition {partition}. Name one that `sinfo` lists in cluster.partitions."
        )
    there = [node for node in nodes if node.cores]  # a partition of nodes that come and go shows none
    if there and (problem := unfit(job, there, f"partition {partition}" if partition else "any partition")):
        raise SchedulerError(f"{job.title} asks for {problem}")


def _nodes(site: dict) -> list[Nodes]:
    lines = _asked(["sinfo", "--all", "--noheader", "--exact", f"--format={SINFO}"]).splitlines()
    return [read_nodes(line, site["gres"]) for line in lines]


def refusal(words: str) -> str | None:
    if _LATER.search(words):
        return None
    said = _line(words)
    if "writing script" in said:
        return f"Slurm's spool is full ({said}). Tell its administrators, and run the same command again."
    cures = {
        "account|qos": "cluster.account and cluster.qos (`sacctmgr show associations user=$USER`)",
        "partition": "cluster.partitions (`sinfo` lists them)",
        "gres": "cluster.gres (`sinfo -o '%P %G'` lists them)",
        "memory": "mem_mb of the rule and run.maximum_memory_mb (`sinfo -o '%P %m'` has the nodes')",
        "time limit": "runtime of the rule and run.maximum_minutes (`sinfo -o '%P %l'` has the limits)",
        "node configuration": "threads, mem_mb and gpu of the rule (`sinfo -o '%P %c %m %G'` has the nodes')",
        "configuration": "SLURM_CONF, or load the site's module",
        "option|feature": "cluster.extra",
    }
    cure = next((cure for word, cure in cures.items() if re.search(word, said, re.I)), "the block cluster")
    return (
        f"Slurm refuses the job: {said}. Check {cure}; `make cluster-doctor PROFILE=slurm` checks them all."
    )


def queue() -> dict[str, Standing]:
    """One `squeue`. Of a silent node it says nothing: after a while Slurm itself requeues what ran there."""
    found = {}
    for line in _asked(["squeue", "--me", "--noheader", "--format=%i|%T|%r|%j"]).splitlines():
        job_id, state, reason, name = line.split("|", 3)
        found[job_id] = standing(name, state, reason)
    return found


def standing(name: str, state: str, reason: str) -> Standing:
    """What `squeue` says of a job in words that are the same for all schedulers."""
    if state in _RUNNING:
        return Standing(name, "running")
    if state in _LEAVING:
        return Standing(name, "leaving")
    cure = next((cure for words, cure in _STUCK.items() if re.search(words, reason)), None)
    return Standing(name, "stuck", f"{reason}: {cure}") if cure else Standing(name, "pending", reason)


def verdict(job_id: str, site: dict) -> Verdict | None:
    """By accounting where the site keeps it, else by what Slurm remembers for some minutes after the end."""
    return (_from_accounting(job_id) if site["accounting"] else None) or _from_controller(job_id)


def _from_accounting(job_id: str) -> Verdict | None:
    fields = "State,ExitCode,Elapsed,Timelimit,MaxRSS"
    command = ["sacct", "--noheader", "--parsable2", "--units=M", f"--format={fields}", f"--jobs={job_id}"]
    rows = [line.split("|") for line in call(command).stdout.splitlines()]
    if not rows:  # no accounting, or not reached, or it lags
        return None
    used = [round(float(row[4].rstrip("M"))) for row in rows if row[4]]
    return read_record(*rows[0][:4], used_mb=max(used, default=None))


def _from_controller(job_id: str) -> Verdict | None:
    answer = call(["scontrol", "show", "job", job_id])
    if "Invalid job id" in answer.stderr:
        return None
    if answer.returncode != 0:
        raise UnreachableError(_line(answer.stderr))
    fields = dict(re.findall(r"(\w+)=(\S*)", answer.stdout))
    found = read_record(fields["JobState"], fields["ExitCode"], fields["RunTime"], fields["TimeLimit"])
    output = re.search(r"^ *StdOut=(.*)$", answer.stdout, re.MULTILINE)
    if found and found.reason == "killed" and (words := _words_of_memory(job_id, output.group(1))):
        return Verdict(False, "memory", words)
    return found


def read_record(state: str, code: str, ran: str, limit: str, used_mb: int | None = None) -> Verdict | None:
    """What a record of `sacct` or `scontrol` says; None for a job that has not ended."""
    said = f"{state}, exit code {code}, ran {ran} of {limit}"
    if used_mb is not None:
        said += f", held {used_mb:,} MB"
    word = state.split()[0]  # CANCELLED by 1000
    if word == "COMPLETED":
        return Verdict(True, "", said, used_mb)
    if word == "FAILED":
        return Verdict(False, _why_failed(*map(int, code.split(":"))), said, used_mb)
    return Verdict(False, _ENDS[word], said, used_mb) if word in _ENDS else None


def _why_failed(code: int, number: int) -> str:
    """From the exit code of the body and the signal that it died of."""
    if number:
        return "start" if number == _NO_OUTPUT else "killed"
    return "exit" if code else "start"


def _words_of_memory(job_id: str, output: str) -> str | None:
    """The line in a job's output by which Slurm says that it was killed for its memory."""
    try:
        lines = tail(output).decode(errors="replace").splitlines()
    except OSError:
        return None
    told = re.compile(rf"\b{job_id}\.batch.*exceeded memory limit|oom.kill.*\b{job_id}\.batch", re.IGNORECASE)
    return next((line for line in reversed(lines) if told.search(line)), None)


def cancel_command(ids: Sequence[str]) -> list[str]:
    return ["scancel", *ids]


def checks(site: dict) -> Iterator[Check]:
    """What the site's settings name, against what is there."""
    nodes = _nodes(site)
    known = sorted({node.partition for node in nodes})
    for kind, partitions in site["partitions"].items():
        for partition in partitions.split(",") if partitions else []:
            what = f"partition for {WORDS[kind]}"
            yield named(what, partition, known, lambda near, kind=kind: {"partitions": {kind: near}})
    gpu = (site["partitions"]["gpu"] or ",".join(known)).split(",")
    gpus = max((node.gpus for node in nodes if node.partition in gpu), default=0)
    what = f"gres {site['gres']}"
    if gpus:
        yield Check(f"{what}: up to {gpus} on a node of {','.join(gpu)}")
    else:
        yield Check(what, f"no node of {','.join(gpu)} offers it (`sinfo -o '%P %G'`)", {"gres": "…"})
    yield from _accounts(site)


def _accounts(site: dict) -> Iterator[Check]:
    """Needs accounting; without it, nobody has an account."""
    command = ["sacctmgr", "--noheader", "--parsable2", "show", "associations"]
    answer = call([*command, f"user={getpass.getuser()}", "format=Account,QOS"])
    if answer.returncode != 0:
        yield Check("accounting: none is kept, so that a job is forgotten some minutes after its end")
        return
    yield Check("accounting: is kept")
    rows = [line.split("|") for line in answer.stdout.splitlines()]
    if site["account"]:
        known = sorted({row[0] for row in rows})
        yield named("account", site["account"], known, lambda near: {"account": near})
    if site["qos"]:
        known = sorted({name for row in rows for name in row[1].split(",")})
        yield named("QOS", site["qos"], known, lambda near: {"qos": near})


def _line(words: str) -> str:
    """What Slurm says, without who says it."""
    said = re.sub(r"^\w+: (error|fatal): (Batch job submission failed: )?", "", words.strip(), flags=re.M)
    return "; ".join(said.splitlines())


def _asked(command: list[str]) -> str:
    answer = call(command)
    if answer.returncode == 0:
        return answer.stdout
    if _NOT_CONFIGURED.search(answer.stderr):
        said = _line(answer.stderr)
        raise ConfigError(f"{command[0]} finds no Slurm. Set SLURM_CONF, or load the site's module. ({said})")
    raise UnreachableError(_line(answer.stderr))
