"""Submitting and asking, against stand-ins of qsub, qstat, qacct and qdel that print what real ones do."""

import os
import shutil
import subprocess
import sys
import time
from types import SimpleNamespace

import pytest

from garner.cluster import grid_engine, ledger, status
from garner.cluster.ledger import Entry, marker
from garner.files import write_json, write_text
from tests.unit.test_cluster_submission import script

AWAY = 'echo "error: commlib error: got select error (Connection refused)" >&2; exit 1'
NOBODY = 'echo "error: job id not found" >&2; exit 1'
KILLED = "failed 100 : assumedly after job\nexit_status 137 (Killed)\nmaxvmem {}\nru_wallclock 9s\nslots 1\n"
SETTINGS = {"poll_seconds": 5, "lost_minutes": 1}


@pytest.fixture
def cluster(tmp_path, monkeypatch, root):
    """Commands of Grid Engine whose answers a test sets; `said` gives the calls that were made."""
    commands, calls = tmp_path / "bin", tmp_path / "calls"
    commands.mkdir()
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    shutil.copytree(root / "profiles" / "sge", tmp_path / "work" / "sge")
    write_text("sge/cluster.local.yaml", "cluster: {patience_minutes: 0}")
    python = os.path.dirname(sys.executable)
    monkeypatch.setenv("PATH", f"{commands}:{python}:{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", str(root / "scripts"))
    monkeypatch.setenv("GARNER_SETTINGS", "settings.json")

    def answer(command, shell):
        (commands / command).write_text(f'#!/bin/sh\necho "{command} $*" >> {calls}\n{shell}\n')
        (commands / command).chmod(0o755)

    def queue(*jobs):
        """(id, name, state) of each."""
        lists = "".join(
            f"<job_list><JB_job_number>{number}</JB_job_number><JB_name>{name}</JB_name>"
            f"<state>{state}</state></job_list>"
            for number, name, state in jobs
        )
        answer("qstat", f"echo '<a><queue_info/><job_info>{lists}</job_info></a>'")

    def said(command):
        lines = calls.read_text().splitlines() if calls.exists() else []
        return [line for line in lines if line.startswith(f"{command} ")]

    answer("qhost", "echo '<q><host><hostvalue name=\"mem_total\">64.5G</hostvalue></host></q>'")
    answer("qsub", "cat > /dev/null; echo 7")
    answer("qacct", NOBODY)
    answer("qdel", "exit 0")
    queue()
    return SimpleNamespace(answer=answer, queue=queue, said=said, folder=tmp_path / "work")


def submit(cluster, run="run-1", **changes) -> subprocess.CompletedProcess:
    """What Snakemake calls with a job script."""
    path = script(cluster.folder, **changes)
    environment = os.environ | {"GARNER_RUN": run}
    return subprocess.run(["sge/submit.py", path], capture_output=True, text=True, env=environment)


def entry() -> Entry:
    (found,) = ledger.entries()
    return found


def state(now: float = 0.0) -> str:
    return status.status(entry(), grid_engine, SETTINGS, time.time() + now)


def ends(code: int, **reason) -> None:
    """What a job's body leaves."""
    write_text(entry().record / "exit", f"{code}\n")
    if reason:
        write_json(entry().record / "reason.json", reason)


def test_a_job_is_submitted_once_and_the_scheduler_asked_nothing_else(cluster):
    done = submit(cluster)
    assert (done.returncode, done.stdout, done.stderr) == (0, "7\n", "")
    assert entry().id == "7"
    assert not cluster.said("qstat")


def test_a_job_that_left_its_exit_code_has_ended_whatever_the_scheduler_says(cluster):
    submit(cluster)
    cluster.answer("qstat", AWAY)
    ends(0)
    assert state() == "success"
    assert not cluster.said("qstat")


def test_one_question_serves_all_jobs_for_some_seconds(cluster):
    submit(cluster)
    cluster.queue(("7", "x", "r"))
    assert [state(), state(1), state(2)] == ["running"] * 3
    assert len(cluster.said("qstat")) == 1
    assert state(9) == "running"
    assert len(cluster.said("qstat")) == 2


