"""Shards read back what was written, or refuse by name; never a wrong sample."""

import json
import shutil
import struct
import zlib
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from garner.errors import ShardError
from garner.files import sha256_of
from garner.shard_file import MAXIMUM_TOKENS
from garner.shards import ShardReader, ShardWriter

samples = st.lists(
    st.tuples(st.lists(st.integers(0, 65535), max_size=50), st.lists(st.integers(0, 65535), max_size=3)),
    max_size=12,
)
REAL = [([2 * i % 97, 5, i], [i % 3]) for i in range(10)]


def write(folder: Path, rows, dtype=np.uint16, **options) -> Path:
    with ShardWriter(folder, dtype, samples_per_shard=4, meta={"tokens": 50}, **options) as writer:
        for tokens, labels in rows:
            writer.append(np.array(tokens, dtype), labels)
    return folder


def read(folder: Path) -> list[tuple[list[int], list[int]]]:
    with ShardReader(folder) as reader:
        reader.verify()
        return [(sample.tokens.tolist(), sample.labels.tolist()) for sample in reader]


@pytest.fixture(scope="module")
def dictionary() -> bytes:
    generator = np.random.default_rng(0)
    words = [generator.integers(0, 500, 8, dtype=np.uint16).tobytes() for _ in range(50)]
    documents = [b"".join(words[i] for i in generator.integers(0, 50, 40)) for _ in range(300)]
    return zstandard.train_dictionary(2048, documents).as_bytes()


@pytest.fixture
def folder(tmp_path, dictionary) -> Path:
    return write(tmp_path / "shards", REAL, dictionary=dictionary)


@settings(max_examples=50, deadline=None)
@given(samples, st.sampled_from([np.uint16, np.uint32]), st.booleans())
def test_what_was_written_is_read_back(tmp_path_factory, dictionary, rows, dtype, with_dictionary):
    folder = tmp_path_factory.mktemp("shards") / "train"
    write(folder, rows, dtype, dictionary=dictionary if with_dictionary else b"")
    assert read(folder) == rows
    with ShardReader(folder) as reader:
        assert len(reader) == len(rows)
        assert reader.meta == {"tokens": 50}
        assert [sample.row for sample in reader] == list(range(len(rows)))
        assert all(sample.tokens.dtype == dtype for sample in reader)


@settings(max_examples=25, deadline=None)
@given(samples)
def test_load_gives_the_same_samples_as_random_access(tmp_path_factory, rows):
    with ShardReader(write(tmp_path_factory.mktemp("shards") / "train", rows)) as reader:
        loaded = reader.load()
        assert len(loaded) == len(rows)
        assert (loaded.tokens.dtype, loaded.offsets.dtype) == (np.uint16, np.int64)
        for i, sample in enumerate(reader):
            assert loaded.tokens[loaded.offsets[i] : loaded.offsets[i + 1]].tolist() == sample.tokens.tolist()
            labels = loaded.labels[loaded.label_offsets[i] : loaded.label_offsets[i + 1]]
            assert labels.tolist() == sample.labels.tolist()


def test_equal_samples_give_equal_bytes(tmp_path, folder, dictionary):
    again = write(tmp_path / "again", REAL, dictionary=dictionary)
    assert contents(again) == contents(folder)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_any_flipped_byte_is_refused_by_name(tmp_path_factory, pristine, data):
    name = data.draw(st.sampled_from(sorted(pristine)))
    place = data.draw(st.integers(0, len(pristine[name]) - 1))
    changed = bytearray(pristine[name])
    changed[place] ^= data.draw(st.integers(1, 255))
    assert_refused(tmp_path_factory.mktemp("flipped"), pristine | {name: bytes(changed)}, name)


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_any_truncation_or_appended_byte_is_refused_by_name(tmp_path_factory, pristine, data):
    name = data.draw(st.sampled_from(sorted(pristine)))
    size = data.draw(st.integers(0, len(pristine[name]) - 1))
    changed = data.draw(st.sampled_from([pristine[name][:size], pristine[name] + b"\n"]))
    assert_refused(tmp_path_factory.mktemp("truncated"), pristine | {name: changed}, name)


@pytest.fixture(scope="module")
def pristine(tmp_path_factory, dictionary) -> dict[str, bytes]:
    return contents(write(tmp_path_factory.mktemp("pristine") / "train", REAL, dictionary=dictionary))


def assert_refused(folder: Path, files: dict[str, bytes], name: str) -> None:
    """Whoever reads all samples meets an error that names the file; no sample is another than was written."""
    for other, data in files.items():
        (folder / other).write_bytes(data)
    try:
        reader = ShardReader(folder)
    except ShardError as error:
        refusals = [error]
    else:
        refusals = [error for row in range(len(REAL)) if (error := refusal(reader, row))]
        for read_all in (reader.load, reader.verify):
            with pytest.raises(ShardError):
                read_all()
    assert refusals
    for error in refusals:
        assert str(folder / name) in str(error)
        assert "Delete the folder and run the same command again" in str(error)


def refusal(reader: ShardReader, row: int) -> ShardError | None:
    try:
        sample = reader[row]
    except ShardError as error:
        return error
    assert (sample.tokens.tolist(), sample.labels.tolist()) == REAL[row]
    return None


def test_missing_file_is_refused_by_name(folder):
    for path in sorted(folder.iterdir()):
        data = path.read_bytes()
        path.unlink()
        with pytest.raises(ShardError, match=f"{path.name} is missing"):
            ShardReader(folder)
        path.write_bytes(data)


