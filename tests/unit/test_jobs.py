import os
import subprocess
import sys
import time

import psutil
import pytest

from garner.errors import StateLockedError
from garner.files import read_json
from garner.jobs import lock


def run(body: str, *arguments: str, **options) -> subprocess.CompletedProcess:
    script = f"import sys\nfrom garner.jobs import job, stop_requested\nfrom garner.errors import *\n{body}"
    return subprocess.run(
        [sys.executable, "-c", script, *arguments], capture_output=True, text=True, **options
    )


def test_a_user_error_is_one_line_and_names_the_log(tmp_path):
    done = run(
        "with job(sys.argv[1]): raise InputError('x.csv, row 3: no label; add one')",
        str(tmp_path / "job.log"),
    )
    assert done.returncode == 1
    assert done.stderr.splitlines() == ["error: x.csv, row 3: no label; add one", f"log: {tmp_path}/job.log"]
    assert "error: x.csv, row 3" in (tmp_path / "job.log").read_text()


def test_an_interruption_asks_to_be_tried_again(tmp_path):
    assert (
        run("with job(sys.argv[1]): raise Interrupted('saved')", str(tmp_path / "job.log")).returncode == 75
    )


def test_a_defect_keeps_its_traceback_in_the_log(tmp_path):
    done = run("with job(sys.argv[1]): 1 / 0", str(tmp_path / "job.log"))
    assert done.returncode == 70
    assert "ZeroDivisionError" in (tmp_path / "job.log").read_text()


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGUSR1", "SIGUSR2"])
def test_a_stage_with_progress_may_save_it_before_it_stops(tmp_path, name):
    body = (
        "import signal\nwith job(sys.argv[1], sys.argv[2]):\n"
        "    assert not stop_requested()\n"
        f"    signal.raise_signal(signal.{name})\n"
        "    assert stop_requested()\n"
        "    print('saved')"
    )
    done = run(body, str(tmp_path / "job.log"), str(tmp_path))
    assert (done.returncode, done.stdout) == (0, "saved\n")


def test_a_stage_without_progress_stops_at_once(tmp_path):
    body = (
        "import signal\nwith job(sys.argv[1]):\n    signal.raise_signal(signal.SIGTERM)\n    print('never')"
    )
    done = run(body, str(tmp_path / "job.log"))
    assert (done.returncode, done.stdout) == (75, "")
    assert "stopped by SIGTERM. The same command goes on from here." in done.stderr


def test_a_second_signal_does_not_wait(tmp_path):
    body = "import signal\nwith job(sys.argv[1], sys.argv[2]):\n"
    body += "    signal.raise_signal(signal.SIGINT)\n" * 2 + "    print('never')"
    done = run(body, str(tmp_path / "job.log"), str(tmp_path))
    assert (done.returncode, done.stdout) == (75, "")


def test_a_second_job_on_the_same_state_is_refused_and_told_who_holds_it(tmp_path):
    with lock(tmp_path):
        done = run("with job(sys.argv[1], sys.argv[2]): print('never')", str(tmp_path / "l"), str(tmp_path))
        assert done.returncode == 1
        assert f"in use by process {os.getpid()} on" in done.stderr
        assert "never" not in done.stdout
    assert run("with job(sys.argv[1], sys.argv[2]): pass", str(tmp_path / "l"), str(tmp_path)).returncode == 0


def test_a_full_disk_is_one_line_on_the_terminal_where_neither_lock_nor_log_can_be_written(tmp_path):
    # What a limit on the size of files refuses is an error like that of a full disk.
    body = "import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))\n"
    done = run(
        body + "with job(sys.argv[1], sys.argv[2]):\n    print('never')",
        str(tmp_path / "job.log"),
        str(tmp_path / "state"),
    )
    assert done.returncode == 1
    assert done.stderr.startswith("error: no space left to write")
    assert "Traceback" not in done.stderr
    assert "never" not in done.stdout


