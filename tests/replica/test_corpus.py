"""Repositories from distributions, folders and packages: what is in them, and what a second call does."""

import os
import signal
import subprocess
import sys
import time
from importlib.metadata import Distribution, distributions
from pathlib import Path

import pytest
import requests
from package_index import PackageIndex, tar_gz, write_list

from garner.errors import InputError
from replica import Replica, origins
from replica.corpus import OWNERS, build

MIT = "Permission is hereby granted, free of charge, to any person obtaining a copy of this software and ..."


def write_files(root: Path, files: dict[str, str | bytes]) -> Path:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return root


def environment(
    root: Path, name: str = "demo", version: str = "1.0", **files: str | bytes
) -> list[Distribution]:
    """Install a distribution by hand; gives all that are installed there."""
    information = f"{name}-{version}.dist-info"
    contents = {
        f"{name}/__init__.py": f"name = {name!r}\n",
        f"{name}/fast.cpython-311.so": b"\x7fELF\0",
        f"{name}/__pycache__/__init__.cpython-311.pyc": b"\0",
        f"{information}/METADATA": f"Name: {name}\nVersion: {version}\nLicense-Expression: MIT\n",
        f"{information}/licenses/LICENSE": MIT,
        f"../bin/{name}": "#!/home/someone/python\n",
        **files,
    }
    write_files(root / "site", contents)
    record = "".join(f"{path},sha256=0,{len(content)}\n" for path, content in contents.items())
    write_files(root / "site", {f"{information}/RECORD": record})
    return list(distributions(path=[str(root / "site")]))


def git(repository: Path, *arguments: str) -> str:
    return subprocess.run(
        ["git", f"--git-dir={repository}", *arguments], check=True, capture_output=True, text=True
    ).stdout


def files_of(target: Path, full_name: str) -> list[str]:
    return git(target / f"{full_name}.git", "ls-tree", "-r", "--name-only", "main").splitlines()


def commits(target: Path) -> dict[str, str]:
    return {
        path.relative_to(target).as_posix(): git(path, "rev-parse", "main").strip()
        for path in sorted(target.glob("*/*.git"))
    }


@pytest.fixture
def target(tmp_path):
    return tmp_path / "demo"


@pytest.fixture
def sources(tmp_path):
    """A folder of nothing but folders: two repositories."""
    return write_files(tmp_path / "sources", {"one/a.go": "package a\n", "two/b.rs": "fn b() {}\n"})


def build_folders(target: Path, *sources: Path) -> list[str]:
    return build(target, sources, packages=None, distributions=[])


def test_an_installed_distribution_becomes_its_sources_with_the_licence_at_the_root(tmp_path, target):
    (name,) = build(target, packages=None, distributions=environment(tmp_path))
    assert files_of(target, name) == ["LICENSE", "demo-1.0.dist-info/licenses/LICENSE", "demo/__init__.py"]
    message = git(target / f"{name}.git", "log", "--format=%B", "main")
    assert message.strip() == "demo 1.0\n\nOrigin: installed Python distribution\nLicence: MIT"


def test_garner_itself_and_editable_installations_are_left_out(tmp_path, target):
    environment(tmp_path, "garner")
    editable = environment(tmp_path, "linked")
    record = tmp_path / "site/linked-1.0.dist-info/RECORD"
    record.write_text(["__editable__.linked-1.0.pth,,", "linked-1.0.dist-info/licenses/LICENSE,,\n"][1])
    assert build(target, packages=None, distributions=editable) == []


def test_the_same_inputs_give_the_same_commits(tmp_path, target, sources):
    installed = environment(tmp_path)
    for folder in (target, tmp_path / "again"):
        build(folder, [sources], packages=None, distributions=installed)
    assert len(commits(target)) == 3
    assert commits(target) == commits(tmp_path / "again")


def test_where_a_script_was_installed_does_not_matter(tmp_path, target):
    build(target, packages=None, distributions=environment(tmp_path / "here"))
    elsewhere = environment(tmp_path / "there", **{"../bin/demo": "#!/opt/python\n"})
    build(tmp_path / "again", packages=None, distributions=elsewhere)
    assert commits(target) == commits(tmp_path / "again")


