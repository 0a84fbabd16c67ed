import json
from itertools import count

import pytest
import zstandard

from garner import crawl
from garner.crawl import Journal, walk
from garner.errors import ConfigError, DiskFullError, InputError, Interrupted

API = "https://api.example.org"


def journal(folder) -> Journal:
    return Journal(folder, API)


def kept(folder) -> list[int]:
    return [record["n"] for record in journal(folder)]


def append(to: Journal, *numbers: int) -> None:
    to.append([{"n": number} for number in numbers])


def test_journal_gives_back_what_was_appended_in_order_across_parts(tmp_path):
    one = journal(tmp_path)
    append(one, 1, 2)
    one.seal()
    append(one, 3)
    one.seal()
    append(one, 4)
    assert kept(tmp_path) == [1, 2, 3, 4]
    assert [path.name for path in sorted(tmp_path.iterdir())] == [
        "open.jsonl",
        "part-000001.jsonl.zst",
        "part-000002.jsonl.zst",
    ]


def test_part_is_plain_zstd_of_json_lines(tmp_path):
    one = journal(tmp_path)
    append(one, 1, 2)
    one.seal()
    with zstandard.open(tmp_path / "part-000001.jsonl.zst", "rt") as file:
        assert [json.loads(line) for line in file] == [{"journal": 1, "api": API}, {"n": 1}, {"n": 2}]


def test_grown_journal_seals_itself(tmp_path, monkeypatch):
    monkeypatch.setattr(crawl, "PART_BYTES", 200)
    one = journal(tmp_path)
    for number in range(100):
        append(one, number)
    assert len(list(tmp_path.glob("part-*"))) > 3
    assert kept(tmp_path) == list(range(100))


def test_write_cut_short_at_any_byte_costs_only_what_was_being_written(tmp_path):
    append(journal(tmp_path), 1, 2)
    path = tmp_path / "open.jsonl"
    before = len(path.read_bytes())
    append(journal(tmp_path), 3, 4)
    whole = path.read_bytes()
    for cut in range(len(whole)):
        path.write_bytes(whole[:cut])
        found = kept(tmp_path)
        assert found == [1, 2, 3, 4][: len(found)]
        assert len(found) >= (2 if cut >= before else 0)
        append(journal(tmp_path), 5)
        assert kept(tmp_path) == [*found, 5]
        path.unlink()


def test_death_between_sealing_and_clearing_away_doubles_nothing(tmp_path):
    one = journal(tmp_path)
    append(one, 1, 2)
    unsealed = (tmp_path / "open.jsonl").read_bytes()
    one.seal()
    (tmp_path / "open.jsonl").write_bytes(unsealed)
    assert kept(tmp_path) == [1, 2]


def test_death_while_sealing_loses_nothing(tmp_path):
    append(journal(tmp_path), 1, 2)
    (tmp_path / "part-000001.jsonl.zst.part").write_bytes(b"half")
    one = journal(tmp_path)
    one.seal()
    assert kept(tmp_path) == [1, 2]


@pytest.mark.parametrize(
    "damage", [lambda data: data[:-5], lambda data: data[:20] + b"\0\0\0" + data[23:], lambda _: b""]
)
def test_damaged_part_is_refused_by_name(tmp_path, damage):
    one = journal(tmp_path)
    append(one, *range(50))
    one.seal()
    part = tmp_path / "part-000001.jsonl.zst"
    part.write_bytes(damage(part.read_bytes()))
    with pytest.raises(InputError, match=r"part-000001\.jsonl\.zst is damaged"):
        kept(tmp_path)


def test_missing_part_is_refused_by_name(tmp_path):
    one = journal(tmp_path)
    for number in range(3):
        append(one, number)
        one.seal()
    (tmp_path / "part-000002.jsonl.zst").unlink()
    with pytest.raises(InputError, match=r"part-000002\.jsonl\.zst is missing"):
        kept(tmp_path)


def test_journal_of_another_api_is_refused_with_the_cure(tmp_path):
    folder = tmp_path / "languages" / "scrape"
    append(journal(folder), 1)
    with pytest.raises(ConfigError, match="make reset STUDY=languages STAGE=scrape") as error:
        list(Journal(folder, "https://other.example.org"))
    assert API in str(error.value)
    assert "https://other.example.org" in str(error.value)


def test_full_disk_is_named_and_what_was_kept_stays(tmp_path, monkeypatch):
    one = journal(tmp_path)
    append(one, 1)

    def no_room(_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("os.fsync", no_room)
        with pytest.raises(DiskFullError, match=r"open\.jsonl"):
            append(one, 2)
        with pytest.raises(DiskFullError, match="part-000001"):
            one.seal()
    assert kept(tmp_path)[0] == 1
    assert not list(tmp_path.glob("*.part"))


class Countdown:
    """A frontier of `total` items, each known with one record."""

    def __init__(self, total: int):
        self.total = self.known = total
        self.done = 0

    @property
    def finished(self) -> bool:
        return self.done == self.total

    def open_pages(self):
        return iter(range(self.done, self.total))

    def learn(self, record: dict) -> None:
        assert record["n"] == self.done
        self.done += 1


def test_walk_keeps_what_a_request_taught_before_it_sends_the_next(tmp_path):
    one = journal(tmp_path)
    seen = []

    def fetch(pages):
        seen.append(kept(tmp_path))
        return [{"n": next(pages)}]

    walk(Countdown(3), fetch, one, "items", lambda: "")
    assert seen == [[], [0], [0, 1]]
    assert [path.name for path in tmp_path.iterdir()] == ["part-000001.jsonl.zst"]


def test_walk_that_is_asked_to_stop_has_kept_everything(tmp_path, monkeypatch):
    calls = count()
    monkeypatch.setattr(crawl, "stop_requested", lambda: next(calls) == 2)
    with pytest.raises(Interrupted, match="same command again"):
        walk(Countdown(9), lambda pages: [{"n": next(pages)}], journal(tmp_path), "items", lambda: "")
    assert kept(tmp_path) == [0, 1]


def test_place_of_a_record_leads_to_what_was_appended_after_it_across_parts(tmp_path):
    one = journal(tmp_path)
    assert one.place is None
    places = []
    for number in range(9):
        append(one, number)
        places.append(one.place)
        if number in (3, 6):
            one.seal()
    for reopened in (one, journal(tmp_path)):
        assert reopened.place == places[-1]
        entries = list(reopened.after(None))
        assert [entry.place for entry in entries] == places
        for number, place in enumerate(places):
            assert [entry.record["n"] for entry in reopened.after(place)] == list(range(number + 1, 9))


def test_place_of_another_journal_or_beyond_the_end_is_refused(tmp_path):
    one, other = journal(tmp_path / "one"), journal(tmp_path / "other")
    append(one, 1, 2, 3)
    append(other, 1, 7)
    with pytest.raises(LookupError):
        other.after(one.place)
    with pytest.raises(LookupError):
        one.after(other.place)
    append(other, 3)
    other.seal()
    append(other, 4)
    with pytest.raises(LookupError):
        one.after(other.place)


def test_death_before_the_first_record_of_a_part_leaves_the_place_of_the_last_one(tmp_path):
    one = journal(tmp_path)
    append(one, 1, 2)
    one.seal()
    place = one.place
    (tmp_path / "open.jsonl").write_bytes(json.dumps({"journal": 1, "api": API}).encode() + b"\n")
    assert journal(tmp_path).place == place
    assert kept(tmp_path) == [1, 2]
