import json
import os
import shutil
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest
from bare_repositories import FILE, make, make_empty, make_odd

from garner import cloning
from garner.clone_store import path_text
from garner.errors import CredentialsError, GitError, InputError, Interrupted
from garner.files import read_json, write_parquet
from replica import Replica

SETTINGS = {
    "maximum_file_bytes": 1000,
    "maximum_repository_mib": 1,
    "maximum_files": 50,
    "timeout_minutes": 0.5,
}
EXTENSIONS = [".py", ".js", "makefile"]
SELECTION = pyarrow.schema(
    [
        ("repository", pyarrow.string()),
        ("clone_url", pyarrow.string()),
        ("licence", pyarrow.string()),
        ("batch", pyarrow.int32()),
        ("language", pyarrow.string()),
    ]
)


class Stage:
    """The clone stage over the repositories `served`, in a folder of its own."""

    def __init__(self, folder: Path):
        self.served, self.state, self.folder = folder / "served", folder / "state", folder
        self.selection = folder / "selection.parquet"
        self.outputs = {"files": folder / "out/0.parquet", "failures": folder / "out/0.failures.json"}

    def select(self, url: str, names: list[str]) -> None:
        rows = [
            {
                "repository": name,
                "clone_url": f"{url}/{name}.git",
                "licence": "MIT" if name.endswith("a") else None,
                "batch": 0,
                "language": "Python",
            }
            for name in names
        ]
        write_parquet(self.selection, rows, SELECTION)

    def run(self, extensions=EXTENSIONS, tokens=None, batch=0, **changes) -> list[dict]:
        """Clone; returns the rows of the batch."""
        settings = SETTINGS | changes
        cloning.clone_batch(self.selection, batch, self.outputs, self.state, settings, extensions, tokens)
        return pyarrow.parquet.read_table(self.outputs["files"]).to_pylist()

    def failures(self) -> dict[str, tuple[str, bool]]:
        return {
            row["repository"]: (row["reason"], row["retry"]) for row in read_json(self.outputs["failures"])
        }

    def nothing_is_left(self) -> bool:
        clones = self.state / "clones"
        return not list(self.folder.rglob("*.part")) and not (clones.exists() and list(clones.iterdir()))


