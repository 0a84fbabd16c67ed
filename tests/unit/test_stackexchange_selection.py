import pytest
from stackexchange_study import study

from garner.errors import ConfigError, InputError
from garner.sources.stackexchange_selection import read_list, read_selection


def test_days_are_midnights_of_utc_and_the_last_one_is_left_out():
    chosen = read_selection(study(from_date="2020-01-01", to_date="2020-01-02"))
    assert (chosen.begin, chosen.end) == (1577836800, 1577836800 + 86400)
    for created, inside in [(-1, False), (0, True), (86399, True), (86400, False)]:
        assert ({"id": 1, "created": 1577836800 + created} in chosen) is inside


def test_all_is_chosen_by_default_but_for_what_is_excluded():
    chosen = read_selection(study(exclude=["7", "https://scifi.stackexchange.com/questions/8/why"]))
    assert [number for number in range(10) if {"id": number, "created": 0} not in chosen] == [7, 8]


@pytest.mark.parametrize(("begin", "end"), [("2020-01-02", "2020-01-02"), ("2020-01-03", "2020-01-02")])
def test_days_that_leave_no_time_are_refused(begin, end):
    with pytest.raises(ConfigError, match=r"scrape\.from_date .* scrape\.to_date"):
        read_selection(study(from_date=begin, to_date=end))


@pytest.mark.parametrize("key", ["from_date", "to_date"])
def test_what_is_no_day_is_refused(key):
    with pytest.raises(ConfigError, match=rf"{key} is '2020-13-01'. Expected a day as YYYY-MM-DD"):
        read_selection(study(**{key: "2020-13-01"}))


def test_exclusion_of_what_is_no_question_is_refused():
    with pytest.raises(ConfigError, match=r"exclude names 'somebody'"):
        read_selection(study(exclude=["somebody"]))


def test_list_takes_ids_and_addresses_comments_and_doubles(tmp_path):
    path = tmp_path / "list.txt"
    path.write_text(
        "\ufeff# of last year\n\n7 # twice\nhttps://scifi.stackexchange.com/questions/9/why#comment1\n7\n5\n",
        encoding="utf-8",
    )
    assert read_list(path, "scifi") == [7, 9, 5]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("7\nhttps://crypto.stackexchange.com/q/7\n", r"line 2 is 'https://crypto.*question of scifi"),
        ("# nothing\n", "names no question"),
        ("7\x00", "line 1"),
    ],
)
def test_list_that_cannot_be_used_is_refused_by_its_line(tmp_path, text, why):
    path = tmp_path / "list.txt"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=why):
        read_list(path, "scifi")


def test_missing_list_is_named(tmp_path):
    with pytest.raises(InputError, match=r"absent, the setting scrape\.questions_file"):
        read_list(tmp_path / "absent", "scifi")
