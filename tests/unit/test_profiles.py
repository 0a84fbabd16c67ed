import argparse
import importlib.util

import pytest
import yaml


def script(root, name):
    spec = importlib.util.spec_from_file_location(name, root / "profiles" / "sge" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def site(root):
    return yaml.safe_load((root / "profiles/sge/cluster.yaml").read_text())


def job(**changes):
    plain = {"rule": "train_model", "log": "logs/x.log", "threads": 1, "memory": 4000, "minutes": 60}
    return argparse.Namespace(**plain | {"gpus": 0, "network": 0, "script": "job.sh"} | changes)


def option(call: list[str], flag: str) -> str:
    return call[call.index(flag) + 1]


def test_a_job_that_asks_for_a_gpu_goes_to_the_gpu_queue_and_the_rest_does_not(root, site):
    command = script(root, "submit").command
    assert option(command(job(gpus=1), site), "-q") == "gpu.q"
    assert "gpus=1" in option(command(job(gpus=1), site), "-l").split(",")
    assert option(command(job(), site), "-q") == "all.q"
    assert "gpus" not in option(command(job(), site), "-l")


def test_a_job_that_needs_the_network_goes_where_it_is_if_the_site_says_so(root, site):
    command = script(root, "submit").command
    assert option(command(job(network=1), site), "-q") == "all.q"
    site["queues"]["network"] = "transfer.q"
    assert option(command(job(network=1), site), "-q") == "transfer.q"


def test_memory_is_asked_for_a_slot(root, site):
    call = script(root, "submit").command(job(threads=4, memory=4001), site)
    assert option(call, "-pe") == "smp"
    assert call[call.index("-pe") + 2] == "4"
    assert "mem_free=1001M" in option(call, "-l").split(",")
    assert "-pe" not in script(root, "submit").command(job(), site)


def test_the_warning_signal_comes_before_the_time_limit(root, site):
    limits = option(script(root, "submit").command(job(minutes=10), site), "-l").split(",")
    assert "h_rt=600" in limits
    assert "s_rt=480" in limits


def test_project_mail_and_further_flags_of_the_site_are_passed_on(root, site):
    site |= {"project": "lab", "mail": "a@example.org", "extra": ["-l", "fast"]}
    call = script(root, "submit").command(job(), site)
    assert option(call, "-P") == "lab"
    assert option(call, "-M") == "a@example.org"
    assert call[-3:] == ["-l", "fast", "job.sh"]


@pytest.mark.parametrize(
    ("known", "accounting", "answer"),
    [
        (True, "", "running"),
        (False, "", "running"),
        (False, "failed       0    \nexit_status  0 \n", "success"),
        (False, "failed       0    \nexit_status  1 \n", "failed"),
        (False, "failed       100 : assumedly after job\nexit_status  137 \n", "failed"),
    ],
)
def test_a_silent_scheduler_is_patience_and_not_failure(root, known, accounting, answer):
    assert script(root, "status").status(known, accounting) == answer


def test_the_default_profile_sets_nothing_that_another_profile_sets(root):
    """profiles/default is loaded beside `--profile sge` and would win over it."""
    settings = {
        name: set(yaml.safe_load((root / "profiles" / name / "config.yaml").read_text()))
        for name in ("default", "sge", "slurm")
    }
    assert not settings["default"] & (settings["sge"] | settings["slurm"])
    assert not settings["default"] & {"cores", "jobs", "executor", "default-resources"}