@pytest.fixture(scope="module")
def four_repositories(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("four")
    for name in ("o/a", "o/b", "o/c", "o/d"):
        make(folder / f"{name}.git", {"z.py": f"# {name}\n".encode(), "b/x.js": b"x\n", "README": b"read"})
    return folder


@pytest.fixture
def stage(tmp_path, four_repositories) -> Stage:
    stage = Stage(tmp_path)
    shutil.copytree(four_repositories, stage.served)
    return stage


def packs(replica) -> Counter:
    """How often each repository was cloned."""
    return Counter(
        seen.path.split(".git")[0].lstrip("/") for seen in replica.requests if seen.method == "GET"
    )


def test_batch_holds_each_source_file_with_its_origin(stage):
    commit = make(stage.served / "o/Za.git", {"m.py": b"m"})
    with Replica(stage.served) as replica:
        stage.select(replica.url, ["o/Za", "o/b"])
        rows = stage.run()
    assert [(row["repository"], row["path"]) for row in rows] == [
        ("o/Za", "m.py"),
        ("o/b", "b/x.js"),
        ("o/b", "z.py"),
    ]
    assert rows[0] == {
        "repository": "o/Za",
        "commit": commit,
        "path": "m.py",
        "size": 1,
        "licence": "MIT",
        "bytes": b"m",
    }
    assert rows[1]["licence"] is None
    assert stage.failures() == {}
    assert stage.nothing_is_left()


def test_only_files_that_may_be_source_are_read(stage):
    kept = {"a.PY": b"1", "lib/Makefile": b"2", "run": b"#!/bin/sh\n", "é.py": b"3", "at.py": b"4" * 1000}
    left = {
        "LICENSE": b"no",
        "a.pyc": b"no",
        "run.sh": b"#!/bin/sh",
        "not.makefile": b"no",
        "over.py": b"5" * 1001,
    }
    make(stage.served / "o/e.git", kept | left)
    with Replica(stage.served) as replica:
        stage.select(replica.url, ["o/e"])
        assert {row["path"]: row["bytes"] for row in stage.run()} == kept


def test_rows_of_another_batch_are_left_alone(stage):
    with Replica(stage.served) as replica:
        stage.select(replica.url, ["o/a"])
        assert stage.run(batch=1) == []
        assert replica.requests == []
    assert pyarrow.parquet.read_schema(stage.outputs["files"]) == cloning._SCHEMA


def test_second_run_repeats_no_request_and_gives_the_same_bytes(stage):
    with Replica(stage.served) as replica:
        stage.select(replica.url, ["o/a", "o/b"])
        stage.run()
        first, before = stage.outputs["files"].read_bytes(), len(replica.requests)
        stage.run()
        assert len(replica.requests) == before
    assert stage.outputs["files"].read_bytes() == first


def test_batches_that_share_a_state_clone_nothing_again(stage):
    with Replica(stage.served) as replica:
        stage.select(replica.url, ["o/a"])
        stage.run()
        before = len(replica.requests)
        table = pyarrow.parquet.read_table(stage.selection)
        moved = table.set_column(3, SELECTION.field("batch"), pyarrow.array([5], pyarrow.int32()))
        pyarrow.parquet.write_table(moved, stage.selection)
        assert len(stage.run(batch=5)) == 2
        assert len(replica.requests) == before


def test_repository_of_the_same_name_on_another_server_is_cloned_from_there(stage, tmp_path):
    other = Stage(tmp_path / "other")
    make(other.served / "o/a.git", {"z.py": b"# of the other server\n"})
    with Replica(stage.served) as replica, Replica(other.served) as second:
        stage.select(replica.url, ["o/a"])
        assert b"# o/a\n" in [row["bytes"] for row in stage.run()]
        stage.select(second.url, ["o/a"])
        assert [row["bytes"] for row in stage.run()] == [b"# of the other server\n"]


JOB = """
import json, sys
from pathlib import Path
from garner.cloning import clone_batch
selection, state, settings, extensions = json.loads(sys.argv[1])
clone_batch(Path(selection), 0, {}, Path(state), settings, extensions, None)
"""


def test_killed_batch_clones_no_finished_repository_again(stage, tmp_path, root):
    names = ["o/a", "o/b", "o/c", "o/d"]
    undisturbed = Stage(tmp_path / "undisturbed")
    asked, release = threading.Event(), threading.Event()

    def hang_at_c(request):
        if request.path.startswith("/o/c.git") and b"command=fetch" in request.body:
            asked.set()
            release.wait(30)

    with Replica(stage.served) as replica:
        undisturbed.select(replica.url, names)
        undisturbed.run()
    with Replica(stage.served, intercept=hang_at_c) as replica:
        stage.select(replica.url, names)
        arguments = json.dumps([str(stage.selection), str(stage.state), SETTINGS, EXTENSIONS])
        job = subprocess.Popen([sys.executable, "-c", JOB, arguments], cwd=root / "scripts")
        assert asked.wait(30)
        job.kill()
        job.wait()
        replica.intercept = None
        release.set()
        assert (stage.state / "clones/0").exists()
        stage.run()
        assert packs(replica) == {"o/a": 1, "o/b": 1, "o/c": 2, "o/d": 1}
    for output in ("files", "failures"):
        assert stage.outputs[output].read_bytes() == undisturbed.outputs[output].read_bytes()
    assert stage.nothing_is_left()


def test_only_failures_that_may_mend_are_tried_again(stage):
    make_empty(stage.served / "o/empty.git")
    answers = {"/o/a": 404, "/o/b": 403, "/o/c": 503}

    def fault(request):
        status = answers.get(request.path.split(".git")[0])
        return status and (status, {}, b"")

    with Replica(stage.served, intercept=fault) as replica:
        stage.select(replica.url, ["o/a", "o/b", "o/c", "o/d", "o/empty"])
        assert {row["repository"] for row in stage.run()} == {"o/d"}
        final = {"o/a": ("gone", False), "o/b": ("forbidden", False), "o/empty": ("empty", False)}
        assert stage.failures() == final | {"o/c": ("network", True)}
        assert packs(replica) == {"o/a": 1, "o/b": 1, "o/c": 2, "o/d": 1, "o/empty": 1}
        answers.clear()
        assert {row["repository"] for row in stage.run()} == {"o/c", "o/d"}
        assert stage.failures() == final
        assert packs(replica) == {"o/a": 1, "o/b": 1, "o/c": 3, "o/d": 1, "o/empty": 1}


def test_hiccup_is_mended_within_the_run(stage):
    broken = ["/o/a.git/info/refs"]

    def fault(request):
        return (503, {}, b"") if request.path in broken and not broken.remove(request.path) else None

    with Replica(stage.served, intercept=fault) as replica:
        stage.select(replica.url, ["o/a", "o/b"])
        assert {row["repository"] for row in stage.run()} == {"o/a", "o/b"}
        assert stage.failures() == {}


def test_host_out_of_reach_is_an_error_that_names_it_and_not_an_empty_batch(stage):
    stage.select("http://127.0.0.1:1", ["o/a", "o/b", "o/c", "o/d"])
    with pytest.raises(GitError, match=r"127\.0\.0\.1:1.*[Cc]heck the network"):
        stage.run()
    assert not stage.outputs["files"].exists()
    assert len(list(stage.state.rglob("*.json"))) == cloning.UNREACHABLE_IN_A_ROW
    with Replica(stage.served) as replica:
        stage.select(replica.url, ["o/a", "o/b", "o/c", "o/d"])
        assert len(stage.run()) == 8


def test_batch_that_fails_everywhere_for_the_network_is_an_error(stage):
    with Replica(stage.served, intercept=lambda request: (502, {}, b"")) as replica:
        stage.select(replica.url, ["o/a", "o/b", "o/c"])
        with pytest.raises(GitError, match="None of 3 repositories"):
            stage.run()
    assert not stage.outputs["files"].exists()


def test_limits_leave_a_repository_out_for_good_until_they_are_raised(stage):
    make(stage.served / "o/many.git", {f"{n}.py": b"x" for n in range(51)})
    make(stage.served / "o/large.git", {f"{n}.py": b"%03d " % n * 250 for n in range(49)})
    limits = {"maximum_repository_mib": 49_000 / 2**20 - 0.001}
    with Replica(stage.served) as replica:
        stage.select(replica.url, ["o/a", "o/large", "o/many"])
        assert {row["repository"] for row in stage.run(**limits)} == {"o/a"}
        assert stage.failures() == {"o/large": ("too_large", False), "o/many": ("too_many_files", False)}
        stage.run(**limits)
        assert packs(replica) == {"o/a": 1, "o/large": 1, "o/many": 1}
        assert len(stage.run(maximum_files=51)) == 2 + 49 + 51
        assert packs(replica) == {"o/a": 1, "o/large": 2, "o/many": 2}
        assert {row["repository"] for row in stage.run()} == {"o/a", "o/large"}


def test_narrower_settings_use_what_is_there_and_wider_ones_clone_again(stage):
    make(stage.served / "o/e.git", {"a.py": b"1", "b.js": b"2" * 800, "c.lua": b"3"})
    with Replica(stage.served) as replica:
        stage.select(replica.url, ["o/e"])
        stage.run()
        assert [row["path"] for row in stage.run(extensions=[".py"])] == ["a.py"]
        assert [row["path"] for row in stage.run(maximum_file_bytes=799)] == ["a.py"]
        assert packs(replica) == {"o/e": 1}
        assert [row["path"] for row in stage.run(extensions=[".js", ".lua"])] == ["b.js", "c.lua"]
        assert packs(replica) == {"o/e": 2}


def test_paths_are_data_and_never_places_on_disk(stage, tmp_path):
    names = [b"../../../evil.py", b"a\nb.py", b"\xff.py", b"\\xff.py", b"l" * 4093 + b".py", b"/abs.py"]
    make_odd(stage.served / "o/odd.git", [(FILE, name, b"x") for name in names])
    with Replica(stage.served) as replica:
        stage.select(replica.url, ["o/odd"])
        paths = {row["path"] for row in stage.run()}
    assert paths == {
        "../../../evil.py",
        r"a\x0ab.py",
        r"\xff.py",
        r"\x5cxff.py",
        "l" * 4093 + ".py",
        "/abs.py",
    }
    assert not list(tmp_path.rglob("*evil*"))


def test_path_text_keeps_every_two_paths_apart():
    paths = [b"\xff", b"\\xff", "\u00ff".encode(), b"\\", b"\n", b"\\x0a", b"\\\\"]
    assert len({path_text(path) for path in paths}) == len(paths)
    assert path_text("naïve/файл.py".encode()) == "naïve/файл.py"


def test_repository_names_are_never_places_on_disk(stage, tmp_path):
    with Replica(stage.served) as replica:
        stage.select(replica.url, ["../../o/a"])
        assert {row["repository"] for row in stage.run()} == {"../../o/a"}
    assert {path.name for path in tmp_path.iterdir()} == {"served", "state", "out", "selection.parquet"}


def test_stop_request_ends_the_job_with_what_was_cloned_kept(stage, monkeypatch):
    with Replica(stage.served) as replica:
        stage.select(replica.url, ["o/a", "o/b"])
        monkeypatch.setattr(cloning, "stop_requested", lambda: "o/b" in packs(replica))
        with pytest.raises(Interrupted):
            stage.run()
        assert not stage.outputs["files"].exists()
        assert stage.nothing_is_left()
        monkeypatch.undo()
        assert len(stage.run()) == 4
        assert packs(replica)["o/a"] == 1


def test_stage_whose_sealed_file_is_damaged_says_so_or_mends_it(stage):
    with Replica(stage.served) as replica:
        stage.select(replica.url, ["o/a"])
        stage.run()
        (sealed,) = stage.state.rglob("*.parquet")
        good = sealed.read_bytes()
        sealed.write_bytes(good[:-30])
        assert len(stage.run()) == 2
        assert packs(replica) == {"o/a": 2}
        sealed.write_bytes(good[:4] + b"\xff" * 60 + good[64:])
        with pytest.raises(InputError, match=sealed.name):
            stage.run()
    assert stage.nothing_is_left()


def test_large_repository_is_kept_in_pieces(stage, monkeypatch):
    monkeypatch.setattr("garner.clone_store.GROUP_BYTES", 10_000)
    make(stage.served / "o/large.git", {f"{n:02}.py": b"%03d " % n * 250 for n in range(49)})
    with Replica(stage.served) as replica:
        stage.select(replica.url, ["o/large"])
        rows = stage.run()
    assert [row["bytes"] for row in rows] == [b"%03d " % n * 250 for n in range(49)]
    assert pyarrow.parquet.ParquetFile(stage.outputs["files"]).num_row_groups == 5


def test_token_file_that_others_can_read_is_refused_before_any_request(stage, tmp_path):
    tokens = tmp_path / "tokens"
    tokens.write_text("ghp_secret\n")
    tokens.chmod(0o644)
    with Replica(stage.served) as replica:
        stage.select(replica.url, ["o/a"])
        with pytest.raises(CredentialsError, match="chmod 600"):
            stage.run(tokens=tokens)
        tokens.chmod(0o600)
        assert len(stage.run(tokens=tokens)) == 2


def test_token_opens_private_repositories_and_is_written_nowhere(stage, tmp_path):
    tokens = tmp_path / "tokens"
    tokens.write_text("ghp_secret\n")
    tokens.chmod(0o600)
    with Replica(stage.served, tokens=["ghp_secret"]) as replica:
        stage.select(replica.url, ["o/a", "o/gone"])
        assert len(stage.run(tokens=tokens)) == 2
        assert stage.failures() == {"o/gone": ("gone", False)}
    written = [
        path for folder in (stage.state, tmp_path / "out") for path in folder.rglob("*") if path.is_file()
    ]
    assert not any(b"ghp_secret" in path.read_bytes() for path in written)


FULL_DISK = """
import json, subprocess, sys
from pathlib import Path
from garner.cloning import clone_batch
from garner.errors import DiskFullError
selection, state, size, settings = json.loads(sys.argv[1])
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=" + size, "none", state], check=True)
try:
    clone_batch(Path(selection), 0, {}, Path(state), settings, [".py"], None)
except DiskFullError as error:
    print(json.dumps([str(error), [path.name for path in Path(state).rglob("*") if path.is_file()]]))
"""


@pytest.mark.parametrize("size", ["64k", "160k"])
def test_full_disk_is_named_and_leaves_nothing_half_written(stage, root, size):
    """The state lies on a small file system of its own: which ends git at 64k, the sealing at 160k."""
    space = ["unshare", "--user", "--map-root-user", "--mount"]
    if not shutil.which("unshare") or subprocess.run([*space, "true"], capture_output=True).returncode:
        pytest.skip("needs Linux user namespaces")
    make(stage.served / "o/large.git", {f"{n}.py": os.urandom(5000) for n in range(20)})
    stage.state.mkdir()
    settings = SETTINGS | {"maximum_file_bytes": 10_000}
    with Replica(stage.served) as replica:
        stage.select(replica.url, ["o/large"])
        arguments = json.dumps([str(stage.selection), str(stage.state), size, settings])
        command = [*space, sys.executable, "-c", FULL_DISK, arguments]
        done = subprocess.run(command, cwd=root / "scripts", capture_output=True, text=True, timeout=60)
    error, left = json.loads(done.stdout)
    assert "no space left" in error
    assert "run the same command again" in error
    assert left == []
