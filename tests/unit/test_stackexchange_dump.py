import itertools
import os
import subprocess
import sys
import threading
from pathlib import Path

import py7zr
import pytest
import zstandard
from stackexchange_study import posts_xml, row, rows

from garner.errors import InputError
from garner.sources import stackexchange_dump as dump
from garner.sources.stackexchange_dump import read_questions

HEAD = '<?xml version="1.0"?>\n<posts>\n'


def write(path: Path, text: str | bytes) -> Path:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def write_7z(path: Path, files: dict[str, str], **options: object) -> Path:
    with py7zr.SevenZipFile(path, "w", **options) as archive:
        for name, text in files.items():
            archive.writestr(text, name)
    return path


def ids(path: Path) -> list[int]:
    return [each["id"] for each in read_questions(path, "scifi")]


def unpacking() -> list[str]:
    """The threads that are still at work."""
    return [thread.name for thread in threading.enumerate() if thread.name.startswith(dump.UNPACKING)]


BZIP2 = {"filters": [{"id": py7zr.FILTER_BZIP2}]}
PPMD = {"filters": [{"id": py7zr.FILTER_PPMD, "order": 6, "mem": 24}]}


@pytest.fixture(params=["plain", "zst", "frames", "7z", "bzip2", "ppmd"])
def packed(request, tmp_path) -> Path:
    """A dump of 700 questions, packed in each of the ways."""
    text = posts_xml(rows(700))
    others = {"scifi/Badges.xml": "<badges/>", "scifi/Posts.xml": text, "scifi/Votes.xml": "<votes/>"}
    match request.param:
        case "plain":
            return write(tmp_path / "Posts.xml", text)
        case "zst":
            return write(tmp_path / "Posts.xml.zst", zstandard.compress(text.encode()))
        case "frames":
            data, half = text.encode(), len(text) // 2
            frames = zstandard.compress(data[:half]) + zstandard.compress(data[half:])
            return write(tmp_path / "Posts.xml.zst", frames)
    options = {"7z": {}, "bzip2": BZIP2, "ppmd": PPMD}[request.param]
    return write_7z(tmp_path / "scifi.stackexchange.com.7z", others, **options)


def test_questions_are_read_whatever_packs_them(packed):
    found = list(read_questions(packed, "scifi"))
    assert [each["id"] for each in found] == list(range(1, 701))
    assert found[4]["body"] == row(5)["body"]


def test_damaged_dump_is_named_whatever_packs_it(packed):
    data = packed.read_bytes()
    packed.write_bytes(data[: len(data) * 2 // 3])
    with pytest.raises(InputError, match=packed.name):
        ids(packed)
    assert not unpacking()


def test_reading_may_end_early(packed):
    before = len(os.listdir("/proc/self/fd"))
    reading = read_questions(packed, "scifi")
    assert [each["id"] for each in itertools.islice(reading, 3)] == [1, 2, 3]
    reading.close()
    assert not unpacking()
    assert len(os.listdir("/proc/self/fd")) <= before


def test_archive_without_posts_is_refused(tmp_path):
    path = write_7z(tmp_path / "a.7z", {"Badges.xml": "<badges/>"})
    with pytest.raises(InputError, match=r"a\.7z holds 0 files Posts\.xml"):
        ids(path)


@pytest.mark.parametrize(
    "data", [b"", b"PK\x03\x04", b"nothing", b"<posts>", b"<posts><row Id='1'></posts>", b"7z"]
)
def test_what_is_no_dump_is_named(tmp_path, data):
    with pytest.raises(InputError, match=r"Posts\.xml"):
        ids(write(tmp_path / "Posts.xml", data))


def test_missing_dump_and_folder_are_named(tmp_path):
    for path in (tmp_path / "absent", tmp_path):
        with pytest.raises(InputError, match=r"the setting scrape\.dump, can't be read"):
            ids(path)


@pytest.mark.parametrize(
    "doctype",
    [
        '<!DOCTYPE p [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">]>',
        '<!DOCTYPE p SYSTEM "file:///etc/passwd">',
        '<!DOCTYPE p [<!ENTITY a SYSTEM "file:///etc/passwd">]>',
        "<!DOCTYPE p>",
    ],
)
def test_document_type_is_refused_so_that_no_entity_expands(tmp_path, doctype):
    text = f'<?xml version="1.0"?>{doctype}<posts><row Id="1" PostTypeId="1" Title="&b;"/></posts>'
    with pytest.raises(InputError, match="declares a document type"):
        ids(write(tmp_path / "Posts.xml", text))


def test_row_without_end_is_refused_before_it_fills_the_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(dump, "LONGEST_ROW", 2**20)
    text = HEAD + '<row Id="1" Body="' + "x" * 3 * 2**20
    with pytest.raises(InputError, match="more than 1 MiB in one row"):
        ids(write(tmp_path / "Posts.xml", text))


def test_long_row_within_the_limit_is_read(tmp_path):
    long = row(1, body="<p>" + "ü" * 2**20 + "</p>")
    (found,) = read_questions(write(tmp_path / "Posts.xml", posts_xml([long])), "scifi")
    assert found["body"] == long["body"]


def test_other_kinds_of_posts_are_passed_over(tmp_path):
    rest = "".join(f'<row Id="{kind}" PostTypeId="{kind}" Body="b"/>' for kind in range(2, 9))
    text = posts_xml(rows(1)).replace("</posts>", "").split('  <row Id="1000000000"')[0] + rest + "</posts>"
    assert ids(write(tmp_path / "Posts.xml", text)) == [1]


@pytest.mark.parametrize("numbers", [[1, 2, 2], [5, 4]])
def test_dump_out_of_order_is_refused(tmp_path, numbers):
    text = posts_xml([row(number) for number in numbers])
    with pytest.raises(InputError, match=r"row with Id '\d' after \d.*sorted by Id"):
        ids(write(tmp_path / "Posts.xml", text))


def test_question_that_cannot_be_read_is_given_as_a_failure(tmp_path):
    text = (
        HEAD
        + '<row Id="4" PostTypeId="1" Title="a" Tags="|b|" CreationDate="2020-01-01T00:00:00.000"/></posts>'
    )
    assert list(read_questions(write(tmp_path / "Posts.xml", text), "scifi")) == [
        {"id": 4, "reason": "malformed", "detail": "it has no Body", "time": None}
    ]


MEASURE = """
import resource, sys
from pathlib import Path
from garner.sources.stackexchange_dump import read_questions
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
count = sum(1 for _ in read_questions(Path(sys.argv[1]), "scifi"))
print(count, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.parametrize("kind", ["plain", "zst"])
def test_memory_does_not_grow_with_the_dump(tmp_path, kind):
    """200 MB of rows in less than 40 MB."""
    path = tmp_path / "Posts.xml"
    (line,) = (each for each in posts_xml([row(1, body="x" * 10_000)]).splitlines() if 'TypeId="1"' in each)
    with open(path, "w", encoding="utf-8") as file:
        file.write(HEAD)
        file.writelines(line.replace('Id="1"', f'Id="{number}"', 1) for number in range(1, 20_001))
        file.write("</posts>")
    if kind == "zst":
        path = write(tmp_path / "Posts.xml.zst", zstandard.compress(path.read_bytes(), 1))
    done = subprocess.run([sys.executable, "-c", MEASURE, path], capture_output=True, text=True, check=True)
    count, kilobytes = map(int, done.stdout.split())
    assert count == 20_000
    assert kilobytes < 40_000
