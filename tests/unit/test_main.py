import subprocess
import sys


def run(folder, *arguments: str, answer: str = "") -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "garner", *arguments]
    return subprocess.run(command, cwd=folder, input=answer, capture_output=True, text=True, timeout=60)


def test_reset_without_an_answer_changes_nothing(tmp_path):
    result = tmp_path / "results" / "mine" / "report" / "files.svg"
    result.parent.mkdir(parents=True)
    result.touch()
    done = run(tmp_path, "reset", "mine", "report")
    assert (done.returncode, done.stderr) == (0, "")
    assert "Nothing was changed" in done.stdout
    assert result.exists()
    assert run(tmp_path, "reset", "mine", "report", answer="y\n").returncode == 0
    assert not result.exists()


def test_an_error_is_one_line_and_no_traceback(tmp_path):
    done = run(tmp_path, "reset", "mine", "clown")
    assert done.returncode == 1
    assert done.stderr.startswith("error: STAGE=clown is no stage")
    assert len(done.stderr.splitlines()) == 1