def test_a_scheduler_that_is_away_is_patience_and_is_said_once_a_minute(cluster, capsys):
    submit(cluster)
    cluster.answer("qstat", AWAY)
    assert [state(6 * look) for look in range(100)] == ["running"] * 100
    assert 9 <= capsys.readouterr().err.count("Grid Engine does not answer") <= 11


def test_a_job_that_was_killed_is_failed_by_the_books(cluster):
    submit(cluster)
    cluster.answer("qacct", f"printf '{KILLED.format('20.5MB')}'")
    assert state(20) == "failed"
    assert entry().failure["reason"] == "killed"


def test_a_job_that_was_killed_with_all_its_memory_in_use_is_failed_for_memory(cluster):
    submit(cluster)
    cluster.answer("qacct", f"printf '{KILLED.format('7.990G')}'")
    assert state(20) == "failed"
    assert entry().failure["reason"] == "memory"
    assert "asked for 8,000 MB" in entry().failure["detail"]


def test_a_job_deleted_before_it_began_is_noticed_though_no_books_tell(cluster):
    submit(cluster)
    assert state(10) == "running"
    assert state(50) == "failed"
    assert "before it began" in entry().failure["detail"]


def test_books_of_success_are_not_believed_without_the_jobs_own_word(cluster):
    """Grid Engine books a job as well ended whose node is gone and that was deleted by force."""
    submit(cluster)
    write_text(entry().record / "started", "node7\n")
    cluster.answer("qacct", "printf 'failed 0\\nexit_status 0\\n'")
    assert state(10) == "running"
    assert state(100) == "failed"
    assert entry().failure["reason"] == "lost"


def test_a_job_whose_node_is_silent_is_waited_for_and_then_given_up(cluster):
    submit(cluster)
    place = "<name>a.q@node7</name><state>u</state>"
    job = "<job_list><JB_job_number>7</JB_job_number><JB_name>x</JB_name><state>r</state></job_list>"
    cluster.answer("qstat", f"echo '<a><queue_info><Queue-List>{place}{job}</Queue-List></queue_info></a>'")
    assert state(10) == "running"
    assert state(60) == "running"
    assert state(90) == "failed"
    assert "a.q@node7 does not answer" in entry().failure["detail"]
    assert cluster.said("qdel") == ["qdel 7"]


def test_a_node_that_answers_again_starts_the_wait_anew(cluster):
    submit(cluster)
    write_text(entry().record / "started", "node7\n")
    assert state(10) == "running"
    cluster.queue(("7", "x", "r"))
    assert state(60) == "running"
    cluster.queue()
    assert state(90) == "running"


def test_a_job_that_cannot_start_is_failed_with_the_schedulers_reason_and_taken_out(cluster):
    submit(cluster)
    listed = "<job_list><JB_job_number>7</JB_job_number><JB_name>x</JB_name><state>Eqw</state></job_list>"
    cluster.answer(
        "qstat",
        'case "$*" in *-j*) echo "error reason    1:          can not find the folder";; '
        f"*) echo '<a><queue_info/><job_info>{listed}</job_info></a>';; esac",
    )
    assert state(10) == "failed"
    assert entry().failure == {"reason": "start", "detail": "can not find the folder"}
    assert cluster.said("qdel") == ["qdel 7"]


def test_the_reason_that_the_stage_gave_is_kept(cluster):
    submit(cluster)
    ends(1, reason="error", detail="row 7 has no label")
    assert state() == "failed"
    assert entry().failure == {"reason": "error", "detail": "row 7 has no label"}


def test_a_mistake_of_the_users_is_not_tried_again_in_the_same_run_and_is_in_the_next(cluster):
    submit(cluster)
    ends(1, reason="error", detail="row 7 has no label")
    state()
    again = submit(cluster)
    assert again.returncode == 1
    assert "is not tried again: row 7 has no label" in again.stderr
    assert submit(cluster, run="run-2").returncode == 0
    assert len(cluster.said("qsub")) == 2


