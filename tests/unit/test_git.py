import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest
import requests
from bare_repositories import FILE, SUBMODULE, SYMLINK, make, make_empty, make_odd, run

from garner.errors import DiskFullError, GitError
from garner.git import shallow_clone
from garner.git_failures import failure
from replica import Replica, safe_git

TOKEN = "ghp_verysecrettoken"


@pytest.fixture
def folder(tmp_path) -> Path:
    """Repositories that a replica can serve; one is there already."""
    make(tmp_path / "served/owner/small.git", {"a.py": b"a = 1\n"})
    return tmp_path / "served"


@pytest.fixture
def release():
    """An event for which a hanging server waits, so that it ends with the test."""
    event = threading.Event()
    yield event
    event.set()


def cloned(replica, tmp_path, name="owner/small", **changes):
    limits = {"blob_bytes": 1000, "total_bytes": 2**24, "seconds": 20} | changes
    return shallow_clone(f"{replica.url}/{name}.git", tmp_path / "clone", **limits)


def everything(path: bytes) -> bool:
    return True


def read(clone) -> dict[bytes, bytes]:
    files = clone.files(everything, 100)
    return dict(zip([path for path, _ in files], clone.contents([blob for _, blob in files]), strict=True))


def test_clone_reads_the_files_of_the_newest_commit(folder, tmp_path):
    commit = make(folder / "owner/name.git", {"src/é.py": b"x = 1\n", "empty.py": b"", "bin": b"a\n\0b"})
    with Replica(folder) as replica, cloned(replica, tmp_path, "owner/name") as clone:
        assert clone.commit == commit
        assert read(clone) == {"src/é.py".encode(): b"x = 1\n", b"empty.py": b"", b"bin": b"a\n\0b"}
    assert not (tmp_path / "clone").exists()


def test_filtered_blobs_are_missing_and_cost_no_request(folder, tmp_path):
    make(folder / "owner/name.git", {"at.py": b"a" * 1000, "over.py": b"b" * 1001, "small.py": b"c"})
    with Replica(folder) as replica, cloned(replica, tmp_path, "owner/name") as clone:
        assert [seen.method for seen in replica.requests] == ["GET", "POST", "POST"]
        files = clone.files(everything, 100)
        assert clone.sizes([blob for _, blob in files]) == [1000, None, 1]
        with pytest.raises(GitError, match="1 of 3 files"):
            list(clone.contents([blob for _, blob in files]))
        assert len(replica.requests) == 3


def test_missing_blob_among_many_is_no_timeout(folder, tmp_path):
    make(
        folder / "owner/name.git",
        {"0.py": b"a" * 1001} | {f"{n}.py": b"%d" % n * 300 for n in range(100, 400)},
    )
    with Replica(folder) as replica, cloned(replica, tmp_path, "owner/name", seconds=10) as clone:
        with pytest.raises(GitError) as caught:
            list(clone.contents([blob for _, blob in clone.files(everything, 1000)]))
        assert caught.value.reason == "damaged"


