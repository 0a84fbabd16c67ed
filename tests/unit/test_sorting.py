import json
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from garner.document import read_documents
from garner.errors import InputError
from garner.files import read_json, write_parquet
from garner.sorting import sort_files

PARTS = {"train": 0.8, "validation": 0.1, "test": 0.1}
SETTINGS = {
    "languages": {"C": [".c", ".h"], "C++": [".cc", ".h"], "Python": [".py"], "Shell": [".sh"]},
    "files_per_language": 60,
    "files_per_repository": 10,
    "balance_ratio": 4.0,
    "minimum_repositories": 4,
    "minimum_files": 8,
    "minimum_bytes": 64,
    "maximum_bytes": 10_000,
    "near_duplicates": {"threshold": 0.85, "permutations": 64, "shingle": 5},
    "parts": PARTS,
}
SCHEMA = pyarrow.schema(
    [
        ("repository", pyarrow.string()),
        ("commit", pyarrow.string()),
        ("path", pyarrow.string()),
        ("size", pyarrow.int64()),
        ("licence", pyarrow.string()),
        ("bytes", pyarrow.binary()),
    ]
)


def code(seed: int, words: int = 60) -> bytes:
    """A text that resembles no other."""
    randomly = random.Random(seed)
    lines = [" ".join(f"w{randomly.randrange(10**6)}" for _ in range(6)) for _ in range(words // 6)]
    return "\n".join(lines).encode()


def crawl(repositories: int = 8, files: int = 4, extensions: tuple[str, ...] = (".c", ".py")) -> dict:
    """{(repository, path): bytes}: each repository holds so many files of each extension."""
    names = [
        (f"owner{number % 3}/r{number}", f"src/{file}{extension}")
        for number in range(repositories)
        for extension in extensions
        for file in range(files)
    ]
    return {name: code(seed) for seed, name in enumerate(names)}


def write_batches(folder: Path, found: dict, batches: int = 2) -> list[Path]:
    """As clone writes them: a repository in one batch, rows by repository and path."""
    repositories = sorted({repository for repository, _ in found})
    paths = []
    for batch in range(batches):
        paths.append(folder / f"{batch}.parquet")
        own = set(repositories[batch::batches])
        rows = (
            {"repository": repository, "commit": "c0ffee", "path": path, "size": len(data), "bytes": data}
            | {"licence": "MIT" if repository.endswith("r1") else None}
            for (repository, path), data in sorted(found.items())
            if repository in own
        )
        write_parquet(paths[-1], rows, SCHEMA, rows_per_group=7)
    return paths


class Sorted:
    """What a run of the stage left."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.outputs = {part: folder / f"{part}.parquet" for part in PARTS}
        self.outputs |= {name: folder / f"{name}.json" for name in ("labels", "drops")}

    @property
    def bytes(self) -> list[bytes]:
        return [path.read_bytes() for path in self.outputs.values()]

    @property
    def documents(self) -> dict:
        """{id: (part, document)}."""
        return {each.id: (part, each) for part in PARTS for each in read_documents(self.outputs[part])}

    @property
    def labels(self) -> dict:
        return read_json(self.outputs["labels"])

    @property
    def drops(self) -> dict:
        return read_json(self.outputs["drops"])

    def drops_of(self, language: str) -> dict:
        return self.drops["languages"][language]["drops"]


@pytest.fixture
def sort(tmp_path_factory):
    def sort(found: dict, exclude=(), seed=1, batches=2, reorder=list, **changed) -> Sorted:
        folder = tmp_path_factory.mktemp("sort")
        result = Sorted(folder)
        paths = write_batches(folder, found, batches)
        sort_files(reorder(paths), result.outputs, SETTINGS | changed, seed, list(exclude))
        return result

    return sort


def test_document_can_be_traced_to_its_file(sort):
    found = crawl()
    documents = sort(found).documents
    assert len({document.origin.get("licence") for _, document in documents.values()}) == 2
    for id, (_, document) in documents.items():
        repository, path = document.origin["repository"], document.origin["path"]
        licence = {"licence": "MIT"} if repository == "owner1/r1" else {}
        assert id == f"{repository}:{path}"
        assert document.text.encode() == found[repository, path]
        assert document.labels == ("Python" if path.endswith(".py") else "C",)
        assert document.group == repository
        assert document.origin == {"repository": repository, "commit": "c0ffee", "path": path} | licence


def test_parts_share_no_repository_and_each_holds_every_language(sort):
    documents = sort(crawl(repositories=12, files=6)).documents.values()
    parts = Counter(group for group, _ in {(document.group, part) for part, document in documents})
    assert set(parts.values()) == {1}
    assert {(part, document.labels[0]) for part, document in documents} == {
        (part, language) for part in PARTS for language in ("C", "Python")
    }


@settings(deadline=None, max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(st.integers(0, 95), st.integers(0, 9), st.booleans()), max_size=20), st.integers(0, 99)
)
def test_near_duplicates_never_straddle(sort, copies, seed):
    found = crawl(repositories=12)
    names = list(found)
    family = {name: name for name in names}
    for original, copier, changed in copies:
        path = f"copied/{original}{Path(names[original][1]).suffix}"
        copy = (f"owner{copier % 3}/r{copier}", path)
        found[copy] = found[names[original]] + (b"\nedited" if changed else b"\n\n  ")
        family[copy] = names[original]
    family = {f"{repository}:{path}": original for (repository, path), original in family.items()}
    kept = Counter(family[id] for id in sort(found, seed=seed).documents)
    assert set(kept.values()) == {1}


@settings(deadline=None, max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.randoms(use_true_random=False), st.integers(1, 5))
def test_result_does_not_depend_on_the_order_or_the_number_of_batches(sort, randomly, batches):
    found = crawl(repositories=9)
    found["owner0/r0", "a.py"] = found["owner1/r1", "a.py"] = code(999)
    one = sort(found, batches=3, files_per_language=20)
    assert (
        sort(
            found, batches=3, files_per_language=20, reorder=lambda paths: randomly.sample(paths, len(paths))
        ).bytes
        == one.bytes
    )
    other = sort(found, batches=batches, files_per_language=20)
    assert other.documents == one.documents
    assert (other.labels, other.drops) == (one.labels, one.drops)


def test_result_does_not_depend_on_the_hash_seed_of_python(tmp_path):
    paths = write_batches(tmp_path, crawl())
    script = (
        "import sys, json; from pathlib import Path; from garner.sorting import sort_files;"
        "batches, outputs, settings = json.loads(sys.argv[1]);"
        "sort_files([Path(b) for b in batches], {n: Path(p) for n, p in outputs.items()}, settings, 1, [])"
    )
    answers = []
    for seed in ("1", "2"):
        result = Sorted(tmp_path / seed)
        given_ = [[str(path) for path in paths], {n: str(p) for n, p in result.outputs.items()}, SETTINGS]
        environment = {"PYTHONHASHSEED": seed, "PYTHONPATH": "scripts"}
        subprocess.run([sys.executable, "-c", script, json.dumps(given_)], env=environment, check=True)
        answers.append(result.bytes)
    assert answers[0] == answers[1]


def test_another_seed_sorts_otherwise(sort):
    def choice(seed):
        documents = sort(crawl(repositories=12), seed=seed, files_per_repository=1).documents.values()
        return {(document.group, document.labels): (part, document.id) for part, document in documents}

    one, other = choice(1), choice(2)
    both = one.keys() & other.keys()
    assert one == choice(1)
    assert any(one[key][0] != other[key][0] for key in both)  # parts
    assert any(one[key][1] != other[key][1] for key in both)  # files under the cap


def test_every_file_is_counted_once(sort):
    found = crawl(repositories=10, files=5, extensions=(".c", ".py", ".sh"))
    for number in range(10):
        repository = f"owner{number % 3}/r{number}"
        found[repository, "vendor/a.c"] = code(5_000 + number)
        found[repository, "tiny.py"] = b"x"
        found[repository, "image.py"] = b"\0" * 100
        found[repository, "huge.py"] = b"x\n" * 9_000
        found[repository, "kanji.py"] = "猫の足を数える".encode("shift-jis") * 20
        found[repository, "a_pb2.py"] = code(6_000 + number)
        found[repository, "a.min.js"] = code(7_000 + number)
        found[repository, "numbers.c"] = b"int a[] = {" + b"1234, 5678,\n" * 200 + b"};"
        found[repository, "same.c"] = code(8_000)
        found[repository, "tool"] = b"#!/usr/bin/perl\n" + code(9_000 + number)
    result = sort(found)
    drops = result.drops
    total = sum(drops["rejected"].values())
    for language in drops["languages"].values():
        assert language["found"] == language["kept"] + sum(language["drops"].values())
        assert language["kept"] == sum(language[part] for part in PARTS)
        total += language["found"]
    assert total == len(found)
    assert drops["rejected"] == {"other_language": 20}
    assert drops["languages"]["C++"] == {
        "found": 0,
        "drops": {},
        "kept": 0,
        "repositories": 0,
    } | dict.fromkeys(PARTS, 0)
    expected = {"tiny": 10, "binary": 10, "huge": 10, "undecodable": 10, "generated": 10}
    assert expected.items() <= result.drops_of("Python").items()
    assert {"vendored": 10, "data": 10, "duplicate": 9}.items() <= result.drops_of("C").items()
    kept = Counter((document.labels[0], part) for part, document in result.documents.values())
    assert kept == {
        (name, part): counts[part]
        for name, counts in drops["languages"].items()
        for part in PARTS
        if counts[part]
    }


def test_header_is_sorted_with_the_sources_around_it(sort):
    found = crawl(repositories=8, extensions=(".c", ".py"))
    found |= {
        (f"cpp/{repository[-2:]}", path[:-2] + ".cc"): code(3_000 + seed)
        for seed, (repository, path) in enumerate(found)
        if path.endswith(".c")
    }
    found["owner0/r0", "include/a.h"] = code(4_000)
    found["cpp/r0", "include/a.h"] = code(4_001)
    drops = sort(found).drops["languages"]
    assert drops["C"]["found"] == drops["C++"]["found"] == 8 * 4 + 1


def test_excluded_owner_and_repository_disappear(sort):
    found = crawl(repositories=12)
    result = sort(found, exclude=["OWNER1", "owner0/R3", "owner2"[:5]])
    groups = {document.group for _, document in result.documents.values()}
    assert groups == {
        "owner0/r0",
        "owner0/r6",
        "owner0/r9",
        "owner2/r2",
        "owner2/r5",
        "owner2/r8",
        "owner2/r11",
    }
    assert result.drops_of("C")["excluded"] == 5 * 4
    assert not any(
        name in path.read_text()
        for path in (result.outputs["drops"], result.outputs["labels"])
        for name in ("owner1", "r3")
    )


def test_labels_and_what_was_left_out_are_named(sort):
    found = crawl(repositories=6) | crawl(repositories=3, extensions=(".sh",))
    assert sort(found).labels["labels"] == ["C", "Python"]
    left_out = sort(found).labels["left_out"]
    assert left_out.keys() == {"C++", "Shell"}
    assert "3 repositories and needs 4" in left_out["Shell"]
    assert {each["language"] for each in sort(found).drops["short"]} == {"C", "C++", "Python", "Shell"}


def test_batches_without_any_file_are_refused(sort):
    with pytest.raises(InputError, match=r"none of the 2 clone batches holds a file.*scrape\.stop_after"):
        sort({})


def test_study_without_two_languages_is_refused_and_writes_nothing(sort, tmp_path):
    result = Sorted(tmp_path)
    with pytest.raises(InputError, match=r"Shell: no clean file"):
        sort_files(write_batches(tmp_path, crawl(extensions=(".py",))), result.outputs, SETTINGS, 1, [])
    assert not any(path.exists() for path in result.outputs.values())


def test_damaged_batch_is_refused_by_name_and_nothing_is_written(tmp_path):
    result = Sorted(tmp_path)
    paths = write_batches(tmp_path, crawl())
    data = bytearray(paths[1].read_bytes())
    data[10:400] = bytes(390)
    for content in (bytes(data), bytes(data[:300]), b""):
        paths[1].write_bytes(content)
        with pytest.raises(InputError, match=r"1\.parquet"):
            sort_files(paths, result.outputs, SETTINGS, 1, [])
    paths[1].unlink()
    with pytest.raises(InputError, match=r"1\.parquet is not there"):
        sort_files(paths, result.outputs, SETTINGS, 1, [])
    assert not any(path.exists() for path in result.outputs.values())


def test_parquet_of_another_kind_is_refused_by_name(tmp_path):
    pyarrow.parquet.write_table(pyarrow.table({"path": ["a"], "commit": ["b"]}), tmp_path / "0.parquet")
    with pytest.raises(
        InputError, match=r"0\.parquet is no clone batch: it has no column bytes, licence, repository"
    ):
        sort_files([tmp_path / "0.parquet"], Sorted(tmp_path).outputs, SETTINGS, 1, [])
