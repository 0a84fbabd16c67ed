"""The stage dictionary: what it counts, and what never changes its bytes."""

import hashlib
import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import psutil
import pytest

import garner.dictionary
from garner.dictionary import build_dictionary, count_tokens, most_frequent
from garner.document import schema
from garner.errors import ConfigError, GarnerError, InputError, Interrupted
from garner.files import write_parquet
from garner.tokens import tokenizer
from garner.vocabulary import Vocabulary

PATTERN = r"[^\W\d_]+|\d+|[^a-zA-Z\d\s:]+"
SETTINGS = {"size": 50, "pattern": PATTERN, "minimum_count": 1, "zstd_bytes": 1024}
SOURCES = sorted(Path(hashlib.__file__).parent.glob("[a-d]*.py"))  # real code: the standard library's


@pytest.fixture(scope="module")
def texts() -> list[str]:
    return [path.read_text(encoding="utf-8") for path in SOURCES]


@pytest.fixture
def train(tmp_path, texts) -> Path:
    """A Parquet of several row groups."""
    return write_texts(tmp_path / "train.parquet", texts, rows_per_group=5)


def write_texts(path: Path, texts: list[str], rows_per_group: int = 1000) -> Path:
    rows = [
        {"id": str(i), "text": text, "labels": [], "group": "", "origin": []} for i, text in enumerate(texts)
    ]
    write_parquet(path, rows, schema(), rows_per_group)
    return path


def outputs(folder: Path) -> dict[str, Path]:
    return {"vocabulary": folder / "vocabulary.json", "zstd": folder / "zstd.dict"}


def test_most_frequent_tokens_come_first_and_ties_go_by_token():
    totals = [("b", 2), ("c", 5), ("a", 2), ("d", 1), ("B", 2)]
    assert most_frequent(totals, 4, 1) == [("c", 5), ("B", 2), ("a", 2), ("b", 2)]
    assert most_frequent(totals, 9, 2) == [("c", 5), ("B", 2), ("a", 2), ("b", 2)]


def test_counts_are_those_of_a_plain_counter(train, texts, tmp_path):
    tokenize = tokenizer(PATTERN)
    expected = Counter(token for text in texts for token in tokenize(text))
    build_dictionary(train, outputs(tmp_path), SETTINGS | {"size": 10**6}, workers=2)
    vocabulary = Vocabulary.load(tmp_path / "vocabulary.json")
    assert dict(vocabulary.counts) == expected
    assert [count for _, count in vocabulary.counts] == sorted(expected.values(), reverse=True)


def test_number_of_workers_never_changes_the_bytes(train, tmp_path):
    written = set()
    for workers in (1, 2, 5):
        folder = tmp_path / str(workers)
        build_dictionary(train, outputs(folder), SETTINGS, workers)
        written.add(tuple(path.read_bytes() for path in outputs(folder).values()))
    assert len(written) == 1


def test_counts_that_went_to_disk_are_the_counts_of_memory(train, tmp_path, monkeypatch):
    in_memory = dict(count_tokens(train, PATTERN, 1, tmp_path))
    monkeypatch.setattr(garner.dictionary, "MAXIMUM_DISTINCT", 1000)
    on_disk = list(count_tokens(train, PATTERN, 1, tmp_path))
    assert len(list(tmp_path.glob("*.run"))) > 2
    assert len(on_disk) == len(in_memory)
    assert dict(on_disk) == in_memory


def test_zstd_dictionary_is_trained_on_enough_documents_and_empty_on_too_few(train, tmp_path):
    build_dictionary(train, outputs(tmp_path), SETTINGS, workers=1)
    assert 256 <= len((tmp_path / "zstd.dict").read_bytes()) <= 1024
    build_dictionary(
        write_texts(tmp_path / "few.parquet", ["x = 1"]), outputs(tmp_path / "few"), SETTINGS, workers=1
    )
    assert (tmp_path / "few" / "zstd.dict").read_bytes() == b""


def test_training_part_without_tokens_is_refused_with_its_cure(tmp_path):
    for texts in ([], [" "]):
        path = write_texts(tmp_path / "train.parquet", texts)
        with pytest.raises(InputError, match=r"train\.parquet has no token.*minimum_count"):
            build_dictionary(path, outputs(tmp_path), SETTINGS, workers=2)
    assert not (tmp_path / "vocabulary.json").exists()


def test_damaged_training_part_is_named_whichever_process_finds_it(train, tmp_path):
    data = bytearray(train.read_bytes())
    data[100:200] = bytes(100)  # pages, which only the workers read
    train.write_bytes(data)
    with pytest.raises(InputError, match=r"train\.parquet is no readable Parquet"):
        build_dictionary(train, outputs(tmp_path), SETTINGS, workers=2)


def test_killed_job_leaves_no_worker_behind(train, tmp_path):
    program = (
        "import sys, time; from pathlib import Path; from garner.dictionary import counts_of_row_groups\n"
        "for _ in counts_of_row_groups(Path(sys.argv[1]), 'a', 2): print(flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", program, train], stdout=subprocess.PIPE) as job:
        job.stdout.readline()
        workers = psutil.Process(job.pid).children()
        job.kill()
    assert len(workers) == 2
    _, alive = psutil.wait_procs(workers, timeout=20)
    assert not alive


def test_bad_pattern_is_refused_before_anything_is_read(tmp_path):
    with pytest.raises(ConfigError, match=r"dictionary\.pattern"):
        build_dictionary(tmp_path / "absent", outputs(tmp_path), SETTINGS | {"pattern": "(a)"}, workers=1)


def test_stop_on_request_leaves_no_output(train, tmp_path, monkeypatch):
    monkeypatch.setattr(garner.dictionary, "stop_requested", lambda: True)
    with pytest.raises(Interrupted):
        build_dictionary(train, outputs(tmp_path / "out"), SETTINGS, workers=2)
    assert not (tmp_path / "out").exists()


def die(*_: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_worker_killed_for_want_of_memory_is_explained(train, tmp_path, monkeypatch):
    monkeypatch.setattr(garner.dictionary, "_count", die)
    with pytest.raises(GarnerError, match="Give the job more memory or fewer threads"):
        build_dictionary(train, outputs(tmp_path / "out"), SETTINGS, workers=2)