def test_a_second_call_writes_nothing(tmp_path, target, sources):
    installed = environment(tmp_path)
    names = build(target, [sources], packages=None, distributions=installed)
    before = {path: path.stat().st_mtime_ns for path in target.rglob("*")}
    assert build(target, [sources], packages=None, distributions=installed) == names
    assert {path: path.stat().st_mtime_ns for path in target.rglob("*")} == before


def test_a_changed_source_rewrites_its_repository_alone(target, sources):
    one, two = build_folders(target, sources)
    one, two = sorted([one, two], key=lambda name: name.split("/")[1])
    before = commits(target)
    write_files(sources, {"one/a.go": "package changed\n"})
    build_folders(target, sources)
    changed = {name for name, commit in commits(target).items() if commit != before[name]}
    assert changed == {f"{one}.git"}


def test_a_folder_with_a_file_of_its_own_is_one_repository(tmp_path, target, sources):
    assert len(build_folders(target, sources)) == 2
    write_files(sources, {"README.md": "# All\n"})
    (name,) = build_folders(target, sources)
    assert name.endswith("/sources")
    assert files_of(target, name) == ["README.md", "one/a.go", "two/b.rs"]


def test_a_folder_with_a_git_directory_is_one_repository_without_it(target, sources):
    write_files(sources, {".git/config": "[core]\n"})
    (name,) = build_folders(target, sources)
    assert files_of(target, name) == ["one/a.go", "two/b.rs"]


def test_links_and_odd_names_of_a_folder_do_not_enter(tmp_path, target):
    secret = write_files(tmp_path, {"secret.py": "token = 1\n"}) / "secret.py"
    source = write_files(
        tmp_path / "odd", {"a.py": "a = 1\n", "new\nline.py": "b = 1\n", 'say "c".py': "c = 1\n"}
    )
    (source / "link.py").symlink_to(secret)
    (source / "folder").symlink_to(tmp_path)
    os.mkfifo(source / "pipe")
    (name,) = build_folders(target, source)
    listed = git(target / f"{name}.git", "ls-tree", "-r", "-z", "--name-only", "main").split("\0")
    assert listed == ["a.py", 'say "c".py', ""]


def test_binary_and_large_files_do_not_enter(tmp_path, target):
    files = {"a.py": "a\n", "b.dat": b"\0\1", "c.js": "x" * 500_001, "d.js": "x" * 500_000}
    (name,) = build_folders(target, write_files(tmp_path / "mixed", files))
    assert files_of(target, name) == ["a.py", "d.js"]


def test_of_a_large_tree_a_sample_and_the_licence_enter(tmp_path, target, monkeypatch):
    monkeypatch.setattr(origins, "MOST_FILES", 20)
    files = {f"{folder}/{number}.py": f"n = {number}\n" for folder in "abcd" for number in range(50)}
    files |= {"top.py": "top\n", "z/LICENSE": MIT}
    (name,) = build_folders(target, write_files(tmp_path / "large", files))
    kept = files_of(target, name)
    assert len(kept) == 21
    assert {"LICENSE", "z/LICENSE"} < set(kept)
    assert {"a", "b", "c", "d"} < {path.split("/")[0] for path in kept}


def test_a_source_that_is_no_folder_is_named(tmp_path, target):
    with pytest.raises(InputError, match="missing is no folder"):
        build_folders(target, tmp_path / "missing")


def test_repositories_of_one_name_stand_side_by_side(tmp_path, target):
    first = write_files(tmp_path / "x/Same Name", {"a.py": "a\n"})
    second = write_files(tmp_path / "y/same-name", {"b.py": "b\n"})
    names = [name.split("/")[1] for name in build_folders(target, first, second)]
    assert sorted(names) == ["same-name", "same-name-2"]


def test_owners_are_synthetic_and_follow_from_the_name_alone(tmp_path, target, sources):
    both = build_folders(target, sources)
    assert {name.split("/")[0] for name in both} <= set(OWNERS)
    (alone,) = build_folders(tmp_path / "again", sources / "two")
    assert alone in both


def test_what_nobody_asks_for_goes_and_what_is_not_ours_stays(target, sources):
    build_folders(target, sources)
    foreign = target / "someone" / "theirs.git"
    subprocess.run(["git", "init", "--quiet", "--bare", str(foreign)], check=True)
    half = target / "demo-ash" / "half.git.part"
    half.mkdir(parents=True)
    (name,) = build_folders(target, sources / "two")
    assert sorted(target.glob("*/*")) == sorted([foreign, target / f"{name}.git"])


