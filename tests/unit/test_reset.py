import pytest

from garner.errors import ConfigError, StateLockedError
from garner.jobs import lock
from garner.reset import reset

FILES = ["results/s/clone/0.parquet", "state/s/clone/0/a.zst", "results/s/sort/train.parquet"]
FILES += ["results/s/scrape/users.parquet", "state/s/train/checkpoint"]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in FILES:
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_bytes(b"x" * 1000)
    return tmp_path


def test_reset_shows_what_would_go_and_asks_first(folder):
    said = []
    assert not reset("s", "clone", lambda question: False, said.append)
    assert (folder / "results/s/clone/0.parquet").exists()
    assert "results   results/s/clone/  1 files, 0.0 MB" in said
    assert any("fetched" in line for line in said)


def test_reset_forgets_progress_and_results_of_the_stage_and_the_results_that_follow(folder):
    assert reset("s", "clone", lambda question: True, lambda line: None)
    left = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert left == {"results/s/scrape/users.parquet", "state/s/train/checkpoint"}


def test_reset_of_a_stage_without_anything_says_so(folder):
    said = []
    assert not reset("s", "report", lambda question: True, said.append)
    assert said == ["s has neither results nor progress of report: nothing to forget."]


def test_reset_refuses_while_a_job_works_on_the_progress(folder):
    with lock(folder / "state/s/clone/0"), pytest.raises(StateLockedError):
        reset("s", "clone", lambda question: True, lambda line: None)
    assert (folder / "results/s/clone/0.parquet").exists()


def test_an_unknown_stage_is_answered_with_the_known_ones(folder):
    with pytest.raises(ConfigError, match="STAGE=cloning is no stage; the stages are scrape, clone"):
        reset("s", "cloning", lambda question: True)
