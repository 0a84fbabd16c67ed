"""Each way in which jobs and their submitters die, through real schedulers: nothing is lost or run twice."""

import re
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

LONG = {"epochs": 100, "patience": 100}  # some ten seconds of training
LONGER = {"epochs": 500, "patience": 500}  # more than it takes to kill a submitter and run Snakemake twice


@pytest.fixture
def workspace(cluster, finished, tmp_path):
    """A miniature study that is done but for its training, which takes a while."""
    copy = finished.copy(tmp_path / "garner")
    train(copy, LONG)
    cluster.settle(copy)
    return copy


def train(workspace, settings: dict) -> None:
    """Set how long the study trains."""
    workspace.settings["study"]["languages"]["train"] |= settings
    workspace.settings["run"]["checkpoint_seconds"] = 1
    workspace.configure()


@pytest.fixture(scope="session")
def undisturbed(finished, tmp_path_factory) -> dict[str, str]:
    """Digests of the same study, run in one piece on this machine."""
    copy = finished.copy(tmp_path_factory.mktemp("undisturbed") / "garner")
    train(copy, LONG)
    copy.make("train")
    return copy.digests()


def training_has_begun(workspace) -> None:
    wait_for(lambda: list((workspace.folder / "state/languages/train").glob("*.safetensors")))


def wait_for(condition, seconds: float = 120):
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.1)
    return found


@contextmanager
def standing_still(workspace) -> Iterator[psutil.Process]:
    """The training, held up for a while: a fast machine's would be over before anything happened to it."""
    training_has_begun(workspace)
    (training,) = (
        process
        for process in psutil.process_iter(["cmdline", "cwd"])
        if process.info["cwd"] == str(workspace.folder)
        and (process.info["cmdline"] or [""])[-1].endswith(".train.py")
    )
    training.suspend()
    try:
        yield training
    finally:
        training.resume()


def is_pending(pid: int, number: int) -> bool:
    """Whether the process has been sent this signal and has not taken it yet, by proc(5)."""
    fields = re.findall(
        r"^(?:SigPnd|ShdPnd):\s*(\w+)$", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE
    )
    return any(int(field, 16) >> (number - 1) & 1 for field in fields)


def said(workspace) -> str:
    return (workspace.folder / "snakemake.log").read_text()


def ends_well(process, workspace, undisturbed) -> None:
    assert process.wait(timeout=500) == 0, said(workspace)
    assert workspace.digests() == undisturbed


def test_a_killed_submitter_is_succeeded_by_one_that_attaches_to_its_job(workspace, cluster, undisturbed):
    process = cluster.start(workspace, "train")
    with standing_still(workspace):
        process.kill()
        process.wait()
        refused = workspace.run("--profile", cluster.profile, "train", env=cluster.environment)
        assert "make unlock" in refused.stderr
        workspace.run("--unlock")
        process = cluster.start(workspace, "train")
        wait_for(lambda: "attached to it" in said(workspace))
    ends_well(process, workspace, undisturbed)
    assert len(cluster.books(workspace)) == 1


def test_a_job_that_ends_while_nobody_watches_is_not_run_again(workspace, cluster, undisturbed):
    process = cluster.start(workspace, "train")
    training_has_begun(workspace)
    process.kill()
    process.wait()
    wait_for(lambda: not cluster.queued())
    workspace.run("--unlock")
    ends_well(cluster.start(workspace, "train"), workspace, undisturbed)
    assert "while no Snakemake watched" in said(workspace)
    assert len(cluster.books(workspace)) == 1


def test_changed_settings_cancel_the_job_of_a_killed_submitter(workspace, cluster, undisturbed):
    train(workspace, LONGER)
    process = cluster.start(workspace, "train")
    training_has_begun(workspace)
    process.kill()
    process.wait()
    workspace.run("--unlock")
    train(workspace, LONG)
    ends_well(cluster.start(workspace, "train"), workspace, undisturbed)
    assert "of other settings or inputs" in said(workspace)


def test_ctrl_c_cancels_the_jobs(workspace, cluster, undisturbed):
    process = cluster.start(workspace, "train")
    training_has_begun(workspace)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=60) != 0
    wait_for(lambda: not cluster.queued(), 60)
    ends_well(cluster.start(workspace, "train"), workspace, undisturbed)


def test_a_cancelled_job_is_noticed_and_tried_again(workspace, cluster, undisturbed):
    process = cluster.start(workspace, "train")
    training_has_begun(workspace)
    (job_id,) = cluster.queued()
    cluster.cancel(job_id)
    ends_well(process, workspace, undisturbed)
    assert len(cluster.books(workspace)) == 2


def test_without_another_attempt_the_last_words_name_rule_study_reason_and_log(workspace, cluster):
    process = cluster.start(workspace, "train", "--retries", "0")
    training_has_begun(workspace)
    (job_id,) = cluster.queued()
    cluster.cancel(job_id)
    assert process.wait(timeout=120) != 0
    last = [line for line in said(workspace).splitlines() if line.startswith("failed: ")][-1]
    assert last.startswith("failed: train_model of languages: killed")
    assert last.endswith("Log: logs/languages/train/train.log")


def test_a_training_longer_than_its_time_limit_goes_on_in_the_next_one_exactly(
    workspace, cluster, undisturbed
):
    # The training must have begun by then. Slurm warns up to half a minute early: after 45 s or more.
    cluster.settle(workspace, warning_seconds=45)
    process = cluster.start(workspace, "train", "--set-resources", "train_model:runtime=2")
    with standing_still(workspace) as training:
        wait_for(lambda: is_pending(training.pid, signal.SIGUSR1))
    ends_well(process, workspace, undisturbed)
    assert "goes on after its time limit, as job" in said(workspace)
    assert said(workspace).count("Submitted job") == 1
    assert len(cluster.books(workspace)) > 1


def test_a_job_that_asks_for_too_little_memory_is_tried_again_with_more(workspace, cluster, undisturbed):
    cluster.enforce_memory(workspace)
    memory = f"train_model:mem_mb={cluster.TOO_LITTLE_MB}*attempt**3"
    process = cluster.start(workspace, "train", "--set-resources", memory)
    ends_well(process, workspace, undisturbed)
    jobs = cluster.books(workspace)
    assert len(jobs) > 1
    assert cluster.asked_memory_mb(jobs[-1]) > cluster.asked_memory_mb(jobs[0])


def test_a_job_that_ends_while_the_scheduler_is_away_has_ended(workspace, cluster, undisturbed):
    process = cluster.start(workspace, "train")
    training_has_begun(workspace)
    cluster.scheduler.stop_master()
    try:
        assert process.wait(timeout=500) == 0, said(workspace)
    finally:
        cluster.scheduler.start_master()
    assert workspace.digests() == undisturbed
    wait_for(lambda: len(cluster.books(workspace)) == 1)  # a node reports late to a scheduler that was away


def test_a_lost_node_is_given_up_after_a_while_and_its_job_runs_again(workspace, cluster, undisturbed):
    cluster.settle(workspace, lost_minutes=0.3)
    process = cluster.start(workspace, "train")
    training_has_begun(workspace)
    cluster.kill_node()
    time.sleep(30)
    cluster.start_node()
    ends_well(process, workspace, undisturbed)