def test_a_killed_build_goes_on_to_the_same_commits(tmp_path, target):
    sources = write_files(
        tmp_path / "many", {f"r{number}/{n}.py": f"n = {n}\n" for number in range(40) for n in range(20)}
    )
    program = "import sys; from replica.corpus import build; from pathlib import Path\n"
    program += "build(Path(sys.argv[1]), [Path(sys.argv[2])], packages=None, distributions=[])"
    path = os.pathsep.join(entry for entry in sys.path if entry)
    running = subprocess.Popen(
        [sys.executable, "-c", program, target, sources], env={**os.environ, "PYTHONPATH": path}
    )
    deadline = time.monotonic() + 30
    while not list(target.glob("*/*.git")) and time.monotonic() < deadline:
        time.sleep(0.005)
    running.send_signal(signal.SIGKILL)
    running.wait()
    assert 0 < len(list(target.glob("*/*.git"))) < 40
    build_folders(target, sources)
    build_folders(tmp_path / "undisturbed", sources)
    assert commits(target) == commits(tmp_path / "undisturbed")
    assert not list(target.glob("*/*.part"))


@pytest.fixture
def index(monkeypatch):
    with PackageIndex() as index:
        monkeypatch.setenv("PIP_INDEX_URL", index.python)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        yield index


def test_a_source_distribution_takes_the_place_of_the_installed_one(tmp_path, target, index):
    files = {"Demo-1.0/PKG-INFO": b"Name: Demo\nLicense: MIT\n", "Demo-1.0/src/lib.rs": b"fn f() {}\n"}
    packages = write_list(tmp_path / "list.csv", [index.add_distribution("Demo", "1.0", tar_gz(files))])
    (name,) = build(target, packages=packages, distributions=environment(tmp_path))
    assert files_of(target, name) == ["PKG-INFO", "src/lib.rs"]
    assert "Licence: MIT" in git(target / f"{name}.git", "log", "--format=%B", "main")


def test_without_network_the_installed_one_does(tmp_path, target, index):
    package = index.add_distribution("demo", "1.0", tar_gz({"demo-1.0/src/lib.rs": b"fn f() {}\n"}))
    index.pages.clear()
    packages = write_list(tmp_path / "list.csv", [package])
    (name,) = build(target, packages=packages, distributions=environment(tmp_path))
    assert "demo/__init__.py" in files_of(target, name)


def test_a_package_once_built_needs_neither_network_nor_its_download(tmp_path, target, index):
    package = index.add_distribution("demo", "1.0", tar_gz({"demo-1.0/src/lib.rs": b"fn f() {}\n"}))
    packages = write_list(tmp_path / "list.csv", [package])
    names = build(target, packages=packages, distributions=[])
    (tmp_path / "downloads" / package.file_name).unlink()
    index.requests.clear()
    assert build(target, packages=packages, distributions=[]) == names
    assert index.requests == []


def test_the_repositories_are_sound_and_the_replica_tells_their_licence(tmp_path, target, sources):
    names = build(target, [sources], packages=None, distributions=environment(tmp_path))
    for name in names:
        git(target / f"{name}.git", "fsck", "--strict")
    with Replica(target) as replica:
        described = {name: requests.get(f"{replica.url}/repos/{name}").json() for name in names}
    assert {name for name, one in described.items() if one["full_name"] == name} == set(names)
    (demo,) = (one for one in described.values() if one["name"] == "demo")
    assert demo["license"]["spdx_id"] == "MIT"


def test_the_command_teaches_its_use_and_names_a_bad_folder(tmp_path, root):
    def run(*arguments: str) -> subprocess.CompletedProcess:
        command = [sys.executable, "-m", "replica.corpus", *arguments]
        path = os.pathsep.join([str(root), str(root / "scripts")])
        return subprocess.run(command, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": path})

    assert "--sources DIR" in run("--help").stdout
    bad = write_files(tmp_path, {"list.csv": ""}) / "list.csv"
    answer = run(str(tmp_path / "demo"), "--sources", str(bad))
    assert (answer.returncode, answer.stdout) == (1, "")
    assert answer.stderr.startswith(f"error: {bad} is no folder")
