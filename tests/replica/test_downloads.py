"""Fetching pinned packages from a loopback index, with the real pip and npm set to use it."""

import logging
import shutil
import sys
from dataclasses import replace

import pytest
from loopback import free_ports
from package_index import PackageIndex, tar_gz, write_list

from garner.errors import InputError
from replica.corpus import PACKAGES
from replica.downloads import NPM, PYTHON, fetch, read_list

needs_npm = pytest.mark.skipif(shutil.which("npm") is None, reason="npm is not installed")
OTHER_LANGUAGES = {
    "C",
    "C#",
    "C++",
    "Go",
    "Java",
    "JavaScript",
    "Lua",
    "Objective-C",
    "Ruby",
    "Rust",
    "Shell",
}
DATA = tar_gz({"demo-1.0/demo.py": b"demo = 1"})


@pytest.fixture
def index(monkeypatch):
    with PackageIndex() as index:
        monkeypatch.setenv("PIP_INDEX_URL", index.python)
        monkeypatch.setenv("npm_config_registry", index.npm)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        yield index


@pytest.fixture
def warnings(caplog):
    """What was said, to be called for: `warnings()`."""
    caplog.set_level(logging.WARNING, "garner")
    return lambda: [record.getMessage() for record in caplog.records]


@pytest.mark.parametrize("html", [False, True], ids=["json", "html"])
def test_a_source_distribution_is_fetched_byte_for_byte(index, tmp_path, html):
    package = index.add_distribution("demo", "1.0", DATA, html=html)
    assert fetch([package], tmp_path) == [package]
    assert (tmp_path / package.file_name).read_bytes() == DATA


def test_names_are_compared_as_the_index_spells_them(index, tmp_path):
    package = index.add_distribution("Demo_Thing", "1.0", DATA, file_name="demo-thing-1.0.tar.gz")
    assert fetch([package], tmp_path) == [package]


def test_what_is_there_is_not_fetched_again(index, tmp_path):
    package = index.add_distribution("demo", "1.0", DATA)
    fetch([package], tmp_path)
    index.requests.clear()
    assert fetch([package], tmp_path) == [package]
    assert index.requests == []


def test_a_damaged_file_is_fetched_again(index, tmp_path):
    package = index.add_distribution("demo", "1.0", DATA)
    (tmp_path / package.file_name).write_bytes(DATA[:-1])
    fetch([package], tmp_path)
    assert (tmp_path / package.file_name).read_bytes() == DATA


def test_a_file_that_is_not_the_pinned_one_is_named_and_not_kept(index, tmp_path):
    package = replace(index.add_distribution("demo", "1.0", DATA), sha256="0" * 64)
    with pytest.raises(InputError, match=r"demo@1\.0 from the python registry is not the pinned file"):
        fetch([package], tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_file_longer_than_pinned_is_refused(index, tmp_path):
    package = replace(index.add_distribution("demo", "1.0", DATA), bytes=len(DATA) - 1)
    with pytest.raises(InputError, match="not the pinned file"):
        fetch([package], tmp_path)


def test_a_package_that_the_index_lacks_is_left_out_with_one_line(index, tmp_path, warnings):
    there = index.add_distribution("demo", "1.0", DATA)
    gone = replace(there, version="2.0", languages=("Go", "Lua"))
    assert fetch([gone, there], tmp_path) == [there]
    (line,) = warnings()
    assert "1 packages are left out (demo@2.0), which bring Go, Lua" in line


def test_a_page_that_is_no_index_leaves_the_package_out(index, tmp_path, warnings):
    package = index.add_distribution("demo", "1.0", DATA)
    index.pages["/simple/demo/"] = ("application/json", b'{"files": [7]}')
    assert fetch([package], tmp_path) == []
    assert "a page that cannot be read" in warnings()[0]


def test_a_download_that_breaks_off_leaves_the_others(index, tmp_path, warnings):
    packages = [index.add_distribution(name, "1.0", DATA) for name in ("demo", "other")]
    index.broken.add("/files/demo-1.0.tar.gz")
    assert fetch(packages, tmp_path) == packages[1:]
    assert "broke off: 1 packages are left out (demo@1.0)" in warnings()[0]


def test_without_network_everything_is_left_out_with_one_line_without_credentials(
    index, tmp_path, monkeypatch, warnings
):
    monkeypatch.setenv("PIP_INDEX_URL", f"http://user:hidden@127.0.0.1:{free_ports(1)[0]}/simple")
    packages = [index.add_distribution(f"demo{number}", "1.0", DATA) for number in range(8)]
    assert fetch(packages, tmp_path) == []
    (line,) = warnings()
    assert "cannot be reached (ConnectionError): 8 packages are left out" in line
    assert "hidden" not in line


def test_without_pip_its_packages_are_left_out(index, tmp_path, monkeypatch, warnings):
    monkeypatch.setitem(sys.modules, "pip._internal.models.index", None)
    assert fetch([index.add_distribution("demo", "1.0", DATA)], tmp_path) == []
    assert "pip, whose package index is used, is not installed: 1 packages" in warnings()[0]


def test_the_index_of_pips_own_configuration_file_is_used(index, tmp_path, monkeypatch):
    monkeypatch.delenv("PIP_INDEX_URL")
    monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "pip.conf"))
    (tmp_path / "pip.conf").write_text(f"[global]\nindex-url = {index.python}\n")
    package = index.add_distribution("demo", "1.0", DATA)
    assert fetch([package], tmp_path / "downloads") == [package]


