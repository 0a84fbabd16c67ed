import contextlib
import errno
import os

import pyarrow
import pytest

from garner.errors import DiskFullError, GarnerError, InputError
from garner.files import atomic, open_parquet, read_json, read_parquet, sha256_of, write_json, write_parquet

SCHEMA = pyarrow.schema([("name", pyarrow.string()), ("count", pyarrow.int64())])


def test_a_file_appears_whole_or_not_at_all(tmp_path):
    target = tmp_path / "deep" / "result.txt"
    with pytest.raises(ValueError, match="midway"), atomic(target) as part:
        part.write_text("half")
        raise ValueError("midway")
    assert list(target.parent.iterdir()) == []
    with atomic(target) as part:
        part.write_text("whole")
        assert not target.exists()
    assert target.read_text() == "whole"


def test_a_failed_rewrite_leaves_the_former_file_alone(tmp_path):
    target = tmp_path / "result.txt"
    target.write_text("former")
    with pytest.raises(KeyboardInterrupt), atomic(target) as part:
        part.write_text("new")
        raise KeyboardInterrupt
    assert target.read_text() == "former"


def test_a_folder_is_replaced_whole(tmp_path):
    target = tmp_path / "shards"
    target.mkdir()
    (target / "old").touch()
    with atomic(target) as part:
        part.mkdir()
        (part / "new").touch()
    assert [path.name for path in target.iterdir()] == ["new"]


def test_a_reader_of_the_former_folder_never_meets_a_half_of_it(tmp_path, monkeypatch):
    target = tmp_path / "shards"
    target.mkdir()
    (target / "old").touch()
    seen = []
    rename = os.replace

    def watched(source, to):
        rename(source, to)
        seen.append([path.name for path in target.iterdir()] if target.exists() else None)

    monkeypatch.setattr(os, "replace", watched)
    with atomic(target) as part:
        part.mkdir()
        (part / "new").touch()
    assert seen == [None, ["new"]]
    assert [path.name for path in tmp_path.iterdir()] == ["shards"]


def test_contents_then_folders_then_the_new_name_reach_the_disk(tmp_path, monkeypatch):
    events = []
    flush, rename = os.fsync, os.replace

    def watched_flush(descriptor):
        events.append(os.path.relpath(os.readlink(f"/proc/self/fd/{descriptor}"), tmp_path))
        flush(descriptor)

    def watched_rename(source, to):
        events.append(f"{source.name} -> {to.name}")
        rename(source, to)

    monkeypatch.setattr(os, "fsync", watched_flush)
    monkeypatch.setattr(os, "replace", watched_rename)
    with atomic(tmp_path / "new" / "shards") as part:
        (part / "below").mkdir(parents=True)
        (part / "below" / "a").touch()
    inside = ["new/shards.part/below/a", "new/shards.part/below", "new/shards.part"]
    assert events == [".", *inside, "shards.part -> shards", "new"]


def test_leftovers_of_a_killed_writer_do_not_enter_the_next_result(tmp_path):
    (tmp_path / "shards.part").mkdir()
    (tmp_path / "shards.part" / "torn").touch()
    with atomic(tmp_path / "shards") as part:
        part.mkdir()
    assert list((tmp_path / "shards").iterdir()) == []


def test_a_full_disk_is_named_with_its_cure(tmp_path):
    target = tmp_path / "result.txt"
    with (
        pytest.raises(DiskFullError, match=r"no space left to write .*result.txt.*Free some space"),
        atomic(target),
    ):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_may_not_be_written_is_named_with_the_cure(tmp_path):
    refused = OSError(errno.EROFS, os.strerror(errno.EROFS), "elsewhere")
    with pytest.raises(GarnerError, match=r"elsewhere can't be written .*Make its"), atomic(tmp_path / "x"):
        raise refused


def test_equal_values_give_equal_bytes_of_json(tmp_path):
    write_json(tmp_path / "a.json", {"b": 1, "a": "ä"})
    write_json(tmp_path / "b.json", {"a": "ä", "b": 1})
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()
    assert read_json(tmp_path / "a.json") == {"a": "ä", "b": 1}


@pytest.mark.parametrize(
    ("content", "words"), [(None, "is not there"), ("{", "is no JSON"), ("\udcff", "is no JSON")]
)
def test_an_unreadable_json_is_named(tmp_path, content, words):
    path = tmp_path / "x.json"
    if content is not None:
        path.write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(InputError, match=f"x.json {words}"):
        read_json(path)


def test_parquet_reads_back_what_was_written_and_is_the_same_bytes_again(tmp_path):
    rows = [{"name": str(number), "count": number} for number in range(25)]
    for name in ("a", "b"):
        assert write_parquet(tmp_path / name, iter(rows), SCHEMA, rows_per_group=10) == 25
    assert list(read_parquet(tmp_path / "a")) == rows
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.mark.parametrize("content", [b"", b"PAR1 but not really", None])
def test_a_damaged_parquet_is_named(tmp_path, content):
    path = tmp_path / "x.parquet"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=r"x\.parquet is"):
        list(read_parquet(path))


def test_a_flipped_byte_of_a_parquet_is_no_other_error_wherever_it_is_noticed(tmp_path):
    path = tmp_path / "x.parquet"
    write_parquet(path, [{"name": "a", "count": 1}], SCHEMA)
    whole = path.read_bytes()
    for place in range(len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :])
        with contextlib.suppress(InputError):  # any other exception fails
            list(read_parquet(path))


def test_the_hash_of_a_value_does_not_depend_on_the_order_of_its_keys():
    assert sha256_of({"a": 1, "b": [2]}) == sha256_of({"b": [2], "a": 1}) != sha256_of({"a": 1, "b": [3]})


def test_group_of_rows_of_a_parquet_is_bounded_by_its_text(tmp_path, monkeypatch):
    monkeypatch.setattr("garner.files.GROUP_BYTES", 1000)
    schema = pyarrow.schema([("text", pyarrow.string())])
    texts = ["x" * 400] * 5 + ["y" * 5000, "z"]
    assert write_parquet(tmp_path / "a.parquet", ({"text": text} for text in texts), schema) == 7
    with open_parquet(tmp_path / "a.parquet") as file:
        groups = [file.metadata.row_group(each).num_rows for each in range(file.num_row_groups)]
        assert groups == [3, 3, 1]
        assert file.read().column("text").to_pylist() == texts