def test_swapped_shards_are_refused(folder):
    first, second = folder / "00000.shard", folder / "00001.shard"
    first.rename(folder / "aside")
    second.rename(first)
    (folder / "aside").rename(second)
    with pytest.raises(ShardError, match=r"00000\.shard is not the one that index\.json means"):
        ShardReader(folder)


def test_shard_of_another_folder_is_refused_with_the_reason(tmp_path, folder, dictionary):
    for options, what in (
        ({"dtype": np.uint32, "dictionary": dictionary}, "holds ids of uint32 where index.json says uint16"),
        ({"dictionary": b""}, "written with another zstd dictionary"),
        ({"dictionary": dictionary, "level": 1}, "is not the one that index.json means"),
    ):
        other = write(tmp_path / "other", REAL[::-1], **options)
        shutil.copy(other / "00001.shard", folder / "00001.shard")
        with pytest.raises(ShardError, match=what):
            ShardReader(folder)


def test_other_versions_are_refused_as_such(folder):
    index = json.loads((folder / "index.json").read_text())
    (folder / "index.json").write_text(json.dumps(index | {"version": 2}))
    with pytest.raises(ShardError, match=r"index\.json is of version 2 of the format, not 1"):
        ShardReader(folder)
    (folder / "index.json").write_text(json.dumps(index, indent=1, sort_keys=True) + "\n")
    shard = folder / "00000.shard"
    shard.write_bytes(shard.read_bytes()[:8] + struct.pack("<H", 7) + shard.read_bytes()[10:])
    with pytest.raises(ShardError, match=r"00000\.shard is of version 7 of the format, not 1"):
        ShardReader(folder)


def test_frame_that_claims_a_huge_content_is_refused_before_room_is_made_for_it(tmp_path):
    """All hashes are made to fit, as a forger would: only the bound on the size is left to see it."""
    folder = write(tmp_path / "shards", [([1, 2, 3], [0])])
    bomb = zstandard.ZstdCompressor().compress(bytes(50_000_000))
    shard = folder / "00000.shard"
    old = shard.read_bytes()
    crc = struct.pack("<II", len(bomb), zlib.crc32(bomb))
    head = old[:32] + struct.pack("<Q", len(bomb)) + old[40:72] + sha256(bomb).digest()
    head += crc + old[112:122]
    shard.write_bytes(head + bomb)
    index = json.loads((folder / "index.json").read_text())
    index["shards"][0]["head_sha256"] = sha256(head).hexdigest()
    index["sha256"] = sha256_of({key: value for key, value in index.items() if key != "sha256"})
    (folder / "index.json").write_text(json.dumps(index, indent=1, sort_keys=True) + "\n")
    reader = ShardReader(folder)
    reader.verify()
    with pytest.raises(ShardError, match="not of the size that the table says"):
        reader[0]


def test_failed_block_leaves_nothing_and_keeps_the_old_folder(folder):
    before = contents(folder)
    with pytest.raises(KeyError), ShardWriter(folder, np.uint16) as writer:
        writer.append(np.array([1], np.uint16), [0])
        raise KeyError("as any error")
    assert contents(folder) == before
    assert [path.name for path in folder.parent.iterdir()] == ["shards"]


def test_ids_that_do_not_fit_are_never_wrapped_round(tmp_path):
    with pytest.raises(TypeError), ShardWriter(tmp_path / "shards", np.uint16) as writer:
        writer.append(np.array([70_000], np.uint32), [0])
    with pytest.raises(OverflowError), ShardWriter(tmp_path / "shards", np.uint16) as writer:
        writer.append(np.array([7], np.uint16), [70_000])
    assert not list(tmp_path.iterdir())


def test_sample_of_too_many_tokens_is_refused_with_the_setting(tmp_path):
    with (
        pytest.raises(ShardError, match=r"row 0 has 1,048,577 tokens.*serialize\.tokens"),
        ShardWriter(tmp_path / "shards", np.uint16) as writer,
    ):
        writer.append(np.zeros(MAXIMUM_TOKENS + 1, np.uint16), [])


def test_rows_beyond_the_end_raise_index_error(folder):
    with ShardReader(folder) as reader:
        for row in (-1, len(REAL)):
            with pytest.raises(IndexError):
                reader[row]


def test_layout_is_the_documented_one(folder, dictionary):
    """Read by hand from the table in the docstring of shard_file.py, as another language would."""
    shard = (folder / "00001.shard").read_bytes()
    assert shard[:8] == b"\x89GARN\r\n\x1a"
    version, itemsize, count, first_row, labels, payload = struct.unpack_from("<HHIQQQ", shard, 8)
    assert (version, itemsize, count, first_row, labels) == (1, 2, 4, 4, 4)
    assert shard[40:72] == sha256(dictionary).digest()
    assert shard[72:104] == sha256(shard[-payload:]).digest()
    size, _, tokens, sample_labels = struct.unpack_from("<IIII", shard, 104)
    begin = 104 + 16 * count
    assert struct.unpack_from("<4H", shard, begin) == (1, 2, 0, 1)
    frame = shard[begin + 2 * labels :][:size]
    content = zstandard.ZstdDecompressor(zstandard.ZstdCompressionDict(dictionary)).decompress(frame)
    assert struct.unpack("<3H", content) == tuple(REAL[4][0])
    assert (tokens, sample_labels) == (3, 1)