@needs_npm
def test_npm_packages_are_fetched_and_none_of_their_scripts_is_run(index, tmp_path):
    names = ["preinstall", "install", "postinstall", "prepack", "prepare"]
    trap = dict.fromkeys(names, f"touch {tmp_path}/run")
    packages = [
        index.add_npm_package("plain", "1.0.0", {"ios/a.m": b"@end"}, scripts=trap),
        index.add_npm_package("@scope/name", "2.0.0-beta.1", {"b.lua": b"return"}),
    ]
    assert fetch(packages, tmp_path / "downloads") == packages
    assert sorted(path.name for path in (tmp_path / "downloads").iterdir()) == [
        "npm-plain-1.0.0",
        "npm-scope-name-2.0.0-beta.1",
    ]
    assert not (tmp_path / "run").exists()


@needs_npm
def test_an_npm_package_that_is_gone_leaves_the_others(index, tmp_path, warnings):
    there = index.add_npm_package("there", "1.0.0", {"a.js": b"a"})
    gone = replace(there, name="gone")
    assert fetch([gone, there], tmp_path) == [there]
    assert "the npm registry does not have it: 1 packages are left out (gone@1.0.0)" in warnings()[0]


@needs_npm
def test_an_npm_package_that_is_not_the_pinned_one_is_named(index, tmp_path):
    package = replace(index.add_npm_package("demo", "1.0.0", {}), sha256="0" * 64)
    with pytest.raises(InputError, match=r"demo@1\.0\.0 from the npm registry is not the pinned file"):
        fetch([package], tmp_path)


@needs_npm
def test_a_registry_that_does_not_answer_leaves_all_its_packages_out_with_one_line(
    index, tmp_path, monkeypatch, warnings
):
    monkeypatch.setenv("npm_config_registry", f"http://127.0.0.1:{free_ports(1)[0]}/")
    one = index.add_npm_package("demo", "1.0.0", {})
    packages = [replace(one, name=f"demo{number}") for number in range(30)]
    assert fetch(packages, tmp_path) == []
    (line,) = warnings()
    assert "npm pack failed (ECONNREFUSED): 30 packages are left out" in line


def test_without_npm_its_packages_are_left_out_and_their_languages_named(
    index, tmp_path, monkeypatch, warnings
):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert fetch([index.add_npm_package("demo", "1.0.0", {})], tmp_path) == []
    assert "npm is not installed: 1 packages are left out (demo@1.0.0), which bring Rust" in warnings()[0]


@pytest.mark.parametrize(
    "line",
    [
        "conda,demo,1.0,10,{sha},Go",
        "npm,demo,1.0,ten,{sha},Go",
        "npm,demo,1.0,10,{sha}0,Go",
        "npm,demo",
        "npm,demo,1.0,10,{sha},Go,more",
    ],
)
def test_a_bad_line_of_the_list_is_named(tmp_path, line):
    path = write_list(tmp_path / "list.csv", [])
    path.write_text(path.read_text() + line.format(sha="0" * 64) + "\n")
    with pytest.raises(InputError, match=r"list\.csv, line 2: found .*; expected registry"):
        read_list(path)


def test_the_shipped_list_brings_every_other_language_within_sixty_megabytes():
    packages = read_list(PACKAGES)
    assert {package.registry for package in packages} == {NPM, PYTHON}
    languages = {language for package in packages for language in package.languages}
    assert languages == OTHER_LANGUAGES
    assert sum(package.bytes for package in packages) < 60_000_000
    assert len({package.file_name.lower() for package in packages}) == len(packages)
