"""What is particular of Slurm, on a running one: what is asked for, and what is read out of the answers."""

import dataclasses

import pytest
from small_job import JOB

from garner.cluster import slurm as verbs
from garner.cluster.body import body
from garner.cluster.scheduler import call
from garner.cluster.submission import Submission
from garner.errors import SchedulerError, UnreachableError
from tests.cluster.daemons import holds

SITE = {
    "partitions": {"cpu": "cpu", "gpu": "gpu", "network": "network"},
    "gres": "gpu",
    "account": None,
    "qos": None,
    "accounting": True,
    "mail": None,
    "extra": [],
    "environment": ["PATH", "HOME"],
    "warning_seconds": 30,
    "continuations": 2,
}
EATER = "exec python3 -c 'import time; eaten = bytearray(600 * 2**20); time.sleep(60)'"
# Two shells below the body, as stages are.
WARNED = """python3 -c "
import signal, sys
signal.signal(signal.SIGUSR1, lambda *_: sys.exit(75))
print('begun', flush=True)
while True:
    signal.pause()
"
code=$?
echo stage ended with $code
exit $code
"""


def asks(**changes) -> Submission:
    """A small job, but for `changes`."""
    return dataclasses.replace(JOB, **{"memory_mb": 200, "minutes": 5} | changes)


class Submitted:
    """A job of the running Slurm, submitted as the profile does it."""

    def __init__(self, folder, command="true", site=None, **changes):
        job = asks(command=command, **changes)
        self.site, self.record, self.log = SITE | (site or {}), folder / "record", folder / "x.log.slurm"
        sbatch = verbs.submit_command(job, self.site, str(self.log))
        answer = call(sbatch, stdin=body(job, self.record, self.site, verbs))
        assert answer.returncode == 0, answer.stderr
        self.id = verbs.parse_id(answer.stdout)

    @property
    def standing(self):
        return verbs.queue().get(self.id)

    def begins(self) -> None:
        assert holds((self.record / "started").exists, 30), self.standing

    def verdict(self):
        assert holds(lambda: verbs.verdict(self.id, self.site), 120), self.standing
        return verbs.verdict(self.id, self.site)


@pytest.fixture
def here(slurm, monkeypatch, tmp_path):
    """A working folder from which jobs go to the Slurm that keeps accounts."""
    monkeypatch.setenv("SLURM_CONF", slurm.environment["SLURM_CONF"])
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(params=[True, False], ids=["accounting", "no accounting"])
def either(request, monkeypatch, tmp_path):
    """The same for a Slurm with accounting and one without."""
    name = "slurm" if request.param else "slurm_without_accounting"
    monkeypatch.setenv("SLURM_CONF", request.getfixturevalue(name).environment["SLURM_CONF"])
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_job_gets_the_named_variables_and_no_secret_and_no_surrounding_job(here, monkeypatch):
    monkeypatch.setenv("GITHUB_TOKEN", "secret")
    monkeypatch.setenv("SLURM_MEM_PER_CPU", "4711")
    monkeypatch.setenv("HOME", "/home/of the caller")
    Submitted(here, "env > variables.part && mv variables.part variables")
    assert holds((here / "variables").exists, 30)
    variables = (here / "variables").read_text()
    assert "secret" not in variables
    assert "4711" not in variables
    assert "HOME=/home/of the caller\n" in variables
    assert "SLURM_GET_USER_ENV" not in variables  # a login shell on the node, which may fail


def test_a_gpu_job_sees_its_gpu_in_the_gpu_partition(here):
    Submitted(
        here, "echo $SLURM_JOB_PARTITION $CUDA_VISIBLE_DEVICES > seen.part && mv seen.part seen", gpus=1
    )
    assert holds((here / "seen").exists, 30)
    assert (here / "seen").read_text() == "gpu 0\n"


def test_the_warning_before_the_time_limit_reaches_the_stage_and_the_job_ends_by_itself(here):
    job = Submitted(here, WARNED, {"warning_seconds": 10}, minutes=1)  # and so 20 s after its begin or later
    assert job.verdict().reason == "exit"
    assert job.log.read_text() == "begun\nstage ended with 75\n"
    assert (job.record / "exit").read_text() == f"75 {job.id}\n"


