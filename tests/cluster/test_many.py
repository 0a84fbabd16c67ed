"""Many short jobs by the profile's three scripts, called as Snakemake's generic executor calls them."""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

JOBS = int(os.environ.get("GARNER_JOBS", "60"))
AT_ONCE = 50
POLL = 2.0


@pytest.fixture
def folder(cluster, tmp_path, root):
    """A working folder whose scheduler commands are counted."""
    profile = tmp_path / cluster.profile
    shutil.copytree(root / "profiles" / cluster.profile, profile)
    (profile / "cluster.local.yaml").write_text(f"cluster: {{poll_seconds: {POLL}}}")
    counted = tmp_path / "bin"
    counted.mkdir()
    for command in ("qstat", "squeue"):
        if path := shutil.which(command):
            (counted / command).write_text(f'#!/bin/sh\ndate +%s.%N >> {tmp_path}/asked\nexec {path} "$@"\n')
            (counted / command).chmod(0o755)
    return tmp_path


def job_script(folder: Path, number: int) -> Path:
    properties = {
        "input": [],
        "output": [f"out/{number}"],
        "params": {},
        "log": [f"logs/{number}.log"],
        "threads": 1,
        "resources": {"mem_mb": 10, "runtime": 5, "gpu": 0, "network": 0},
    }
    script = folder / "scripts" / f"{number}.sh"
    script.parent.mkdir(exist_ok=True)
    script.write_text(
        f"#!/bin/sh\n# properties = {json.dumps(properties)}\n"
        f"echo {number} >> ran; : --target-jobs 'short:number={number}' --cores all\n"
    )
    return script


def test_none_is_lost_none_is_doubled_and_the_scheduler_is_asked_every_few_seconds(cluster, folder, root):
    environment = cluster.environment | {
        "PATH": f"{folder / 'bin'}:{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(root / "scripts"),
        "GARNER_RUN": "run",
        "GARNER_SETTINGS": "settings",
    }

    def ask(script: str, argument: str) -> str:
        command = [folder / cluster.profile / script, argument]
        return subprocess.run(
            command, cwd=folder, env=environment, check=True, text=True, stdout=subprocess.PIPE
        ).stdout.strip()

    begin = time.monotonic()
    waiting, ids, failed = [], [], []
    for number in range(JOBS):
        ids.append(ask("submit.py", job_script(folder, number)))
        waiting.append(ids[-1])
        while len(waiting) >= AT_ONCE or (number == JOBS - 1 and waiting):
            states = {job_id: ask("status.py", job_id) for job_id in waiting}
            failed += [job_id for job_id, state in states.items() if state == "failed"]
            waiting = [job_id for job_id, state in states.items() if state == "running"]
            time.sleep(0.2)
    seconds = time.monotonic() - begin
    asked = len((folder / "asked").read_text().split()) if (folder / "asked").exists() else 0
    print(f"{JOBS} jobs in {seconds:.0f} s, {asked} questions to the scheduler")

    assert len(set(ids)) == JOBS
    assert not failed
    assert sorted(map(int, (folder / "ran").read_text().split())) == list(range(JOBS))
    assert asked <= seconds / POLL + 2
