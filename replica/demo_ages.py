"""The demo of `ages`: people and captions that are made up, so that it proves the machinery alone."""

from collections.abc import Iterator
from pathlib import Path

from replica import Replica
from replica.demo_study import DemoStudy, beside_baseline, packaged_encoder
from replica.instagram import Instagram, write_lists
from replica.instagram_people import invent

PEOPLE = 600
POSTS = 12  # of each, about
LEAN = 0.2  # of their words on their age, so that no model can be right about all of them


class Ages(DemoStudy):
    def __init__(self, folder: Path):
        self._folder = folder / "people"
        self._people = invent(PEOPLE, POSTS, lean=LEAN)
        write_lists(self._folder, self._people)

    def settings(self, url: str) -> dict:
        return {
            "scrape": {"api": url, "users_file": str(self._folder / "users.txt"), "posts_per_user": POSTS},
            "sort": {"labels_file": str(self._folder / "ages.csv")},
            "dictionary": {"encoder": packaged_encoder()},
            "serialize": {"tokens": 32},
        }

    def run_settings(self) -> dict:
        return {"ratelimit": {"instagram": []}}  # the replica may be asked as fast as it answers

    def replica(self, port: int) -> Replica:
        return Replica(port=port, apis=[Instagram(self._people)])

    def scores(self, results: Path) -> Iterator[str]:
        yield "The people and their captions are made up, by rules that let words lean on age: these scores"
        yield "show that the chain works, and say nothing about people. On users never trained on:"
        names = {
            "accuracy": ("accuracy",),
            "balanced accuracy": ("balanced_accuracy",),
            "area under the ROC": ("roc_auc",),
        }
        yield from beside_baseline(results, names)
