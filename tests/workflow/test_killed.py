"""`kill -9` at any moment: the next run goes on, repeats no finished request, and ends in the same bytes."""

import os
import random
import signal
import subprocess
import time

import psutil
import pytest


def kill_tree(process: subprocess.Popen) -> None:
    for member in [*psutil.Process(process.pid).children(recursive=True), psutil.Process(process.pid)]:
        try:
            member.kill()
        except psutil.NoSuchProcess:
            continue
    process.wait()


def jobs_of(process: subprocess.Popen) -> list[psutil.Process]:
    """The Python processes of the scripts that run under this Snakemake."""
    try:
        below = psutil.Process(process.pid).children(recursive=True)
        return [child for child in below if ".snakemake/scripts/" in " ".join(child.cmdline())]
    except (psutil.NoSuchProcess, psutil.ZombieProcess):
        return []


def start(workspace, *arguments) -> subprocess.Popen:
    return subprocess.Popen(
        workspace.command("--cores", "1", *arguments),
        cwd=workspace.folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def unlock(workspace) -> None:
    workspace.run("--unlock")


STAGES = ["scrape", "clone", "sort", "dictionary", "serialize", "train", "export", "predict", "report"]


def test_killed_again_and_again_the_chain_ends_in_the_same_bytes(finished, new_workspace):
    workspace = new_workspace()
    chance = random.Random(7)
    kills = 0
    for stage in STAGES:
        for victim in ("job", "snakemake"):
            process = start(workspace, stage)
            deadline = time.monotonic() + 120
            while process.poll() is None and not jobs_of(process) and time.monotonic() < deadline:
                time.sleep(0.02)
            time.sleep(chance.uniform(0, 2.5))
            if process.poll() is None:
                kills += 1
                if victim == "job":
                    for job in jobs_of(process):
                        os.kill(job.pid, signal.SIGKILL)
                    process.wait(timeout=120)
                else:
                    process.kill()
                    process.wait()
                    unlock(workspace)
        workspace.make(stage)
    workspace.make()
    assert kills >= len(STAGES)
    assert workspace.digests() == finished.digests()


def test_a_crawl_killed_midway_repeats_no_finished_request(new_workspace, replica):
    workspace = new_workspace()
    first = len(replica.requests)
    workspace.make("clone")
    calm = len(replica.requests) - first
    disturbed = new_workspace()
    first = len(replica.requests)
    kills = 0
    chance = random.Random(11)
    while True:
        process = start(disturbed, "clone")
        while process.poll() is None and not jobs_of(process):
            time.sleep(0.02)
        time.sleep(chance.uniform(0.2, 1.5))
        if process.poll() is not None or kills >= 8:
            process.wait()
            break
        kill_tree(process)
        kills += 1
        unlock(disturbed)
    disturbed.make("clone")
    assert kills >= 1
    assert disturbed.digests() == workspace.digests()
    # A clone is three requests; one in flight at each kill may be asked for again.
    assert len(replica.requests) - first <= calm + 3 * kills


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1])
def test_a_training_that_is_asked_to_stop_goes_on_exactly(finished, tmp_path, number):
    workspace = finished.copy(tmp_path / "garner")
    for name in ("results/languages/train", "state/languages/train"):
        subprocess.run(["rm", "-r", workspace.folder / name], check=True)
    process = start(workspace, "train")
    state = workspace.folder / "state/languages/train"
    deadline = time.monotonic() + 120
    while not list(state.glob("*.safetensors")) and time.monotonic() < deadline:
        time.sleep(0.02)
    for job in jobs_of(process):
        job.send_signal(number)
    assert process.wait(timeout=120) != 0
    assert not (workspace.folder / "results/languages/train/metrics.json").exists()
    workspace.make("train")
    assert workspace.digests() == finished.digests()
