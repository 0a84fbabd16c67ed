import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
from loopback import Clock

from garner.http.dialect import Standing
from garner.http.pacing import Clocks, Window, read_window

SEED_LIMITS = [Window(1, 30), Window(60, 3600)]
WEEK = 7 * 86400.0


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / "clocks" / "api.log"


def wait(clocks: Clocks, key: str = "a") -> float:
    return clocks.take_slot([key], "core").wait


def exceeded(times: list[float], window: Window) -> list[tuple[float, float]]:
    """Where more requests came within a window than it allows."""
    times = sorted(times)
    ahead = zip(times, times[window.requests :], strict=False)
    return [(first, last) for first, last in ahead if last - first < window.seconds - 1e-6]


@pytest.mark.parametrize("text", ["60", "60/h", "0/1s", "1/0s", "1/1m", "-1/1s", "1.5/1s", "a/1s", "1/1s "])
def test_what_is_no_window_is_refused(text):
    with pytest.raises(ValueError, match="no rate window"):
        read_window(text)


@pytest.mark.parametrize(
    ("machines", "seconds"),
    [(("one", "one"), WEEK), (("one", "other"), WEEK / 7)],
    ids=["one machine", "two"],
)
def test_over_a_week_two_clients_exceed_no_window_and_use_nearly_all_of_it(clock, path, machines, seconds):
    """The requests of both arrive some time after they were sent, as the network has it."""
    clients = [Clocks(path, SEED_LIMITS, clock, machine) for machine in machines]
    network = random.Random(1)
    begin, arrived = clock.now, []
    free_at = dict.fromkeys(clients, clock.now)
    while (client := min(clients, key=free_at.get)) and free_at[client] < begin + seconds:
        clock.now = max(clock.now, free_at[client])
        slot = client.take_slot(["token"], "core")
        if slot.wait > 0:
            free_at[client] = clock.now + slot.wait
            continue
        took = network.uniform(0.05, 2)
        arrived.append(clock.now + network.uniform(0, took))
        clock.now += took
        client.settle(slot, "core")
        free_at[client] = clock.now
    for window in SEED_LIMITS:
        assert exceeded(arrived, window) == []
    assert len(arrived) >= 0.99 * 60 * seconds / 3600


@pytest.mark.parametrize("window", [Window(25, 1), Window(10_000, 86400)])
def test_each_window_is_used_up_to_the_last_request(clock, window):
    clocks = Clocks(None, [window], clock)
    taken = sum(wait(clocks) <= 0 for _ in range(min(window.requests, 300)))
    assert taken == min(window.requests, 300)
    if taken == window.requests:
        assert wait(clocks) == pytest.approx(window.seconds)
        clock.now += window.seconds
        assert wait(clocks) <= 0


WORKER = """
import sys, time
from pathlib import Path
from garner.http.pacing import Clocks, Window

clocks = Clocks(Path(sys.argv[1]), [Window(10, 0.5)])
for _ in range(30):
    while (slot := clocks.take_slot(["token"], "core")).wait > 0:
        time.sleep(slot.wait)
    print(time.monotonic(), flush=True)
    clocks.settle(slot, "core")
"""


def test_two_processes_together_exceed_no_window(path, root):
    environment = os.environ | {"PYTHONPATH": str(root / "scripts")}
    command = [sys.executable, "-c", WORKER, str(path)]
    workers = [subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) for _ in range(2)]
    times = [float(line) for worker in workers for line in worker.communicate(timeout=60)[0].split()]
    assert len(times) == 60
    assert exceeded(times, Window(10, 0.49)) == [], "but for the time from a turn to its line"


def test_killed_process_leaves_a_file_that_the_next_one_goes_on_from(path, root):
    environment = os.environ | {"PYTHONPATH": str(root / "scripts")}
    for _ in range(5):
        worker = subprocess.Popen(
            [sys.executable, "-c", WORKER, str(path)], stdout=subprocess.PIPE, env=environment
        )
        worker.stdout.readline()
        time.sleep(0.02)
        worker.kill()
        worker.communicate()
    clocks = Clocks(path, [Window(10, 3600)])
    assert wait(clocks, "token") > 3500, "its requests count"


# Jumps of the wall clock


@pytest.mark.parametrize("jump", [-7200, -1, 1, 7200, 30 * 86400])
def test_jump_of_the_wall_clock_changes_no_wait(clock, path, jump):
    clocks = Clocks(path, [Window(1, 3600)], clock)
    assert wait(clocks) <= 0
    clock.now += 600
    clock.jumped += jump
    assert wait(clocks) == pytest.approx(3000)
    assert wait(Clocks(path, [Window(1, 3600)], clock)) == pytest.approx(3000), "nor after a restart"


