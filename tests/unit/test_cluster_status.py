"""Submitting and asking, against stand-ins of qsub, qstat, qacct and qdel that print what real ones do."""

import os
import shutil
import signal
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
SETTINGS = {"poll_seconds": 5, "lost_minutes": 1, "continuations": 2}


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


def submitting(cluster, run="run-1", **changes) -> subprocess.Popen:
    """The same, going on."""
    path = script(cluster.folder, **changes)
    return subprocess.Popen(
        ["sge/submit.py", path],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"GARNER_RUN": run},
        start_new_session=True,
    )


def until(condition) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


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


def test_a_job_that_was_given_up_and_comes_back_does_not_speak_for_its_successor(cluster):
    submit(cluster)
    cluster.queue(("7", "x", "r"))
    write_text(entry().record / "exit", "0 6\n")
    assert state() == "running"
    write_text(entry().record / "exit", "0 7\n")
    assert state() == "success"


def test_the_jobs_own_word_is_waited_for_where_a_shared_folder_lags(cluster):
    submit(cluster)
    cluster.answer("qacct", "printf 'failed 0\\nexit_status 1\\n'")
    assert [state(10), state(35)] == ["running"] * 2
    ends(1, reason="error", detail="row 7 has no label")
    assert state(36) == "failed"
    assert entry().failure == {"reason": "error", "detail": "row 7 has no label"}


def test_a_node_that_does_not_see_the_folder_is_named_as_the_cause(cluster):
    submit(cluster)
    cluster.answer("qacct", "printf 'failed 0\\nexit_status 1\\n'")
    assert state(10) == "running"
    assert state(50) == "failed"
    assert entry().failure["reason"] == "start"
    assert f"does its node see {cluster.folder}?" in entry().failure["detail"]


def test_of_what_killed_a_job_the_books_know_more_than_the_stage(cluster):
    submit(cluster)
    limit = "failed 37 : qmaster enforced h_rt\\nexit_status 137 (Killed)\\nru_wallclock 3600s\\n"
    ends(1, reason="killed", detail="stopped by SIGUSR2")
    cluster.answer("qacct", f"printf '{limit}'")
    assert state() == "failed"
    assert entry().failure["reason"] == "time"


def test_a_job_is_given_up_for_lost_though_the_books_never_answer(cluster):
    submit(cluster)
    write_text(entry().record / "started", "node7\n")
    cluster.answer("qacct", AWAY)
    assert [state(10), state(60)] == ["running"] * 2
    assert state(80) == "failed"
    assert entry().failure["reason"] == "lost"


def test_an_answer_that_breaks_off_is_a_scheduler_that_is_away(cluster):
    submit(cluster)
    cluster.answer("qstat", "echo '<a><queue_info>'")
    assert state(10) == "running"


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


def warned() -> None:
    """What a stage leaves that saved its progress at the warning of its time limit."""
    ends(1, reason="time", detail="stopped by SIGUSR1")
    (entry().record / "resume").touch()


def test_what_stops_at_its_time_limit_goes_on_in_a_new_job_and_snakemake_asks_by_the_old_id(cluster, capsys):
    submit(cluster)
    warned()
    cluster.answer("qsub", "cat > /dev/null; echo 8")
    assert state() == "running"
    assert (entry().id, entry().former) == ("8", ["7"])
    assert "goes on after its time limit, as job 8" in capsys.readouterr().err
    ends(0)
    assert status.status(ledger.find_by_id("7"), grid_engine, SETTINGS, 0) == "success"


def test_what_never_gets_done_within_its_time_limit_fails_in_the_end(cluster):
    submit(cluster)
    for _ in range(2):
        warned()
        assert state() == "running"
    warned()
    assert state() == "failed"
    assert entry().failure["reason"] == "time"


def test_a_continuation_that_nobody_could_record_is_found_and_not_sent_twice(cluster):
    submit(cluster)
    warned()
    cluster.answer("qsub", AWAY)
    assert state() == "running"
    cluster.queue(("7", entry().name, "r"), ("9", entry().name, "qw"))
    assert state() == "running"
    assert entry().id == "9"


