import logging

import pytest

from garner.logs import Progress, duration, log, track


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (59.6, "1 min"),
        (45, "45 s"),
        (133, "2 min 13 s"),
        (11100, "3 h 5 min"),
        (187200, "2 d 4 h"),
    ],
)
def test_durations_are_in_words(seconds, words):
    assert duration(seconds) == words


def test_progress_tells_rate_and_time_left():
    now = [0.0]
    progress = Progress(100, "clone", "repositories", clock=lambda: now[0])
    now[0] = 10.0
    progress.advance(20, note="3 failed")
    assert progress.line() == "clone: 20 of 100 repositories, 2/s, 40 s left, 3 failed"


def test_progress_of_unknown_length_tells_no_time_left():
    progress = Progress(None, "scrape", "users", clock=iter([0.0, 1.0, 2.0]).__next__)
    progress.advance(4)
    assert progress.line() == "scrape: 4 users, 2/s"


def test_a_log_gets_lines_soon_then_one_a_minute_and_a_last_one(caplog):
    now = [0.0]
    log.propagate = True
    with (
        caplog.at_level(logging.INFO, "garner"),
        Progress(None, "x", "items", clock=lambda: now[0]) as progress,
    ):
        for _ in range(300):
            now[0] += 1
            progress.advance()
    assert [message.split()[1] for message in caplog.messages] == [
        "5",
        "15",
        "35",
        "75",
        "135",
        "195",
        "255",
        "300",
    ]
    assert caplog.messages[-1] == "x: 300 items, 1/s"


def test_track_yields_every_item():
    assert list(track([1, 2, 3], "count", "items")) == [1, 2, 3]