def test_a_job_that_died_is_submitted_again(cluster):
    submit(cluster)
    ends(1, reason="memory", detail="")
    state()
    assert submit(cluster).stdout == "7\n"
    assert len(cluster.said("qsub")) == 2


@pytest.mark.parametrize("in_queue", ["qw", "r", "Rq"])
def test_a_job_of_a_killed_snakemake_is_attached_to(cluster, in_queue):
    submit(cluster)
    cluster.queue(("7", entry().name, in_queue))
    done = submit(cluster, run="run-2")
    assert done.stdout == "7\n"
    assert "attached to it" in done.stderr
    assert len(cluster.said("qsub")) == 1


def test_a_job_whose_submission_nobody_could_record_is_found_by_its_name(cluster):
    submit(cluster)
    killed_between = entry()
    killed_between.id = ""
    killed_between.save()
    cluster.queue(("8", "another", "r"), ("9", killed_between.name, "r"))
    assert submit(cluster, run="run-2").stdout == "9\n"
    assert len(cluster.said("qsub")) == 1


def test_a_job_that_ended_well_while_nobody_watched_is_not_run_again(cluster):
    submit(cluster)
    ends(0)
    write_json(marker("results/model"), {"external_jobid": "7"})  # as its body leaves it
    done = submit(cluster, run="run-2")
    assert (done.stdout, len(cluster.said("qsub"))) == ("7\n", 1)
    assert "ended well" in done.stderr
    assert state() == "success"


def test_a_job_that_ended_well_and_was_recorded_runs_again_when_it_is_asked_for(cluster):
    submit(cluster)
    ends(0)
    state()
    submit(cluster, run="run-2")
    assert len(cluster.said("qsub")) == 2


def test_a_job_of_other_settings_is_cancelled_before_its_successor_is_submitted(cluster):
    submit(cluster)
    gone = cluster.folder / "gone"
    cluster.answer("qdel", f"touch {gone}")
    name = f"<JB_name>{entry().name}</JB_name>"
    job = f"<job_list><JB_job_number>7</JB_job_number>{name}<state>r</state></job_list>"
    cluster.answer(
        "qstat", f"[ -e {gone} ] && L= || L='{job}'; echo \"<a><queue_info/><job_info>$L</job_info></a>\""
    )
    cluster.answer("qsub", f"cat > /dev/null; [ -e {gone} ] && echo 8")
    done = submit(cluster, run="run-2", params={"seed": 2})
    assert done.stdout == "8\n"
    assert "cancelling it" in done.stderr


def test_a_refused_job_is_one_line_with_the_cure(cluster):
    words = 'Unable to run job: Job was rejected because job requests unknown queue "gpu.q".'
    cluster.answer("qsub", f"cat > /dev/null; echo '{words}' >&2; exit 1")
    done = submit(cluster)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "qconf -sql" in done.stderr
    assert entry().failure["reason"] == "refused"


def test_memory_above_every_node_is_refused_before_it_waits_for_ever(cluster):
    done = submit(cluster, resources={"mem_mb": 70000, "runtime": 60})
    assert "asks for 70,000 MB and the largest node has 66,048 MB" in done.stderr
    assert not cluster.said("qsub")


def test_without_the_schedulers_commands_the_cure_is_told(cluster, monkeypatch):
    monkeypatch.setenv("PATH", os.path.dirname(sys.executable))
    done = submit(cluster)
    assert "is not on the PATH" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_scheduler_that_stays_away_ends_the_submission_after_the_sites_patience(cluster):
    cluster.answer("qhost", AWAY)
    done = submit(cluster)
    assert done.returncode == 1
    assert "error: Grid Engine does not answer" in done.stderr


def test_ctrl_c_cancels_all_jobs_in_one_call(cluster):
    submit(cluster)
    assert subprocess.run(["sge/cancel.py", "7", "8"]).returncode == 0
    assert cluster.said("qdel") == ["qdel 7 8"]