def test_ctrl_c_cancels_what_goes_on_by_its_present_id(cluster):
    submit(cluster)
    warned()
    cluster.answer("qsub", "cat > /dev/null; echo 8")
    state()
    subprocess.run(["sge/cancel.py", "7"])
    assert cluster.said("qdel") == ["qdel 8"]


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


def test_a_job_that_ended_well_though_nobody_could_record_its_submission_is_not_run_again(cluster):
    submit(cluster)
    killed_between = entry()
    killed_between.id = ""
    killed_between.save()
    write_text(entry().record / "exit", "0 9\n")
    write_json(marker("results/model"), {"external_jobid": "9"})
    assert submit(cluster, run="run-2").stdout == "9\n"
    assert len(cluster.said("qsub")) == 1
    assert state() == "success"


def test_a_job_of_another_folder_with_the_same_number_is_left_alone(cluster):
    """Numbers begin anew where a scheduler was set up anew, and two schedulers have the same."""
    submit(cluster)
    cluster.queue(("7", "somebody.else", "r"))
    submit(cluster, run="run-2", params={"seed": 2})
    assert not cluster.said("qdel")
    assert len(cluster.said("qsub")) == 2


def test_a_job_that_does_not_start_is_cancelled_by_the_next_snakemake_and_submitted_anew(cluster):
    submit(cluster)
    gone = cluster.folder / "gone"
    cluster.answer("qdel", f"touch {gone}")
    listed = f"<JB_job_number>7</JB_job_number><JB_name>{entry().name}</JB_name><state>Eqw</state>"
    job = f"<job_list>{listed}</job_list>"
    cluster.answer(
        "qstat", f"[ -e {gone} ] && L= || L='{job}'; echo \"<a><queue_info/><job_info>$L</job_info></a>\""
    )
    cluster.answer("qsub", "cat > /dev/null; echo 8")
    done = submit(cluster, run="run-2")
    assert done.stdout == "8\n"
    assert "job 7, which does not start: cancelling it" in done.stderr


def test_a_submission_that_outlives_its_snakemake_is_waited_for_and_not_made_twice(cluster):
    submit(cluster)
    name = entry().name
    entry().close(None)
    asked = cluster.folder / "asked"
    cluster.answer("qsub", f"cat > /dev/null; touch {asked}; sleep 1; echo 8")
    cluster.queue(("8", name, "r"))
    with submitting(cluster, run="run-2") as orphan:
        until(asked.exists)
        done = submit(cluster, run="run-3")
        assert orphan.stdout.read() == "8\n"
    assert done.stdout == "8\n"
    assert "attached to it" in done.stderr
    assert len(cluster.said("qsub")) == 2


def test_ctrl_c_during_a_submission_cancels_the_job_that_snakemake_will_not_hear_of(cluster):
    asked = cluster.folder / "asked"
    cluster.answer("qsub", f"cat > /dev/null; touch {asked}; sleep 1; echo 8")
    with submitting(cluster) as process:
        until(asked.exists)
        os.killpg(process.pid, signal.SIGINT)
        assert "Traceback" not in process.stderr.read()
    assert process.returncode == 130
    assert cluster.said("qdel") == ["qdel 8"]


def group(*targets, output) -> dict:
    return {"type": "group", "target": "' '".join(targets), "output": output}


def test_a_group_of_other_targets_that_makes_the_same_file_ends_before_its_successor_begins(cluster):
    both = group(
        "export_model:study=a", "predict_test:study=a", output=["results/a/export", "results/a/test"]
    )
    assert submit(cluster, **both).stdout == "7\n"
    gone = cluster.folder / "gone"
    cluster.answer("qdel", f"touch {gone}")
    listed = f"<JB_job_number>7</JB_job_number><JB_name>{entry().name}</JB_name><state>r</state>"
    cluster.answer(
        "qstat",
        f"[ -e {gone} ] && L= || L='<job_list>{listed}</job_list>'; "
        'echo "<a><queue_info/><job_info>$L</job_info></a>"',
    )
    cluster.answer("qsub", f"cat > /dev/null; [ -e {gone} ] && echo 8")
    done = submit(cluster, run="run-2", **group("predict_test:study=a", output=["results/a/test"]))
    assert done.stdout == "8\n"
    assert "makes some of the same files as predict_test of a: cancelling it" in done.stderr


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
