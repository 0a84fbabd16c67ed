import logging
import tempfile
from pathlib import Path

import pytest

from garner import staging
from garner.errors import ShardError
from garner.staging import staged


@pytest.fixture
def folders(tmp_path):
    made = [tmp_path / "serialize" / name for name in ("train", "validation")]
    for folder in made:
        folder.mkdir(parents=True)
        (folder / "index.json").write_text(folder.name)
    return made


@pytest.fixture
def disk(tmp_path, monkeypatch) -> Path:
    """The temporary folder of a job on a cluster."""
    place = tmp_path / "node"
    place.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    monkeypatch.setenv("GARNER_RECORD", "anything")
    return place


def test_a_job_on_a_cluster_reads_copies_that_are_gone_afterwards(folders, disk):
    with staged(*folders) as copies:
        assert [copy.is_relative_to(disk) for copy in copies] == [True, True]
        assert [(copy / "index.json").read_text() for copy in copies] == ["train", "validation"]
    assert list(disk.iterdir()) == []


def test_the_copies_are_gone_also_where_the_job_is_stopped(folders, disk):
    with pytest.raises(KeyboardInterrupt), staged(*folders):
        raise KeyboardInterrupt
    assert list(disk.iterdir()) == []


def test_elsewhere_the_folders_themselves_are_read(folders, disk, monkeypatch):
    monkeypatch.delenv("GARNER_RECORD")
    with staged(*folders) as read:
        assert read == folders


def test_without_room_the_folders_themselves_are_read_and_the_log_says_so(folders, disk, monkeypatch, caplog):
    monkeypatch.setattr(staging, "ROOM", 1e12)
    with caplog.at_level(logging.INFO, "garner"), staged(*folders) as read:
        assert read == folders
    assert f"input: read where it lies, as {disk} has" in caplog.text


def test_a_copy_that_fails_midway_is_no_failure_of_the_job(folders, disk, caplog):
    (folders[1] / "index.json").unlink()
    (folders[1] / "index.json").symlink_to("nowhere")
    with caplog.at_level(logging.INFO, "garner"), staged(*folders) as read:
        assert read == folders
    assert f"input: read where it lies, as it can't be copied to {disk}" in caplog.text


@pytest.mark.parametrize("relative", [False, True])
def test_an_error_names_the_original_and_not_the_copy(folders, disk, tmp_path, monkeypatch, relative):
    monkeypatch.chdir(tmp_path)
    original = folders[0].relative_to(tmp_path) if relative else folders[0]
    with pytest.raises(ShardError) as caught, staged(original) as (copy,):
        raise ShardError(f"{copy}/00000.shard is damaged.")
    assert str(caught.value) == f"{original}/00000.shard is damaged."