def test_server_without_filters_gives_every_blob(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(
        safe_git, "CONFIG", safe_git.CONFIG.replace("allowFilter = true", "allowFilter = false")
    )
    make(folder / "owner/name.git", {"over.py": b"b" * 5000})
    with Replica(folder) as replica, cloned(replica, tmp_path, "owner/name") as clone:
        assert clone.sizes([blob for _, blob in clone.files(everything, 100)]) == [5000]


def test_symlinks_and_submodules_are_never_read(folder, tmp_path):
    odd = [(SYMLINK, b"link.py", b"/etc/passwd"), (SUBMODULE, b"module.py", b"1" * 40), (FILE, b"a.py", b"a")]
    make_odd(folder / "owner/name.git", odd)
    with Replica(folder) as replica, cloned(replica, tmp_path, "owner/name") as clone:
        assert read(clone) == {b"a.py": b"a"}


def test_paths_that_no_file_system_would_take_are_listed_as_they_are(folder, tmp_path):
    names = [b"../../up.py", b"new\nline.py", b"\xff\xfe.py", b"l" * 4096 + b".py", b".git", b"-x.py"]
    make_odd(folder / "owner/name.git", [(FILE, name, name[:9]) for name in names])
    with Replica(folder) as replica, cloned(replica, tmp_path, "owner/name") as clone:
        assert read(clone) == {name: name[:9] for name in names}
    assert not list(tmp_path.rglob("*up.py"))


def trapped_home(tmp_path: Path, trap: str) -> Path:
    """A user's home whose git configuration springs a trap at whatever a checkout does."""
    home = tmp_path / "home"
    (home / "template/hooks").mkdir(parents=True)
    for hook in ("post-checkout", "reference-transaction"):
        (home / "template/hooks" / hook).write_text(f"#!/bin/sh\n{trap}\n")
        (home / "template/hooks" / hook).chmod(0o755)
    settings = [
        f'[filter "evil"]\nsmudge = "{trap}; cat"\nprocess =\n',
        f"[init]\ntemplateDir = {home}/template\n",
    ]
    settings += [f'[core]\nfsmonitor = "{trap}"\n', f'[filter "lfs"]\nsmudge = "{trap}; cat"\n']
    (home / ".gitconfig").write_text("".join(settings))
    return home


def test_malicious_repository_executes_nothing(folder, tmp_path, monkeypatch):
    sprung = tmp_path / "sprung"
    trap = f"touch {sprung}"
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 9\n"
    files = {
        ".gitattributes": b"*.py filter=evil\n*.bin filter=lfs\n",
        ".gitmodules": f'[submodule "m"]\npath = m\nurl = ext::sh -c "{trap}"\n'.encode(),
        ".lfsconfig": b"[lfs]\nurl = http://127.0.0.1:1/\n",
        "a.py": b"a",
        "big.bin": pointer,
    }
    make(folder / "owner/name.git", files)
    (folder / "owner/name.git/hooks").mkdir()
    (folder / "owner/name.git/hooks/post-checkout").write_text(f"#!/bin/sh\n{trap}\n")
    with open(folder / "owner/name.git/config", "a") as config:
        config.write(f'[core]\nfsmonitor = "{trap}"\n[uploadpack]\npackObjectsHook = "{trap}"\n')
    home = trapped_home(tmp_path, trap)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("GIT_TEMPLATE_DIR", str(home / "template"))
    monkeypatch.setenv("GIT_SSH_COMMAND", trap)
    monkeypatch.setenv("GIT_TRACE_CURL", str(tmp_path / "trace"))
    with Replica(folder) as replica:
        with cloned(replica, tmp_path, "owner/name") as clone:
            assert read(clone) == {path.encode(): content for path, content in files.items()}
            assert not list(clone.folder.rglob("hooks"))
        assert not sprung.exists()
        assert not (tmp_path / "trace").exists()
        # The traps are live: a plain clone springs them.
        subprocess.run(
            ["git", "clone", "-q", f"{replica.url}/owner/name.git", tmp_path / "plain"], check=True
        )
        assert sprung.exists()


@pytest.mark.parametrize(
    ("status", "reason", "retry"),
    [
        (404, "gone", False),
        (410, "gone", False),
        (401, "gone", False),
        (403, "forbidden", False),
        (451, "blocked", False),
        (429, "network", True),
        (500, "network", True),
        (503, "network", True),
        (200, "network", True),  # a login page
    ],
)
def test_each_refusal_has_its_reason(folder, tmp_path, status, reason, retry):
    headers = {"Content-Type": "text/html", "WWW-Authenticate": 'Basic realm="x"'}
    with (
        Replica(folder, intercept=lambda request: (status, headers, b"<html>\nlog in\n</html>\n")) as replica,
        pytest.raises(GitError) as caught,
        cloned(replica, tmp_path, "owner/SSL-timed-out"),
    ):
        pass
    assert (caught.value.reason, caught.value.retry) == (reason, retry)
    assert not (tmp_path / "clone").exists()


def test_host_that_cannot_be_reached_has_a_reason_of_its_own(tmp_path):
    with (
        pytest.raises(GitError) as caught,
        shallow_clone("http://127.0.0.1:1/a/b.git", tmp_path / "clone", 1000, 2**20, 20),
    ):
        pass
    assert (caught.value.reason, caught.value.retry) == ("unreachable", True)


def pack_from(true: Replica, request) -> requests.Response:
    """What another replica answers to the request for the objects."""
    return requests.post(true.url + request.path, request.body, headers=dict(request.headers), timeout=20)


@pytest.mark.parametrize("garbage", [b"", b"garbage"])
def test_connection_that_breaks_off_can_be_tried_again(folder, tmp_path, garbage):
    def break_off(request):
        if b"command=fetch" in request.body:
            answer = pack_from(true, request)
            return 200, {"Content-Type": answer.headers["Content-Type"]}, garbage or answer.content[:-40]

    with (
        Replica(folder) as true,
        Replica(folder, intercept=break_off) as replica,
        pytest.raises(GitError) as caught,
        cloned(replica, tmp_path),
    ):
        pass
    assert (caught.value.reason, caught.value.retry) == ("network", True)


def test_repository_without_commits_is_empty(folder, tmp_path):
    make_empty(folder / "owner/empty.git")
    make(folder / "owner/unborn.git", {"a.py": b"a"})
    run(folder / "owner/unborn.git", "symbolic-ref", "HEAD", "refs/heads/nowhere")
    with Replica(folder) as replica:
        for name in ("owner/empty", "owner/unborn"):
            with pytest.raises(GitError) as caught, cloned(replica, tmp_path, name):
                pass
            assert (caught.value.reason, caught.value.retry) == ("empty", False)


def test_repository_that_lacks_objects_is_damaged(folder, tmp_path):
    make_odd(folder / "owner/name.git", [(FILE, b"a.py", b"a"), (FILE, b"b.py", b"b")])
    blob = run(folder / "owner/name.git", "rev-parse", "main:a.py").decode()
    with Replica(folder) as replica:
        (folder / "owner/name.git/objects" / blob[:2] / blob[2:]).unlink()
        with pytest.raises(GitError) as caught, cloned(replica, tmp_path, "owner/name"):
            pass
    assert (caught.value.reason, caught.value.retry) == ("damaged", False)


def test_renamed_repository_is_followed(folder, tmp_path):
    def moved(request):
        if "/old/" in request.path:
            return (
                301,
                {"Location": f"{replica.url}{request.path.replace('/old/', '/owner/')}?{request.query}"},
                b"",
            )

    with Replica(folder, intercept=moved) as replica, cloned(replica, tmp_path, "old/small") as clone:
        assert read(clone) == {b"a.py": b"a = 1\n"}


def hang(release, content_type="application/x-git-upload-pack-advertisement", after=()):
    def body():
        yield from after
        release.wait(30)

    return 200, {"Content-Type": content_type}, body()


def processes_in(folder: Path) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter(["cmdline"]):
        if any(str(folder) in word for word in process.info["cmdline"] or ()):
            found.append(process)
    return found


def test_hung_server_is_left_at_the_time_limit(folder, tmp_path, release):
    with (
        Replica(folder, intercept=lambda request: hang(release)) as replica,
        pytest.raises(GitError) as caught,
        cloned(replica, tmp_path, seconds=0.5),
    ):
        pass
    assert (caught.value.reason, caught.value.retry) == ("timeout", True)
    assert not (tmp_path / "clone").exists()
    assert not processes_in(tmp_path)


def test_huge_repository_is_stopped_while_it_arrives(folder, tmp_path, release):
    make(folder / "owner/huge.git", {f"{n}.py": os.urandom(50_000) for n in range(40)})

    def endless(request):
        """The true answer, but for its end."""
        if b"command=fetch" in request.body:
            answer = pack_from(true, request)
            return hang(release, answer.headers["Content-Type"], [answer.content[:1_500_000]])

    with (
        Replica(folder) as true,
        Replica(folder, intercept=endless) as replica,
        pytest.raises(GitError) as caught,
        cloned(replica, tmp_path, "owner/huge", blob_bytes=10**6, total_bytes=10**6),
    ):
        pass
    assert (caught.value.reason, caught.value.retry) == ("too_large", False)
    assert not (tmp_path / "clone").exists()


def test_number_of_files_is_limited(folder, tmp_path):
    make(
        folder / "owner/many.git", {f"{n}.py": b"" for n in range(11)} | {f"{n}.txt": b"" for n in range(50)}
    )
    with Replica(folder) as replica, cloned(replica, tmp_path, "owner/many") as clone:
        assert len(clone.files(lambda path: path.endswith(b".py"), 11)) == 11
        with pytest.raises(GitError) as caught:
            clone.files(lambda path: path.endswith(b".py"), 10)
    assert caught.value.reason == "too_many_files"


def test_tree_that_unfolds_without_end_is_given_up(folder, tmp_path):
    repository = folder / "owner/small.git"
    entry = b"100644 f\0" + bytes.fromhex(run(repository, "hash-object", "-w", "--stdin").decode())
    for _ in range(10):
        tree = run(
            repository, "hash-object", "-t", "tree", "-w", "--literally", "--stdin", stdin=entry
        ).decode()
        entry = b"".join(b"40000 %d\0" % n + bytes.fromhex(tree) for n in range(10))
    bomb = run(repository, "commit-tree", "-m", "10^10 files", tree).decode()
    with Replica(folder) as replica:
        run(repository, "update-ref", "refs/heads/main", bomb)  # the replica would list it as it starts
        with pytest.raises(GitError) as caught, cloned(replica, tmp_path) as clone:
            clone.files(lambda path: path.endswith(b".py"), 100)
    assert caught.value.reason == "too_many_files"


def test_killed_job_leaves_no_git_behind(folder, tmp_path, release, root):
    asked = threading.Event()

    def fault(request):
        asked.set()
        return hang(release)

    with Replica(folder, intercept=fault) as replica:
        code = (
            "from pathlib import Path; from garner.git import shallow_clone; "
            f"shallow_clone('{replica.url}/owner/small.git', Path('{tmp_path}/clone'), 9, 9, 60).__enter__()"
        )
        job = subprocess.Popen([sys.executable, "-c", code], cwd=root / "scripts")
        assert asked.wait(20)
        assert processes_in(tmp_path / "clone")
        job.kill()
        job.wait()
        deadline = time.monotonic() + 10
        while processes_in(tmp_path / "clone") and time.monotonic() < deadline:
            time.sleep(0.05)
        assert not processes_in(tmp_path / "clone")


def command_lines() -> str:
    return "\n".join(" ".join(process.info["cmdline"] or ()) for process in psutil.process_iter(["cmdline"]))


def test_token_is_offered_to_who_asks_and_is_in_no_command_line(folder, tmp_path, caplog):
    caplog.set_level("INFO", "garner")
    seen = []

    def private(request):
        seen.append((request.headers.get("authorization"), command_lines()))
        return None if seen[-1][0] else (401, {"WWW-Authenticate": 'Basic realm="GitHub"'}, b"")

    with Replica(folder, tokens=[TOKEN], intercept=private) as replica:
        with cloned(replica, tmp_path, token=TOKEN) as clone:
            assert read(clone) == {b"a.py": b"a = 1\n"}
            assert TOKEN not in "".join(
                path.read_text("latin-1") for path in clone.folder.rglob("*") if path.is_file()
            )
        with pytest.raises(GitError) as caught, cloned(replica, tmp_path, token=TOKEN + "expired"):
            pass
    assert seen[0][0] is None
    assert seen[1][0].startswith("Basic ")
    assert not any(TOKEN in lines for _, lines in seen)
    assert (caught.value.reason, caught.value.retry) == ("credentials", True)
    assert TOKEN not in caplog.text + str(caught.value)


def test_redirect_to_another_host_gets_no_token(folder, tmp_path):
    shown = []

    def thief(request):
        shown.append(request.headers.get("authorization"))
        return 401, {"WWW-Authenticate": 'Basic realm="x"'}, b""

    with Replica(folder, intercept=thief) as other:
        there = {"Location": f"{other.url}/owner/small.git/info/refs?service=git-upload-pack"}
        with (
            Replica(folder, intercept=lambda request: (302, there, b"")) as replica,
            pytest.raises(GitError),
            cloned(replica, tmp_path, token=TOKEN),
        ):
            pass
    assert shown
    assert set(shown) == {None}


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc",
        "/etc",
        "ext::sh -c true",
        "git://127.0.0.1/a/b",
        "https://user:secret@host/a/b",
        "http://[::1/a",
        "--upload-pack=x",
        "http://127.0.0.1/a\n/b",
    ],
)
def test_address_that_is_no_plain_web_address_is_refused(url, tmp_path):
    with pytest.raises(GitError) as caught, shallow_clone(url, tmp_path / "clone", 1000, 2**20, 5):
        pass
    assert (caught.value.reason, caught.value.retry) == ("refused", False)
    assert "secret" not in str(caught.value)


def test_full_disk_is_no_fault_of_the_repository(tmp_path):
    said = "fatal: write error: No space left on device\nfatal: fetch-pack: invalid index-pack output\n"
    assert isinstance(failure(said, tmp_path, "http://h/a", None), DiskFullError)
    said = "remote: No space left on device\nfatal: early EOF\n"
    assert failure(said, tmp_path, "http://h/a", None).reason == "network"
