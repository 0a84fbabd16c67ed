"""A chain disturbed at random: jobs, submitter and scheduler die, and it ends in the bytes of a calm run.

A drill to be asked for, as it takes minutes: GARNER_KILLS=30 make cluster-test ARGS="-s -k disturbed".
"""

import itertools
import os
import random
import signal
import time
from contextlib import suppress

import psutil
import pytest

from tests.cluster.daemons import ClusterFailed
from tests.cluster.test_chain import PLACES

KILLS = int(os.environ.get("GARNER_KILLS", "0"))
SEED = int(os.environ.get("GARNER_SEED", "1"))


def kill_a_process(cluster, workspace, process) -> None:
    """As the kernel does where memory runs out: some process of a job, whichever."""
    inside = [found for found in psutil.process_iter(["cwd", "cmdline"]) if _works_in(workspace, found)]
    if victims := [found for found in inside if found.pid != process.pid]:
        random.Random(len(victims)).choice(victims).kill()


def _works_in(workspace, process) -> bool:
    command = process.info["cmdline"] or []
    of_a_job = "--mode" in command or any(".snakemake/scripts" in word for word in command)
    return process.info["cwd"] == str(workspace.folder) and of_a_job


def cancel_a_job(cluster, workspace, process) -> None:
    if queued := cluster.queued():
        with suppress(ClusterFailed):  # where it ends this very moment
            cluster.cancel(queued[0])


def kill_the_submitter(cluster, workspace, process) -> None:
    process.kill()


def restart_the_scheduler(cluster, workspace, process) -> None:
    cluster.scheduler.stop_master(signal.SIGKILL)
    time.sleep(2)
    cluster.scheduler.start_master()


CHAIN = ["all", "serialize", "--retries", "9"]
KINDS = [kill_a_process, cancel_a_job, kill_the_submitter, restart_the_scheduler]


@pytest.mark.skipif(not KILLS, reason="a drill: set GARNER_KILLS=30")
def test_a_chain_disturbed_again_and_again_ends_in_the_same_bytes_and_runs_nothing_twice_at_once(
    cluster, finished, new_workspace
):
    workspace = new_workspace()
    cluster.settle(workspace)
    chance = random.Random(SEED)
    done = []
    process = cluster.start(workspace, *CHAIN)
    deadline = time.monotonic() + 300 + 40 * KILLS
    while process.poll() != 0:
        assert time.monotonic() < deadline, (workspace.folder / "snakemake.log").read_text()
        if process.poll() is not None:
            workspace.run("--unlock")
            process = cluster.start(workspace, *CHAIN)
        time.sleep(chance.uniform(1, 6))
        with suppress(ClusterFailed):
            cluster.mend()
        if len(done) < KILLS and process.poll() is None:
            kind = chance.choice(KINDS)
            kind(cluster, workspace, process)
            done.append(kind.__name__)
    print(f"{len(done)} disturbances: {', '.join(done)}")
    assert workspace.digests() == finished.digests()
    runs = cluster.runs(workspace)
    assert len(runs) > len(PLACES)
    assert [pair for pair in itertools.combinations(sorted(runs), 2) if overlap(*pair)] == []


def overlap(one, other) -> bool:
    return one.name == other.name and one.begin < other.end and other.begin < one.end
