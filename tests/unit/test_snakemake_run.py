import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from garner import snakemake_run
from garner.cluster.ledger import Entry, Failure, entries, marker
from garner.cluster.submission import read
from garner.errors import StateLockedError
from garner.files import read_json, write_json, write_text
from garner.snakemake_run import clear_stale_lock
from tests.unit.test_cluster_submission import script

LOG = """\
[Sat Nov 21 05:51:36 2026]
Error in rule sort_documents:
    jobid: 3
    output: results/languages/sort/train.parquet
    log: logs/languages/sort/sort.log (check log file(s) for error details)

Error in rule train_model:
    message: For further error details see the cluster/cloud log.
    jobid: 4
    log: logs/languages/train/train.log (check log file(s) for error details)
    external_jobid: 7
"""


@pytest.fixture
def locked(tmp_path):
    (tmp_path / ".snakemake" / "locks").mkdir(parents=True)
    (tmp_path / ".snakemake" / "locks" / "0.output.lock").write_text("results/x\n")
    return tmp_path


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A working folder in which a run has begun."""
    monkeypatch.chdir(tmp_path)
    for name in ("GARNER_RUN", "GARNER_SETTINGS"):
        monkeypatch.setenv(name, "")
    snakemake_run.prepare({"seed": 1})
    return tmp_path


def submitted(key="k", run=None, outputs=(), **changes) -> Entry:
    entry = Entry(
        key=key,
        name=f"train_model.languages.{key}",
        title="train_model of languages",
        signature="s",
        outputs=list(outputs),
        log="logs/languages/train/train.log",
        output="logs/languages/train/train.log.sge",
        memory_mb=8000,
        minutes=60,
        run=os.environ["GARNER_RUN"] if run is None else run,
    )
    for name, value in changes.items():
        setattr(entry, name, value)
    entry.save()
    return entry


def last_words(*logs) -> list[str]:
    said = []
    snakemake_run.last_words(map(str, logs), said.append)
    return said


def test_a_lock_whose_owner_is_dead_is_cleared_and_said(locked):
    said = []
    assert clear_stale_lock(locked, said.append)
    assert "killed" in said[0]
    assert not clear_stale_lock(locked, said.append)


def test_a_lock_whose_owner_lives_is_left_and_the_owner_named(locked):
    (locked / "snakemake").write_text("import time\nprint(flush=True)\ntime.sleep(60)\n")
    with subprocess.Popen([sys.executable, "snakemake"], cwd=locked, stdout=subprocess.PIPE) as owner:
        owner.stdout.readline()
        with pytest.raises(StateLockedError, match=f"process {owner.pid}"):
            clear_stale_lock(locked)
        owner.kill()
    assert clear_stale_lock(locked, lambda line: None)


def test_a_lock_of_another_user_is_left_while_the_owner_that_wrote_its_name_lives(locked, monkeypatch):
    def hidden(process):
        raise psutil.AccessDenied(process.pid)

    monkeypatch.setattr(psutil.Process, "cwd", hidden)
    (locked / "snakemake").write_text("import time\nprint(flush=True)\ntime.sleep(60)\n")
    with subprocess.Popen([sys.executable, "snakemake"], cwd=locked, stdout=subprocess.PIPE) as owner:
        owner.stdout.readline()
        name = {"host": os.uname().nodename, "process": owner.pid}
        write_json(locked / ".snakemake" / "garner" / "owner.json", name)
        with pytest.raises(StateLockedError, match=f"process {owner.pid}"):
            clear_stale_lock(locked)
        owner.kill()
    assert clear_stale_lock(locked, lambda line: None)


def test_a_lock_from_another_host_is_left_and_the_host_named(locked):
    write_json(locked / ".snakemake" / "garner" / "owner.json", {"host": "login2", "process": 11})
    with pytest.raises(StateLockedError, match="login2 can tell whether it lives"):
        clear_stale_lock(locked)


def test_a_job_finds_the_settings_of_the_run_that_submitted_it(here):
    before = snakemake_run.kept_settings()
    snakemake_run.prepare({"seed": 2})
    assert snakemake_run.kept_settings() != before
    assert read_json(before) == {"seed": 1}


def test_equal_settings_are_kept_once(here):
    before = snakemake_run.kept_settings()
    snakemake_run.prepare({"seed": 1})
    assert snakemake_run.kept_settings() == before


def test_two_runs_have_two_names(here):
    command = "import os; from garner import snakemake_run; snakemake_run.prepare({}); "
    command += "print(os.environ['GARNER_RUN'])"
    other = subprocess.run([sys.executable, "-c", command], capture_output=True, text=True, check=True)
    assert other.stdout.strip() not in ("", os.environ["GARNER_RUN"])


def test_a_stale_lock_is_explained_with_the_command_that_clears_it(locked, monkeypatch, capsys):
    monkeypatch.chdir(locked)
    snakemake_run.prepare({})
    assert "`make unlock` clears the lock" in capsys.readouterr().err


def test_a_snakemake_on_another_host_is_not_called_killed(locked, monkeypatch, capsys):
    monkeypatch.chdir(locked)
    write_json(".snakemake/garner/owner.json", {"host": "login2", "process": 11})
    snakemake_run.prepare({})
    assert capsys.readouterr().err == ""


def test_who_holds_the_lock_is_written_down(here, monkeypatch):
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    snakemake_run.begin(SimpleNamespace(jobs=[]))
    assert read_json(".snakemake/garner/owner.json") == {"host": os.uname().nodename, "process": os.getpid()}


def test_all_that_a_group_makes_is_known_where_it_is_submitted(here, monkeypatch):
    """Snakemake tells only what no other job of the group takes."""

    def job(rule, output):
        spec = SimpleNamespace(rulename=rule, wildcards_dict={"study": "a"})
        return SimpleNamespace(get_target_spec=lambda: [spec], output=[output])

    jobs = [job("export_model", "a/model"), job("predict_test", "a/answers"), job("alone", "a/x")]
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    snakemake_run.begin(SimpleNamespace(jobs=jobs, get_job_group=lambda job: job is not jobs[2]))
    group = {"type": "group", "output": ["a/answers"]}
    path = script(here, target="export_model:study=a' 'predict_test:study=a", **group)
    assert read(path, "s").outputs == ["a/model", "a/answers"]
    assert read(script(here, target="alone:study=a", output=["a/x"]), "s").outputs == ["a/x"]


def test_a_part_of_a_group_that_no_snakemake_recorded_is_not_taken_for_done(here):
    """Snakemake in the job removes the marker of each part that has ended."""
    for name in ("made", "recorded", "recorded-before"):
        write_text(f"results/{name}", "x")
    write_text(Path(".snakemake", "metadata", marker("results/recorded-before").name), "{}")
    time.sleep(0.01)
    outputs = [f"results/{name}" for name in ("made", "recorded", "recorded-before", "not-yet")]
    submitted(run="killed", outputs=outputs, id="7", submitted=time.time())
    time.sleep(0.01)
    write_text(Path(".snakemake", "metadata", marker("results/recorded").name), "{}")
    snakemake_run.prepare({"seed": 1})
    assert [marker(output).exists() for output in outputs] == [True, False, True, False]
    assert read_json(marker("results/made")) == {"external_jobid": "7"}


def test_what_a_job_made_whose_end_was_reported_is_not_marked(here):
    write_text("results/made", "x")
    submitted(run="earlier", outputs=["results/made"], id="7", submitted=time.time(), closed=True)
    snakemake_run.prepare({"seed": 1})
    assert not marker("results/made").exists()


def test_ctrl_c_cancels_all_jobs_of_this_run_and_no_other(here):
    write_text("sge/cancel.py", '#!/bin/sh\necho "$@" >> cancelled\n')
    os.chmod("sge/cancel.py", 0o755)
    profile = str(here / "sge")
    submitted("a", id="1", profile=profile)
    submitted("b", id="2", profile=profile)
    submitted("ended", id="3", profile=profile, closed=True)
    write_text(submitted("just ended", id="4", profile=profile).record / "exit", "0 4\n")
    submitted("another run's", run="earlier", id="5", profile=profile)
    submitted("not queued yet", profile=profile)
    handler = signal.getsignal(signal.SIGINT)
    try:
        snakemake_run.begin(SimpleNamespace(jobs=[]))
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, handler)
    assert Path("cancelled").read_text() == "1 2\n"


def test_the_last_words_name_rule_study_reason_and_log(here):
    write_text("logs/languages/train/train.log", "")
    submitted().close(Failure("memory", "asked for 8,000 MB"))
    assert last_words() == [
        "failed: train_model of languages: out of memory: asked for 8,000 MB. "
        "Log: logs/languages/train/train.log"
    ]


def test_the_last_words_are_of_this_run_and_of_what_failed(here):
    submitted("a", run="earlier").close(Failure("time", ""))
    submitted("b").close(None)
    assert last_words() == []
    assert len(entries()) == 2


def test_the_last_words_tell_what_a_job_on_this_host_said_last(here):
    write_text(here / "snakemake.log", LOG)
    write_text("logs/languages/sort/sort.log", "2026 error: old\n2026 error: row 3 has no label.\n")
    assert last_words(here / "snakemake.log") == [
        "failed: sort_documents of languages: row 3 has no label. Log: logs/languages/sort/sort.log"
    ]


def test_a_job_on_this_host_that_said_nothing_was_killed(here):
    write_text(here / "snakemake.log", LOG)
    assert "killed, or ended before it could say why" in last_words(here / "snakemake.log")[0]