def test_after_a_reboot_the_wall_clock_counts(clock, path):
    wait(Clocks(path, [Window(1, 3600)], clock, boot="one"))
    clock.now += 600
    assert wait(Clocks(path, [Window(1, 3600)], clock, boot="two")) == pytest.approx(3000)


def test_clock_set_back_before_a_reboot_costs_one_window_and_no_more(clock, path):
    wait(Clocks(path, [Window(1, 3600)], clock, boot="one"))
    clock.jumped -= 10 * 86400
    clocks = Clocks(path, [Window(1, 3600)], clock, boot="two")
    assert wait(clocks) == pytest.approx(3600)
    clock.now += 3600
    assert wait(clocks) <= 0


def test_another_machine_whose_clock_jumps_forward_amid_its_work_does_not_hurry(clock, path):
    """Its wall clock counts for what others sent, in the reading that makes this younger."""
    other = Clocks(path, [Window(1, 3600)], clock, boot="other")
    assert wait(Clocks(path, [Window(1, 3600)], clock, boot="one")) <= 0
    clock.jumped += 86400
    assert wait(other) == pytest.approx(3600)


def test_jump_while_a_quota_is_used_up_changes_nothing(clock, path):
    clocks = Clocks(path, [], clock)
    clocks.rest("a", "core", 600)
    clock.jumped += 86400
    assert wait(clocks) == pytest.approx(600)


# Quotas and pauses


def settle(clocks: Clocks, key: str, *standing: float | None, resource: str = "core") -> None:
    clocks.settle(clocks.take_slot([key], resource), resource, Standing(*standing))


def test_key_with_most_quota_has_its_turn_and_an_unknown_one_first(clock):
    clocks = Clocks(None, [], clock)
    settle(clocks, "a", 10, 60, 100)
    assert clocks.take_slot(["a", "b"], "core").key == "b"
    settle(clocks, "b", 20, 60, 100)
    assert clocks.take_slot(["a", "b"], "core").key == "b"
    assert clocks.take_slot(["a", "b"], "core", prefer="a").key == "a"
    assert clocks.take_slot(["a", "b"], "graphql").key == "a", "each resource has a quota of its own"


def test_of_used_up_keys_the_one_renewed_first_has_its_turn_and_is_full_then(clock):
    clocks = Clocks(None, [], clock)
    settle(clocks, "a", 0, 60, 100)
    settle(clocks, "b", 0, 80, 70)
    slot = clocks.take_slot(["a", "b"], "core", prefer="a")
    assert (slot.key, slot.wait, slot.why) == ("b", pytest.approx(70), "quota")
    clock.now += 70
    assert clocks.take_slot(["a", "b"], "core").wait <= 0
    assert clocks.quota("b", "core").remaining == 80


def test_key_whose_window_is_full_makes_place_for_another(clock):
    clocks = Clocks(None, [Window(1, 30)], clock)
    turns = [clocks.take_slot(["a", "b"], "core") for _ in range(3)]
    assert [slot.key for slot in turns[:2]] == ["a", "b"]
    assert (turns[2].wait, turns[2].why) == (pytest.approx(30), "ratelimit")


def test_quota_of_zero_is_asked_about_again_once_it_would_be_renewed(clock):
    clocks = Clocks(None, [], clock)
    settle(clocks, "a", 0, 0, 100)
    clock.now += 99
    assert wait(clocks) == pytest.approx(1)
    clock.now += 1
    assert wait(clocks) <= 0


def test_pause_holds_for_all_keys_and_a_shorter_one_does_not_end_it(clock, path):
    clocks = Clocks(path, [], clock)
    clocks.pause(100)
    clocks.pause(5)
    slot = Clocks(path, [], clock).take_slot(["a", "b"], "core")
    assert (slot.wait, slot.why) == (pytest.approx(100), "pause")


def test_what_one_job_learns_of_a_quota_the_other_knows(clock, path):
    one, other = (Clocks(path, [], clock) for _ in range(2))
    settle(one, "a", 7, 60, 100)
    other.take_slot(["a"], "core")
    assert other.quota("a", "core") == Standing(7, 60, pytest.approx(100))


# The file


def test_file_stays_small_and_nothing_that_counts_is_lost(clock, path):
    clocks = Clocks(path, [Window(5, 60)], clock)
    for _ in range(2000):
        slot = clocks.take_slot(["a"], "core")
        clock.now += max(slot.wait, 0)
        if slot.wait <= 0:
            clocks.settle(slot, "core", Standing(3, 5, 60))
    assert path.stat().st_size < 50_000
    assert Clocks(path, [Window(5, 60)], clock).quota("a", "core").remaining == 3
    sent = [line for line in path.read_text().splitlines() if '"sent"' in line]
    assert json.loads(sent[-1][9:])[0][1] == "a"
