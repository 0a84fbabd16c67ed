import subprocess
import sys

import pytest

from garner.errors import StateLockedError
from garner.snakemake_run import clear_stale_lock


@pytest.fixture
def locked(tmp_path):
    (tmp_path / ".snakemake" / "locks").mkdir(parents=True)
    (tmp_path / ".snakemake" / "locks" / "0.output.lock").write_text("results/x\n")
    return tmp_path


def test_a_lock_whose_owner_is_dead_is_cleared_and_said(locked):
    said = []
    assert clear_stale_lock(locked, said.append)
    assert "killed" in said[0]
    assert not clear_stale_lock(locked, said.append)


def test_a_lock_whose_owner_lives_is_left_and_the_owner_named(locked):
    (locked / "snakemake").write_text("import time\nprint(flush=True)\ntime.sleep(60)\n")
    with subprocess.Popen([sys.executable, "snakemake"], cwd=locked, stdout=subprocess.PIPE) as owner:
        owner.stdout.readline()
        with pytest.raises(StateLockedError, match=f"process {owner.pid}"):
            clear_stale_lock(locked)
        owner.kill()
    assert clear_stale_lock(locked, lambda line: None)