def test_a_full_disk_is_one_line_also_where_the_clusters_side_can_be_left_no_word(tmp_path, monkeypatch):
    monkeypatch.setenv("GARNER_RECORD", str(tmp_path))
    body = "import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))\n"
    done = run(body + "with job(sys.argv[1]): raise DiskFullError('no space left')", str(tmp_path / "l"))
    assert done.returncode == 1
    assert "no word of it can be left" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_killed_holder_leaves_no_lock(tmp_path):
    script = "import sys, time\nfrom garner.jobs import lock\nfrom pathlib import Path\n"
    script += "with lock(Path(sys.argv[1])):\n    print('held', flush=True)\n    time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", script, tmp_path], stdout=subprocess.PIPE) as holder:
        holder.stdout.readline()
        with pytest.raises(StateLockedError), lock(tmp_path):
            pass
        holder.kill()
    with lock(tmp_path):
        pass


@pytest.mark.parametrize(
    ("number", "state", "reason", "resumes"),
    [("SIGUSR1", True, "time", True), ("SIGUSR1", False, "time", False), ("SIGUSR2", True, "killed", False)],
)
def test_on_a_cluster_a_stopped_job_leaves_word_of_why_and_whether_it_is_to_go_on(
    tmp_path, monkeypatch, number, state, reason, resumes
):
    monkeypatch.setenv("GARNER_RECORD", str(tmp_path))
    body = "import signal\nfrom garner.errors import Interrupted\n"
    body += (
        f"with job(*sys.argv[1:]):\n    signal.raise_signal(signal.{number})\n    raise Interrupted('saved')"
    )
    done = run(body, str(tmp_path / "job.log"), *([str(tmp_path / "state")] if state else []))
    assert done.returncode == 75
    assert read_json(tmp_path / "reason.json")["reason"] == reason
    assert (tmp_path / "resume").exists() is resumes


def test_a_signal_after_the_work_is_done_does_not_undo_it(tmp_path):
    """Python drops its handlers before it collects what is left, here an object that raises the signal."""
    body = "import os, signal\nclass Late:\n    def __del__(self, kill=os.kill, pid=os.getpid()):\n"
    body += "        kill(pid, 10)\nlate = Late()\nlate.itself = late\n"
    body += "with job(*sys.argv[1:]):\n    pass\n"
    assert run(body, str(tmp_path / "job.log"), str(tmp_path / "state")).returncode == 0


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        ("MemoryError('8 GB')", "memory"),
        ("InputError('row 3')", "error"),
        ("TransientError('502')", "passing"),
    ],
)
def test_on_a_cluster_a_failed_job_leaves_word_of_what_was_wrong(tmp_path, monkeypatch, error, reason):
    monkeypatch.setenv("GARNER_RECORD", str(tmp_path))
    body = f"from garner.errors import *\nwith job(sys.argv[1]):\n    raise {error}"
    assert run(body, str(tmp_path / "job.log")).returncode != 0
    assert read_json(tmp_path / "reason.json")["reason"] == reason
    assert not (tmp_path / "resume").exists()


def test_a_job_dies_with_the_process_that_started_it_even_through_a_shell(tmp_path):
    body = "import sys, os, time\nfrom garner.jobs import job\nwith job(sys.argv[1]):\n"
    body += "    print(os.getpid(), flush=True)\n    time.sleep(60)"
    (tmp_path / "body.py").write_text(body)
    shell = f"{sys.executable} {tmp_path}/body.py {tmp_path}/job.log; true"
    starter = f"import subprocess\nsubprocess.run(['bash', '-c', {shell!r}])"
    with subprocess.Popen([sys.executable, "-c", starter], stdout=subprocess.PIPE, text=True) as process:
        orphan = psutil.Process(int(process.stdout.readline()))
        process.kill()
        deadline = time.monotonic() + 20
        while orphan.is_running() and orphan.status() != psutil.STATUS_ZOMBIE and time.monotonic() < deadline:
            time.sleep(0.1)
    assert not orphan.is_running() or orphan.status() == psutil.STATUS_ZOMBIE
