"""The doctor, against stand-ins of Grid Engine's commands, of which `qsub` runs a job at once."""

import json
import os
import re
import shutil
import socket
import sys
from types import SimpleNamespace

import pytest
import yaml

from garner.cluster import doctor, grid_engine, slurm
from garner.errors import ConfigError, UnreachableError
from garner.files import write_text

COMPLEXES = """\
#name  shortcut  type    relop  requestable  consumable  default  urgency
gpus   gpu       INT     <=     YES          {}          0        0

mem_free mf      MEMORY  <=     YES          NO          0        0
# >#< starts a comment but comments are not saved across edits
"""


@pytest.fixture
def site(tmp_path, monkeypatch, root):
    """A site whose commands answer as a test tells them, and a job of which sees network and GPU."""
    commands, work = tmp_path / "bin", tmp_path / "work"
    commands.mkdir()
    shutil.copytree(root / "profiles" / "sge", work / "sge", ignore=shutil.ignore_patterns("*.local.yaml"))
    monkeypatch.chdir(work)
    monkeypatch.setattr(doctor, "LOOK", 0.01)
    monkeypatch.setenv("PATH", f"{commands}:{os.path.dirname(sys.executable)}:/usr/bin:/bin")
    monkeypatch.setenv("PYTHONPATH", str(root / "scripts"))
    monkeypatch.setenv("JOB_ID", "7")

    def answer(command, shell):
        (commands / command).write_text(f'#!/bin/sh\necho "$*" >> {tmp_path}/{command}.calls\n{shell}\n')
        (commands / command).chmod(0o755)

    def said(command):
        calls = tmp_path / f"{command}.calls"
        return calls.read_text().splitlines() if calls.exists() else []

    def conf(queues="all.q\ngpu.q\nnetwork.q", rule="$pe_slots", consumable="JOB"):
        write_text(tmp_path / "complexes", COMPLEXES.format(consumable))
        answer(
            "qconf",
            f"case $1 in -sql) echo '{queues}';; -spl) echo smp;; -sp) echo 'allocation_rule    {rule}';; "
            f"-sc) cat {tmp_path}/complexes;; -sprjl) echo lab;; esac",
        )

    def settings(**changed):
        write_text("sge/cluster.local.yaml", yaml.safe_dump({"cluster": changed}))

    conf()
    settings(environment=["PATH", "PYTHONPATH"])
    answer("qsub", "sh > /dev/null 2>&1; echo 7")
    answer("qstat", "echo '<a><queue_info/><job_info/></a>'")
    answer("nvidia-smi", "echo 'GPU 0: H200'")
    for command in ("qacct", "qdel", "qhost"):
        answer(command, "exit 0")
    return SimpleNamespace(answer=answer, said=said, conf=conf, settings=settings, profile=work / "sge")


@pytest.fixture
def address():
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def consulted(site, address="http://127.0.0.1:1", patience=20) -> tuple[bool, str]:
    said = []
    well = doctor.report(doctor.examine(site.profile, patience, address), site.profile, said.append)
    return well, "\n".join(said)


def problems(said: str) -> list[str]:
    return re.findall(r"^✗ (.*)$", said, re.MULTILINE)


def test_a_site_on_which_all_is_well_is_told_so_check_by_check(site, address):
    well, said = consulted(site, address)
    assert well, said
    assert problems(said) == []
    assert said.count("ran on ") == 3
    assert "this folder is there" in said
    assert "1 GPU" in said
    assert "cluster.local.yaml" not in said
    assert not site.said("qdel")


def test_a_profile_of_no_cluster_is_named(site):
    with pytest.raises(ConfigError, match="PROFILE=default is no profile of a cluster; there are sge, slurm"):
        list(doctor.examine(site.profile.with_name("default"), 1, ""))


