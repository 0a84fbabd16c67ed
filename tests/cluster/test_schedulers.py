"""The schedulers that the other tests of this folder stand on do what real ones do."""

import re

import pytest

from tests.cluster.daemons import holds

# Fails when another job with this body runs at the same time.
ALONE = "mkdir lock || exit 3; sleep 2; rmdir lock"
# A shell cannot trap what its parent ignored; a program can.
WARNED = """trap '' USR1
python3 -c "
import signal
signal.signal(signal.SIGUSR1, lambda *_: exit('warned'))
open('started', 'w')
while True:
    signal.pause()
"
"""
EATER = "python3 -c 'import time; eaten = bytearray(600 * 2**20); time.sleep(20)'"
STAY = "touch started; sleep 4; touch ended"


def qsub(cluster, folder, body, *options) -> str:
    """Submit a job that runs in a folder and return its number."""
    common = ("-terse", "-wd", str(folder), "-j", "y", "-o", f"{folder}/log", "-S", "/bin/sh")
    return cluster.run("qsub", *common, *options, input=body).strip()


def sbatch(cluster, folder, body, *options) -> str:
    """Submit a job that runs in a folder and return its number."""
    common = ("--parsable", "-D", str(folder), "-o", f"{folder}/log")
    return cluster.run("sbatch", *common, *options, input=f"#!/bin/sh\n{body}\n").strip()


@pytest.mark.parametrize("queue", ["all.q", "gpu.q", "network.q"])
def test_grid_engine_runs_a_job_in_each_queue_and_accounts_for_it(grid_engine, tmp_path, queue):
    job = qsub(grid_engine, tmp_path, "exit 7", "-q", queue)

    record = grid_engine.record(job)

    assert (record["qname"], record["failed"], record["exit_status"]) == (queue, "0", "7")


def test_grid_engine_runs_jobs_that_want_the_gpu_one_after_the_other(grid_engine, tmp_path):
    beside = [qsub(grid_engine, tmp_path, ALONE, "-q", "gpu.q") for _ in range(2)]
    assert sorted(grid_engine.record(job)["exit_status"] for job in beside) == ["0", "3"]

    wants = ("-q", "gpu.q", "-l", "gpus=1", "-pe", "smp", "2")
    jobs = [qsub(grid_engine, tmp_path, ALONE, *wants) for _ in range(2)]

    records = [grid_engine.record(job) for job in jobs]
    assert [(record["exit_status"], record["slots"]) for record in records] == [("0", "2"), ("0", "2")]


def test_grid_engine_warns_all_processes_before_the_end_of_their_time(grid_engine, tmp_path):
    job = qsub(grid_engine, tmp_path, WARNED, "-l", "s_rt=5,h_rt=30")

    assert grid_engine.record(job)["exit_status"] == "1"
    assert (tmp_path / "log").read_text() == "warned\n"


def test_grid_engine_kills_a_job_at_its_limit_of_memory(grid_engine, tmp_path):
    # Each of the two stays below the limit on a process.
    job = qsub(grid_engine, tmp_path, f"{EATER} & {EATER} & wait", "-l", "h_vmem=900M")

    record = grid_engine.record(job)

    assert (record["failed"], record["exit_status"]) == ("37", "137")


def test_grid_engine_keeps_running_jobs_while_its_daemons_are_away(grid_engine, tmp_path):
    job = qsub(grid_engine, tmp_path, STAY)
    assert holds((tmp_path / "started").exists, 20)

    # A node left alone looks for its master only every 30 s.
    grid_engine.stop_execd()
    grid_engine.restart_master()
    grid_engine.start_execd()

    assert grid_engine.record(job)["exit_status"] == "0"
    assert (tmp_path / "ended").exists()


def test_grid_engine_says_that_a_dead_node_is_unreachable(grid_engine, tmp_path):
    job = qsub(grid_engine, tmp_path, STAY, "-q", "all.q")
    assert holds((tmp_path / "started").exists, 20)

    grid_engine.kill_execd()
    try:
        assert holds(lambda: "<state>u</state>" in grid_engine.run("qstat", "-f", "-xml"), 30)
        assert f"<JB_job_number>{job}<" in grid_engine.run("qstat", "-f", "-xml")
    finally:
        grid_engine.start_execd()
    assert grid_engine.record(job, seconds=60)["failed"] == "19"
    assert not (tmp_path / "ended").exists()


def test_a_node_of_grid_engine_may_not_see_a_folder(grid_engine, tmp_path):
    work = tmp_path / "hidden" / "work"
    work.mkdir(parents=True)
    grid_engine.kill_execd()
    grid_engine.start_execd(hidden=[work.parent])
    try:
        job = qsub(grid_engine, work, "exit 0", "-o", "/dev/null")
        stuck = holds(lambda: "<state>Eqw</state>" in grid_engine.run("qstat", "-xml"), 30)
        grid_engine.run("qdel", job)
    finally:
        grid_engine.kill_execd()
        grid_engine.start_execd()
    assert stuck


@pytest.mark.parametrize("partition", ["cpu", "gpu", "network"])
def test_slurm_runs_a_job_in_each_partition_and_accounts_for_it(slurm, tmp_path, partition):
    job = sbatch(slurm, tmp_path, "exit 7", "-p", partition)

    record = slurm.record(job)

    assert (record["Partition"], record["State"], record["ExitCode"]) == (partition, "FAILED", "7:0")


def test_slurm_runs_jobs_that_want_the_gpu_one_after_the_other(slurm, tmp_path):
    beside = [sbatch(slurm, tmp_path, ALONE, "-p", "gpu") for _ in range(2)]
    assert sorted(slurm.record(job)["ExitCode"] for job in beside) == ["0:0", "3:0"]

    body = f"echo GPU $CUDA_VISIBLE_DEVICES; {ALONE}"
    jobs = [
        sbatch(slurm, tmp_path, body, "-p", "gpu", "--gres=gpu:1", "--open-mode=append") for _ in range(2)
    ]

    assert [slurm.record(job)["ExitCode"] for job in jobs] == ["0:0", "0:0"]
    assert (tmp_path / "log").read_text().count("GPU 0\n") == 2


def test_slurm_kills_a_job_at_its_limit_of_memory(slurm, tmp_path):
    job = sbatch(slurm, tmp_path, EATER, "--mem=300")

    assert slurm.record(job)["ExitCode"] == "0:9"
    assert "Exceeded job memory limit" in (tmp_path / "log").read_text()


def test_slurm_keeps_running_jobs_while_its_master_is_away(slurm, tmp_path):
    job = sbatch(slurm, tmp_path, STAY)
    assert holds((tmp_path / "started").exists, 20)

    slurm.restart_master()

    assert slurm.record(job)["State"] == "COMPLETED"
    assert (tmp_path / "ended").exists()


def test_slurm_says_that_a_node_failed(slurm, tmp_path):
    job = sbatch(slurm, tmp_path, STAY, "--no-requeue")
    assert holds((tmp_path / "started").exists, 20)

    slurm.kill_slurmd()
    try:
        assert slurm.record(job, seconds=60)["State"] == "NODE_FAIL"
    finally:
        slurm.start_slurmd()
    assert not (tmp_path / "ended").exists()


def test_slurm_without_accounting_remembers_a_job_for_a_while(slurm_without_accounting, tmp_path):
    job = sbatch(slurm_without_accounting, tmp_path, "exit 7")

    def ended() -> bool:
        shown = slurm_without_accounting.run("scontrol", "show", "job", job)
        return bool(re.search("JobState=FAILED .*ExitCode=7:0", shown, re.DOTALL))

    assert holds(ended, 20)
