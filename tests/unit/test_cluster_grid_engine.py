"""What is particular of Grid Engine; its answers are those of a real 8.1.9."""

import dataclasses

import pytest
from small_job import JOB

from garner.cluster import grid_engine

SITE = {
    "queues": {"cpu": "all.q", "gpu": "gpu.q", "network": None},
    "parallel_environment": "smp",
    "memory": "mem_free",
    "gpus": "gpus",
    "project": None,
    "mail": None,
    "extra": [],
    "warning_seconds": 120,
}


def call(site=None, **changes) -> list[str]:
    return grid_engine.submit_command(dataclasses.replace(JOB, **changes), SITE | (site or {}), "x.log.sge")


def option(command: list[str], flag: str) -> str:
    return command[command.index(flag) + 1]


def limits(command: list[str]) -> list[str]:
    return option(command, "-l").split(",")


def test_a_job_that_asks_for_a_gpu_goes_to_the_gpu_queue_and_the_rest_does_not():
    assert option(call(gpus=1), "-q") == "gpu.q"
    assert "gpus=1" in limits(call(gpus=1))
    assert option(call(), "-q") == "all.q"
    assert not [limit for limit in limits(call()) if limit.startswith("gpus")]


def test_a_job_that_needs_the_network_goes_where_it_is_if_the_site_says_so():
    queues = SITE["queues"] | {"network": "transfer.q"}
    assert option(call(network=True), "-q") == "all.q"
    assert option(call({"queues": queues}, network=True), "-q") == "transfer.q"
    assert option(call({"queues": queues}), "-q") == "all.q"


def test_memory_is_asked_for_a_slot_and_only_where_the_site_counts_it():
    command = call(threads=4, memory_mb=4001)
    at = command.index("-pe")
    assert command[at + 1 : at + 3] == ["smp", "4"]
    assert "mem_free=1001M" in limits(command)
    assert "-pe" not in call()
    assert limits(call({"memory": None})) == ["h_rt=3600", "s_rt=3480"]


def test_the_warning_signal_comes_before_the_time_limit_also_of_a_short_job():
    assert {"h_rt=600", "s_rt=480"} <= set(limits(call(minutes=10)))
    assert {"h_rt=60", "s_rt=30"} <= set(limits(call(minutes=1)))
    assert not [limit for limit in limits(call({"warning_seconds": 0})) if limit.startswith("s_rt")]


def test_name_log_project_mail_and_further_words_of_the_site_are_passed_on():
    command = call({"project": "lab", "mail": "a@example.org", "extra": ["-l", "fast"]})
    assert option(command, "-N") == "train_model.languages.3f9a2c41d0"
    assert option(command, "-o") == "x.log.sge"
    assert option(command, "-P") == "lab"
    assert option(command, "-M") == "a@example.org"
    assert command[-2:] == ["-l", "fast"]
    assert "-V" not in command  # tokens stay where they are


def record(**fields) -> dict:
    return {
        "failed": "0",
        "exit_status": "0",
        "maxvmem": "512.000MB",
        "ru_wallclock": "12s",
        "slots": "1",
    } | fields


@pytest.mark.parametrize(
    ("fields", "succeeded", "reason"),
    [
        ({}, True, ""),
        ({"exit_status": "1"}, False, "exit"),
        ({"failed": "100 : assumedly after job", "exit_status": "137 (Killed)"}, False, "killed"),
        (
            {"failed": "100 : assumedly after job", "exit_status": "138 (User defined signal 1)"},
            False,
            "time",
        ),
        (
            {"failed": "37 : qmaster enforced h_rt, h_cpu, or h_vmem limit", "exit_status": "137"},
            False,
            "time",
        ),
        (
            {
                "failed": "37 : qmaster enforced h_rt, h_cpu, or h_vmem limit",
                "exit_status": "137 (Killed)",
                "maxvmem": "618.254MB",
                "category": "-q all.q -l h_vmem=500M",
            },
            False,
            "memory",
        ),
        ({"failed": "28  : changing into working directory"}, False, "start"),
        ({"failed": "19  : before writing exit_status"}, False, "start"),
    ],
)
def test_the_books_say_how_a_job_ended(fields, succeeded, reason):
    verdict = grid_engine.read_record(record(**fields))
    assert (verdict.succeeded, verdict.reason) == (succeeded, reason)


def test_a_job_put_back_into_the_queue_has_not_ended():
    assert grid_engine.read_record(record(failed="25  : rescheduling", exit_status="99")) is None


@pytest.mark.parametrize(
    ("words", "cure"),
    [
        (
            'Unable to run job: Job was rejected because job requests unknown queue "nosuch.q".\nExiting.',
            "qconf -sql",
        ),
        (
            'Unable to run job: job rejected: the requested parallel environment "x" does not exist.',
            "qconf -spl",
        ),
        ('Unable to run job: unknown resource "nosuch".\nExiting.', "qconf -sc"),
        (
            'Unable to run job: job rejected: the requested project "nosuch" does not exist.\nExiting.',
            "cluster.project",
        ),
        (
            "Unable to run job: job 11 was rejected because it can't be written: No space left on device.",
            "spool is full",
        ),
    ],
)
def test_a_refused_job_is_told_in_one_line_with_the_cure(words, cure):
    line = grid_engine.refusal(words)
    assert cure in line
    assert "\n" not in line


@pytest.mark.parametrize(
    "words",
    [
        "error: commlib error: got select error (Connection refused)\nUnable to run job: unable to send "
        'message to qmaster using port 6444 on host "vm": got send error.\nExiting.',
        "Unable to initialize environment because of error: unable to read qmaster name: can't open",
    ],
)
def test_a_scheduler_that_is_away_has_refused_nothing(words):
    assert grid_engine.refusal(words) is None
