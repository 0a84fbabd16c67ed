"""Check what a profile says of a site: by asking the scheduler, and by a small job in each of its queues."""

import shlex
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import yaml

from garner.cluster import grid_engine, site, slurm
from garner.cluster.body import body
from garner.cluster.ledger import ROOT
from garner.cluster.scheduler import Check, Scheduler, call
from garner.cluster.submission import Submission
from garner.errors import ConfigError
from garner.files import read_json

SCHEDULERS = {"sge": grid_engine, "slurm": slurm}
LOOK = 1.0  # seconds between two looks for a probe's word


def examine(profile: Path, patience: float, address: str) -> Iterator[Check]:
    """Everything that can be known of a site, the cheapest first. `patience` is in seconds for all probes.

    `address` is what jobs that need the network must reach. Raises ConfigError for a profile or settings that
    cannot be used.
    """
    if profile.name not in SCHEDULERS:
        raise ConfigError(
            f"PROFILE={profile.name} is no profile of a cluster; there are {', '.join(SCHEDULERS)}."
        )
    scheduler = SCHEDULERS[profile.name]
    settings = site.load(profile, scheduler.SETTINGS)
    missing = [name for name in scheduler.COMMANDS if not shutil.which(name)]
    if missing:
        yield Check(
            f"commands of {scheduler.NAME}",
            f"{', '.join(missing)} not on the PATH. Log in to a host that may submit, or load a module",
        )
        return
    yield Check(f"commands of {scheduler.NAME}: {', '.join(scheduler.COMMANDS)}")
    named = list(scheduler.checks(settings))
    yield from named
    if any(check.problem for check in named):
        return
    yield from _probes(scheduler, settings, patience, address)


def _probes(scheduler: Scheduler, settings: dict, patience: float, address: str) -> Iterator[Check]:
    """A job by each of the ways in which rules are submitted, all at once; what each of them saw."""
    kinds = {"CPU": {}, "GPU": {"gpus": 1}, "network": {"network": True}}
    waiting = {}
    for kind, asked in kinds.items():
        job = _probe(kind, **asked, address=address)
        record = ROOT / "doctor" / kind
        for name in ("exit", "seen.json"):
            (record / name).unlink(missing_ok=True)
        log = f"{record}{scheduler.SUFFIX}"
        record.mkdir(parents=True, exist_ok=True)
        answer = call(
            scheduler.submit_command(job, settings, log), stdin=body(job, record, settings, scheduler)
        )
        if answer.returncode != 0:
            words = answer.stderr.strip() or answer.stdout.strip()
            yield Check(f"a job for the {kind}", scheduler.refusal(words) or words)
        else:
            waiting[kind] = (scheduler.parse_id(answer.stdout), record, log)
    begin = time.monotonic()
    try:
        while waiting and time.monotonic() < begin + patience:
            time.sleep(LOOK)
            for kind, (_, record, _) in list(waiting.items()):
                if (record / "exit").exists():
                    del waiting[kind]
                    yield _told(kind, record, time.monotonic() - begin, scheduler.QUEUES)
        queue = scheduler.queue() if waiting else {}
        for kind, (job_id, _, log) in waiting.items():
            yield Check(f"a job for the {kind}", _unheard(job_id, queue.get(job_id), patience, log))
    finally:
        if waiting:
            call(scheduler.cancel_command([job_id for job_id, *_ in waiting.values()]))


def _probe(kind: str, address: str, gpus: int = 0, network: bool = False) -> Submission:
    seen = ROOT / "doctor" / kind / "seen.json"
    return Submission(
        key=f"doctor-{kind}",
        signature="",
        targets=["doctor"],
        outputs=[],
        log="",
        threads=1,
        memory_mb=2000,
        minutes=10,
        gpus=gpus,
        network=network,
        command=shlex.join([sys.executable, "-m", "garner.cluster.probe", str(seen), address]),
    )


def _told(kind: str, record: Path, seconds: float, queues: str) -> Check:
    what = f"a job for the {kind}"
    if not (record / "seen.json").exists():
        host = (record / "started").read_text().strip()
        return Check(
            what, f"Python ({sys.executable}) does not run on {host}: is its folder shared? See {record}.*"
        )
    seen = read_json(record / "seen.json")
    what += f": ran on {seen['host']} after {seconds:.0f} s, Python {seen['python']}, this folder is there"
    what += f", {seen['temporary_gb']:,} GB free in {seen['temporary']}"
    if kind == "network" and seen["network"]:
        return Check(
            what,
            f"no network there ({seen['network']}). Name one whose hosts have it, or set "
            "run.network_on_submit_host in config.local.yaml",
            {queues: {"network": "…"}},
        )
    if kind == "GPU" and not seen["gpus"]:
        return Check(what, "no GPU is seen there: nvidia-smi lists none. Is this the GPU queue?")
    return Check(what + (f", {len(seen['gpus'])} GPU" if kind == "GPU" else ""))


def _unheard(job_id: str, standing, patience: float, log: str) -> str:
    if standing is None:
        return (
            f"job {job_id} ended and left no word: can its node see {Path.cwd()}? Work in a folder that "
            f"all nodes share. Its output, if any, is in {log}"
        )
    if standing.state == "stuck":
        return f"job {job_id} cannot start: {standing.detail}. Work in a folder that all nodes share"
    return (
        f"job {job_id} is {standing.state} after {patience:.0f} s and was cancelled. The queue is busy, or "
        "no node of it offers what was asked for; try again with PATIENCE=1800"
    )


def report(checks: Iterator[Check], profile: Path, say=print) -> bool:
    """Print each check as it comes, and at the end what to put into the site's file; True if all is well."""
    settings: dict = {}
    well = True
    for check in checks:
        say(f"{'✗' if check.problem else '✓'} {check.what}" + (f": {check.problem}" if check.problem else ""))
        well = well and not check.problem
        for key, value in (check.settings or {}).items():
            settings[key] = settings.get(key, {}) | value if isinstance(value, dict) else value
    if settings:
        say(f"\nPut into {profile / 'cluster.local.yaml'}, with what is right here:\n")
        say(yaml.safe_dump({"cluster": settings}, allow_unicode=True, sort_keys=False))
    return well
