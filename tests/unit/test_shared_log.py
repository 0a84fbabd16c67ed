import os
import subprocess
import sys

import pytest

from garner.errors import DiskFullError
from garner.http.shared_log import SharedLog


def values(path) -> list:
    return SharedLog(path).read()[0]


def test_what_one_appends_the_other_reads_once(tmp_path):
    one, other = SharedLog(tmp_path / "log"), SharedLog(tmp_path / "log")
    one.append([1, "a"])
    assert other.read() == ([[1, "a"]], False)
    one.append([2, "\n"])
    assert other.read() == ([[2, "\n"]], False)
    assert other.read() == ([], False)


def test_rewritten_file_is_read_anew(tmp_path):
    one, other = SharedLog(tmp_path / "log"), SharedLog(tmp_path / "log")
    for number in range(5):
        one.append(number)
    other.read()
    one.rewrite([3, 4])
    one.append(5)
    assert other.read() == ([3, 4, 5], True)


@pytest.mark.parametrize("cut", range(1, 16))
def test_line_cut_short_by_a_kill_is_left_out_and_the_next_one_whole(tmp_path, cut):
    path = tmp_path / "log"
    log = SharedLog(path)
    log.append("first")
    log.append("second")
    os.truncate(path, path.stat().st_size - cut)
    SharedLog(path).append("third")
    assert values(path) == ["first", "third"]


@pytest.mark.parametrize("written", range(0, 60, 7))
def test_rewriting_cut_short_by_a_kill_loses_no_value(tmp_path, written):
    path = tmp_path / "log"
    log = SharedLog(path)
    for number in range(20):
        log.append({"number": number})
    old = path.read_bytes()
    log.rewrite([{"number": number} for number in (18, 19)])
    new = path.read_bytes()
    path.write_bytes(new[:written] + old[len(new[:written]) :])
    found = values(path)
    assert {"number": 18} in found
    assert {"number": 19} in found
    assert all(set(value) == {"number"} for value in found)


def test_bytes_that_are_no_line_of_ours_do_no_harm(tmp_path):
    path = tmp_path / "log"
    path.write_bytes(b"\xff\x00garbage\n00000000 {}\n\n")
    SharedLog(path).append(1)
    assert values(path) == [1]


HOLDER = """
import sys, time
from pathlib import Path
from garner.http.shared_log import SharedLog

with SharedLog(Path(sys.argv[1])).locked():
    print("held", flush=True)
    time.sleep(60)
"""


def test_lock_of_a_killed_process_is_free_at_once(tmp_path, root):
    environment = os.environ | {"PYTHONPATH": str(root / "scripts")}
    command = [sys.executable, "-c", HOLDER, str(tmp_path / "log")]
    holder = subprocess.Popen(command, stdout=subprocess.PIPE, env=environment)
    holder.stdout.readline()
    holder.kill()
    holder.wait()
    with SharedLog(tmp_path / "log").locked():
        pass


def test_full_disk_is_named(tmp_path, monkeypatch):
    log = SharedLog(tmp_path / "log")
    monkeypatch.setattr(os, "pwrite", lambda *_: 3)
    with pytest.raises(DiskFullError, match="log"), log.locked():
        log.append("more than three bytes")


def test_without_a_path_nobody_else_sees_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    log = SharedLog(None)
    log.append(1)
    assert (log.read(), SharedLog(None).read()) == (([1], False), ([], False))
    assert list(tmp_path.iterdir()) == []
