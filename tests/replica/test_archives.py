"""Reading a fetched archive: what comes through, and what a hostile one can't do."""

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile
from pathlib import Path

import pytest
from package_index import tar_gz

from garner.errors import InputError
from replica import archives
from replica.archives import is_plain_path, read_archive

LARGEST = 1000
FILES = {"demo-1.0/LICENSE": b"MIT", "demo-1.0/src/main.c": b"int main;"}
READ = {"LICENSE": b"MIT", "src/main.c": b"int main;"}


def written(folder: Path, data: bytes) -> Path:
    path = folder / "package"
    path.write_bytes(data)
    return path


def tar_of(*members: tuple[tarfile.TarInfo, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for member, data in members:
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return buffer.getvalue()


def special(name: str, kind: bytes, target: str = "") -> tuple[tarfile.TarInfo, bytes]:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, target
    return member, b""


def zip_of(files: dict[str, bytes], mode: int = 0o100644) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in files.items():
            member = zipfile.ZipInfo(name)
            member.external_attr, member.compress_type = mode << 16, zipfile.ZIP_DEFLATED
            archive.writestr(member, data)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "compress", [bytes, gzip.compress, bz2.compress, lzma.compress], ids=["tar", "gzip", "bzip2", "xz"]
)
def test_a_tar_gives_its_files_without_the_folder_they_share(tmp_path, compress):
    data = compress(gzip.decompress(tar_gz(FILES)))
    assert read_archive(written(tmp_path, data), LARGEST) == READ


def test_a_zip_gives_its_files_without_the_folder_they_share(tmp_path):
    assert read_archive(written(tmp_path, zip_of(FILES)), LARGEST) == READ


def test_files_side_by_side_keep_their_paths(tmp_path):
    files = {"a/x.py": b"x", "b/y.py": b"y"}
    assert read_archive(written(tmp_path, tar_gz(files)), LARGEST) == files


def test_large_and_empty_files_are_passed_over(tmp_path):
    files = {"d/large.py": b"x" * (LARGEST + 1), "d/empty.py": b"", "d/fits.py": b"x" * LARGEST}
    for data in (tar_gz(files), zip_of(files)):
        assert list(read_archive(written(tmp_path, data), LARGEST)) == ["fits.py"]


def test_links_and_devices_of_a_tar_are_passed_over(tmp_path):
    plain = (tarfile.TarInfo("d/plain.py"), b"x = 1")
    members = [
        special("d/symbolic.py", tarfile.SYMTYPE, "/etc/passwd"),
        special("d/hard.py", tarfile.LNKTYPE, "d/plain.py"),
        special("d/null", tarfile.CHRTYPE),
        special("d/pipe", tarfile.FIFOTYPE),
    ]
    assert read_archive(written(tmp_path, tar_of(plain, *members)), LARGEST) == {"plain.py": b"x = 1"}


def test_links_of_a_zip_are_passed_over(tmp_path):
    data = zip_of({"d/link.py": b"/etc/passwd"}, mode=0o120777)
    assert read_archive(written(tmp_path, data), LARGEST) == {}


@pytest.mark.parametrize(
    "name",
    [
        *(
            "../up.py",
            "/etc/cron.d/job",
            "a/../../up.py",
            "a//b.py",
            ".git/hooks/pre-commit",
            "a/.GIT/config",
        ),
        *("a\\b.py", "line\nbreak.py", "bell\a.py", "a/" * 600 + "deep.py", "git~1/config", "\udcff.py"),
    ],
)
def test_a_path_that_is_not_plain_is_passed_over(tmp_path, name):
    assert not is_plain_path(name)
    assert read_archive(written(tmp_path, tar_gz({name: b"x", "d/kept.py": b"y"})), LARGEST) in (
        {"d/kept.py": b"y"},
        {"kept.py": b"y"},
    )
    assert [path.name for path in tmp_path.iterdir()] == ["package"]


@pytest.mark.parametrize("make", [tar_gz, zip_of])
def test_an_archive_that_unpacks_to_too_much_is_refused_by_name(tmp_path, monkeypatch, make):
    monkeypatch.setattr(archives, "LIMIT_BYTES", 100_000)
    path = written(tmp_path, make({f"d/{number}": bytes(1000) for number in range(200)}))
    assert path.stat().st_size < 50_000
    with pytest.raises(InputError, match=r"package unpacks to more than 100,000 bytes\. Take it off"):
        read_archive(path, LARGEST)


def test_a_header_that_unpacks_to_too_much_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "LIMIT_BYTES", 100_000)
    member = tarfile.TarInfo("d/x.py")
    member.pax_headers = {"comment": "x" * 1_000_000}
    with pytest.raises(InputError, match="unpacks to more"):
        read_archive(written(tmp_path, tar_of((member, b"x"))), LARGEST)


@pytest.mark.parametrize("make", [tar_gz, zip_of])
def test_an_archive_of_too_many_members_is_refused(tmp_path, monkeypatch, make):
    monkeypatch.setattr(archives, "LIMIT_MEMBERS", 3)
    with pytest.raises(InputError, match="more than 3 members"):
        read_archive(written(tmp_path, make({f"d/{number}": b"x" for number in range(4)})), LARGEST)


@pytest.mark.parametrize(
    "data", [b"", b"no archive at all", tar_gz(FILES)[:-20], zip_of(FILES)[:-20], b"\x1f\x8b garbage"]
)
def test_a_damaged_archive_is_named(tmp_path, data):
    with pytest.raises(InputError, match=r"package is no readable tar or zip .* Delete it and run again"):
        read_archive(written(tmp_path, data), LARGEST)