def test_without_the_schedulers_commands_nothing_else_is_asked(site, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    well, said = consulted(site)
    assert not well
    assert problems(said) == [
        "commands of Grid Engine: qsub, qstat, qacct, qdel, qconf, qhost not on the PATH. "
        "Log in to a host that may submit, or load a module"
    ]


def test_a_name_that_is_not_there_is_told_with_what_is_and_what_to_put_into_the_profile(site):
    site.conf(queues="all.q\ngpu7.q")
    site.settings(project="labs")
    well, said = consulted(site)
    assert not well
    assert problems(said) == [
        "queue for GPU jobs: gpu.q is not there; there are all.q, gpu7.q",
        "project: labs is not there; there are lab",
    ]
    to_put = said.split("with what is right here:")[1]
    assert yaml.safe_load(to_put) == {"cluster": {"queues": {"gpu": "gpu7.q"}, "project": "lab"}}
    assert not site.said("qsub")  # no job before the names are right


@pytest.mark.parametrize("queue", ["*", "all.q,gpu.q", "all.q@node7", "*.q"])
def test_a_queue_may_be_a_list_a_part_or_a_pattern(site, address, queue):
    site.settings(queues={"cpu": queue}, environment=["PATH", "PYTHONPATH"])
    well, said = consulted(site, address)
    assert well, said


@pytest.mark.parametrize(
    ("conf", "words"),
    [
        ({"rule": "$round_robin"}, "its allocation rule is $round_robin, which may spread a job over hosts"),
        ({"consumable": "YES"}, "it is consumed by the slot"),
    ],
)
def test_what_would_let_a_job_wait_for_ever_is_found(site, conf, words):
    site.conf(**conf)
    well, said = consulted(site)
    assert not well
    assert words in said


def test_a_queue_without_network_or_gpu_is_found_by_a_job_there(site):
    site.answer("nvidia-smi", "exit 0")
    well, said = consulted(site)
    assert not well
    assert [line.partition(":")[0] for line in problems(said)] == [
        "a job for the GPU",
        "a job for the network",
    ]
    assert "run.network_on_submit_host" in said


@pytest.mark.parametrize("scheduler", [grid_engine, slurm])
def test_the_setting_that_cures_a_missing_network_is_named_as_the_site_s_file_names_it(scheduler, tmp_path):
    seen = {
        "host": "n1",
        "python": "3.11",
        "temporary_gb": 9,
        "temporary": "/tmp",
        "network": "refused",
        "gpus": [],
    }
    (tmp_path / "seen.json").write_text(json.dumps(seen))
    cure = doctor._told("network", tmp_path, 1.0, scheduler.QUEUES).settings
    assert cure.keys() <= scheduler.SETTINGS.keys()


def test_a_python_that_nodes_do_not_have_is_found(site, monkeypatch):
    monkeypatch.setattr(sys, "executable", "/nowhere/python3")
    well, said = consulted(site)
    assert not well
    assert "Python (/nowhere/python3) does not run on" in said


def test_a_folder_that_nodes_do_not_see_is_found(site):
    site.answer("qsub", "cat > /dev/null; echo 7")
    well, said = consulted(site, patience=0.1)
    assert not well
    assert "ended and left no word: can its node see" in said


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ("qw", "job 7 is pending after 0 s and was cancelled. The queue is busy"),
        ("Eqw", "job 7 cannot start: can not find the folder. Work in a folder that all nodes share"),
    ],
)
def test_a_job_that_does_not_come_is_told_with_the_cause_and_cancelled(site, state, words):
    listed = f"<JB_job_number>7</JB_job_number><JB_name>x</JB_name><state>{state}</state>"
    site.answer("qsub", "cat > /dev/null; echo 7")
    site.answer(
        "qstat",
        'case "$*" in *-j*) echo "error reason    1:          can not find the folder";; '
        f"*) echo '<a><queue_info/><job_info><job_list>{listed}</job_list></job_info></a>';; esac",
    )
    well, said = consulted(site, patience=0.1)
    assert not well
    assert words in said
    assert site.said("qdel") == ["7 7 7"]


def test_a_refused_job_is_told_with_the_cure(site):
    site.answer("qsub", "cat > /dev/null; echo 'Unable to run job: unknown resource \"gpus\".' >&2; exit 1")
    well, said = consulted(site)
    assert not well
    assert "cluster.memory and cluster.gpus" in said


def test_jobs_are_cancelled_where_the_scheduler_goes_away(site):
    site.answer("qsub", "cat > /dev/null; echo 7")
    site.answer("qstat", "echo 'error: commlib error' >&2; exit 1")
    with pytest.raises(UnreachableError, match="commlib"):
        consulted(site, patience=0.1)
    assert site.said("qdel") == ["7 7 7"]
