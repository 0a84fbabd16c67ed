"""Crawls that end in the middle: killed, out of disk, or beside another one on the same state."""

import json
import os
import random
import resource
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from drills import ROOT, Crawl, crawl

from garner.errors import TRY_AGAIN, DiskFullError

KILLS = 5
STORM = [
    {"do": "reset_amid", "chance": 0.1},
    {"do": "status", "status": 502, "chance": 0.1},
    {"do": "truncated", "chance": 0.1},
    {"do": "too_many", "seconds": 0, "chance": 0.1},
]


def finished(process: subprocess.Popen) -> str:
    _, said = process.communicate(timeout=120)
    return said.decode()


def killed_after(disturbed: Crawl, requests: int, delay: float) -> int:
    """Start the crawl, kill it when that many requests came in; how many came."""
    replica, begin = disturbed.replica, len(disturbed.replica.requests)
    came = []

    def count_and_kill(request) -> None:
        came.append(request)
        if len(came) == requests:
            threading.Timer(delay, process.kill).start()

    replica.intercept = count_and_kill
    process = disturbed.start()
    finished(process)
    assert process.returncode in (-signal.SIGKILL, 0)
    deadline = time.monotonic() + 10
    while len(replica.requests) < begin + len(came) and time.monotonic() < deadline:
        time.sleep(0.01)  # it may still be at the request in flight
    replica.intercept = None
    return len(came)


def test_crawl_killed_anywhere_repeats_at_most_the_request_in_flight(subject, calm, tmp_path):
    chance = random.Random(7)
    with crawl(subject, tmp_path) as disturbed:
        for _ in range(KILLS):
            killed_after(disturbed, chance.randint(1, 3), chance.choice([0, 0.001, 0.004, 0.02]))
        assert disturbed.run() == calm.sealed
        asked = len(disturbed.replica.requests)
    # GraphQL's first request after a start is a small one, as nothing is known yet of the quota.
    small = KILLS if subject.name == "github" else 0
    assert asked <= calm.requests + KILLS + small


def test_crawl_killed_in_a_storm_of_faults_ends_in_the_same_bytes(subject, calm, tmp_path):
    chance = random.Random(3)
    with crawl(subject, tmp_path, *STORM) as disturbed:
        for _ in range(KILLS):
            killed_after(disturbed, chance.randint(1, 4), chance.choice([0, 0.002, 0.02]))
        assert disturbed.run() == calm.sealed
    assert disturbed.replica.faults.met


@pytest.mark.parametrize("room", [300, 5_000])
def test_full_disk_is_named_and_loses_nothing(subject, calm, tmp_path, room):
    def small_files_only() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, resource.RLIM_INFINITY))

    with crawl(subject, tmp_path) as disturbed:
        process = disturbed.start(preexec_fn=small_files_only)
        said = finished(process)
        assert process.returncode == 1
        assert DiskFullError.__name__ in said
        assert "no space left" in said
        assert disturbed.run() == calm.sealed
        assert len(disturbed.replica.requests) <= 2 * calm.requests + 1


JOB = """
import json, sys
from pathlib import Path
from garner.jobs import job
from garner.sources import open_source
study, state, operational, log = json.loads(sys.argv[1])
for name in ("clocks", "pseudonym_key"):
    operational[name] = Path(operational[name])
with job(log, state):
    open_source(study, Path(state), operational).crawl()
"""


def start_job(disturbed: Crawl, log: Path) -> subprocess.Popen:
    """The crawl as the stage runs it: with a log, a lock and one line for an error."""
    study = disturbed.subject.study(disturbed.replica.url, disturbed.folder)
    settings = json.dumps([study, str(disturbed.state), disturbed.operational(), str(log)], default=str)
    path = os.pathsep.join([str(ROOT / "scripts"), os.environ.get("PYTHONPATH", "")])
    return subprocess.Popen(
        [sys.executable, "-c", JOB, settings],
        env={**os.environ, "PYTHONPATH": path},
        stderr=subprocess.PIPE,
    )


def test_second_crawler_on_the_same_state_is_refused_and_names_the_first(subject, calm, tmp_path):
    with crawl(subject, tmp_path) as disturbed:
        hold, held = threading.Event(), threading.Event()

        def wait(request) -> None:
            held.set()
            hold.wait(60)

        disturbed.replica.intercept = wait
        first = start_job(disturbed, tmp_path / "first.log")
        assert held.wait(60)
        second = start_job(disturbed, tmp_path / "second.log")
        said = finished(second)
        assert second.returncode == 1
        assert f"is in use by process {first.pid} on " in said
        hold.set()
        finished(first)
        assert first.returncode == 0
        assert disturbed.seal() == calm.sealed
        assert len(disturbed.replica.requests) == calm.requests, "the second one sent nothing"


def test_crawl_asked_to_stop_keeps_what_it_has_and_says_to_run_again(subject, calm, tmp_path):
    with crawl(subject, tmp_path) as disturbed:
        came = []

        def stop_at_the_third(request) -> None:
            came.append(request)
            if len(came) == 3:
                process.send_signal(signal.SIGTERM)

        disturbed.replica.intercept = stop_at_the_third
        process = start_job(disturbed, tmp_path / "log")
        said = finished(process)
        assert process.returncode == TRY_AGAIN
        assert "Nothing is lost" in said
        disturbed.replica.intercept = None
        assert disturbed.run() == calm.sealed
