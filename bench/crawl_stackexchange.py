"""Requests that go out for the same 30,000 questions with their bodies and tags, on the replica of the API.

The questions are docstrings of the installed packages, 3,000 of them under ten ids each, one in twenty asked
within the second of another. StackAPI (PyPI) asks once a question, as scripts over a list of questions do,
and in bulk, by pages; perceval (PyPI) is GrimoireLab's fetcher, by pages in the order of activity. Ours asks
for what follows the last question instead of for the next page, and sees again whatever shares its second:
this costs one request in a hundred. What it buys is measured, too: a question that was fetched already is
deleted after each request, and some of the others are then never shown by pages with numbers; and without an
application's key, pages end with the 25th, and the day with 300 requests. StackAPI gives nothing back where
a page is refused.
"""

import json
import sys
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.harness import BenchmarkError, Goal, Measure, Values, peer_python, run_script
from garner.sources.stackexchange_questions import host_of
from replica import Replica, docstrings, questions
from replica.exchange import Request
from replica.stackexchange import StackExchange

TITLE = "requests for the questions of a Stack Exchange site"
SITE = "stackoverflow"
KEY = "benchmark"
QUESTIONS = 30_000
DISTINCT = 3_000
MOST_REQUESTS = 305
PEERS = {
    "stackapi_single": "StackAPI, one call a question",
    "stackapi_bulk": "StackAPI, bulk",
    "perceval": "perceval",
}


def measure(count: int = QUESTIONS) -> list[Measure]:
    rows = docstrings.build(min(count, DISTINCT))
    items = questions.items(
        ({**rows[number % len(rows)], "question_id": number + 1} for number in range(count)), host_of(SITE)
    )
    by_pages = ["ours", "stackapi_bulk", "perceval"]
    with TemporaryDirectory(prefix="garner-bench-") as folder:
        run = partial(run_side, items, Path(folder))
        calm = {side: run(side) for side in ("ours", *PEERS)}
        lively = {side: run(side, lively=True) for side in by_pages}
        without = {side: run(side, key="") for side in by_pages}
    for side, values in calm.items():
        if values["questions"] != count:
            raise BenchmarkError(f"{side} brought {values['questions']} questions of {count}.")
    name = f"requests for {count:,} questions"
    return [
        *compared(name, "requests", "requests", calm, Goal("≤", MOST_REQUESTS)),
        *compared("questions never seen while others go", "questions", "missed", lively, Goal("≤", 0)),
        *compared("questions of a day without a key", "questions", "questions", without),
    ]


def compared(
    name: str, unit: str, value: str, sides: dict[str, Values], goal: Goal | None = None
) -> list[Measure]:
    """A measure for each peer; the goal stands with the first."""
    ours, peers = sides["ours"][value], [side for side in sides if side != "ours"]
    return [
        Measure(name, unit, ours, sides[side][value], PEERS[side], goal if side == peers[0] else None)
        for side in peers
    ]


def filters_of_peers(item: dict) -> dict[str, list[str]]:
    """The filters that StackAPI (for the sites that it looks up) and perceval have made for themselves."""
    return {
        "!*L1*AY-85YllAr2)": ["name", "api_site_parameter"],
        "Bf*y*ByQD_upZqozgU6lXL_62USGOoV3)MFNgiHqHpmO_Y-jHR": [*item, ".total", ".page_size"],
    }


def run_side(items: list[dict], folder: Path, side: str, key: str = KEY, lively: bool = False) -> Values:
    """The different questions that a side brings, the requests that it sends for them, and the questions that
    it misses. Where it is `lively`, each request but the first finds one of those that came before gone."""
    filters = filters_of_peers(items[0])
    api = StackExchange(items, site=SITE, keys=[KEY], key_quota=10 * QUESTIONS, filters=filters)
    order = "last_activity_date" if side == "perceval" else "creation_date"
    # The first two requests may be for the site, and for the page that holds the first ones to go.
    going = iter([None, None, *sorted(items, key=lambda item: item[order])] if lively else ())

    def delete_one(request: Request) -> None:
        if (item := next(going, None)) is not None:
            api.delete(str(item["question_id"]))

    listed = folder / "ids.json"
    listed.write_text(json.dumps([item["question_id"] for item in items]))
    python = sys.executable if side == "ours" else peer_python()
    print(f"{side}, {'with' if key else 'without'} a key{', lively' if lively else ''}", file=sys.stderr)
    with Replica(apis=[api], intercept=delete_one) as replica:
        values = run_script(python, "crawl_stackexchange_sides.py", side, replica.url, str(listed), key)
        return values | {"requests": len(replica.requests), "missed": len(items) - values["questions"]}