def test_a_job_that_slurm_puts_back_runs_again_under_its_id_and_keeps_its_log(here):
    job = Submitted(here, "mkdir first && echo first && exec sleep 60; echo second")
    assert holds((here / "first").exists, 30)
    call(["scontrol", "requeue", job.id])  # as after preemption, or the loss of its node
    assert holds(lambda: job.standing.state == "pending", 30)
    assert job.verdict().succeeded
    said = job.log.read_text()
    assert said.index("first") < said.index("second")


def test_the_end_of_a_job_is_told_with_and_without_accounting(either):
    fails = Submitted(either, "exit 3")
    assert fails.verdict().reason == "exit"
    eats = Submitted(either, EATER)
    told = eats.verdict()
    assert told.reason == "memory" or told.used_mb > 200, told
    sleeps = Submitted(either, "exec sleep 60")
    assert holds(lambda: sleeps.standing.state == "running", 30)
    call(verbs.cancel_command([sleeps.id]))
    assert sleeps.verdict().reason == "killed"
    assert holds(lambda: sleeps.standing is None, 30)  # until it is gone it works on its files


def test_a_job_whose_log_the_node_cannot_write_has_not_started(either):
    job = Submitted(either, site={"extra": ["--output=/nowhere/x"]})
    assert job.verdict().reason == "start"


def test_a_job_that_is_cancelled_before_it_began_was_killed(either):
    job = Submitted(either, site={"extra": ["--hold"]})
    assert job.standing.state == "pending"
    call(verbs.cancel_command([job.id]))
    assert job.verdict().reason == "killed"


def test_a_job_that_slurm_takes_and_never_runs_is_stuck(here):
    job = Submitted(here, site={"extra": ["--time=2000"]})
    try:
        assert holds(lambda: job.standing.state == "stuck", 30), job.standing
        assert job.standing.detail.startswith("PartitionTimeLimit: lower runtime")
    finally:
        call(verbs.cancel_command([job.id]))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"minutes": 2000}, "2,000 minutes; the most that a job gets in partition cpu is 1,440"),
        ({"memory_mb": 99999}, "99,999 MB; the most that a job gets in partition cpu is 16,000"),
        ({"threads": 64}, "64 cores; the most that a job gets in partition cpu is 8"),
        ({"gpus": 2}, "2 gpus; the most that a job gets in partition gpu is 1"),
    ],
)
def test_what_no_node_offers_is_refused_before_it_waits_for_ever(here, changes, words):
    with pytest.raises(SchedulerError, match=words):
        verbs.refuse_unfit(asks(**changes), SITE)


@pytest.mark.parametrize(
    ("site", "cure"),
    [
        ({"partitions": dict.fromkeys(SITE["partitions"], "nosuch")}, "cluster.partitions"),
        ({"gres": "nosuch"}, "cluster.gres"),
        ({"extra": ["--constraint=nosuch"]}, "cluster.extra"),
        ({"extra": ["--nosuch"]}, "cluster.extra"),
        ({"extra": ["--mem=99999999"]}, "run.maximum_memory_mb"),
    ],
)
def test_slurms_refusal_is_told_with_the_setting_to_mend(here, site, cure):
    answer = call(verbs.submit_command(asks(gpus=1), SITE | site, "x"), stdin="#!/bin/sh\n")
    assert answer.returncode != 0
    assert cure in verbs.refusal(answer.stderr)


def test_a_slurm_that_is_away_is_unreachable_and_refuses_nothing(here, slurm):
    ends = Submitted(here)
    assert ends.verdict().succeeded
    slurm.stop_master()
    try:
        with pytest.raises(UnreachableError, match="Unable to contact slurm controller"):
            verbs.queue()
        assert verbs.refusal(call(["sbatch", "--wrap=true"]).stderr) is None
        assert ends.verdict().succeeded  # accounting is another daemon
    finally:
        slurm.start_master()


def test_the_doctor_knows_this_slurm(either):
    assert [check.problem for check in verbs.checks(SITE) if check.problem] == []
    wrong = SITE | {"partitions": SITE["partitions"] | {"gpu": "gpus"}, "gres": "tpu"}
    assert {check.what for check in verbs.checks(wrong) if check.problem} == {
        "partition for GPU jobs",
        "gres tpu",
    }
