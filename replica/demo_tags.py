"""The demo of `tags`: documentation of installed packages as questions, tagged with their modules' names."""

from collections.abc import Iterator
from pathlib import Path

from replica import Replica, docstrings, questions
from replica.demo_study import DemoStudy, beside_baseline, packaged_encoder
from replica.stackexchange import StackExchange

SITE = "docstrings.example.com"  # of the domain that is set apart for examples: no such site is there
QUESTIONS = 2000
LICENCE = "that of its package"


class Tags(DemoStudy):
    def __init__(self, folder: Path):
        self._questions = folder / "questions.parquet"
        if not self._questions.exists():  # a package that is installed later changes nothing
            docstrings.write(self._questions, QUESTIONS)

    def settings(self, url: str) -> dict:
        return {
            "scrape": {"api": f"{url}/2.3", "site": SITE},
            "sort": {"minimum_share": 0.01},
            "dictionary": {"encoder": packaged_encoder()},
            "serialize": {"tokens": 128},
            "train": {"preset": "frozen"},
        }

    def replica(self, port: int) -> Replica:
        items = [each | {"content_license": LICENCE} for each in questions.load(self._questions, SITE)]
        return Replica(port=port, apis=[StackExchange(items, site=SITE)])

    def scores(self, results: Path) -> Iterator[str]:
        yield "The questions are docstrings of installed packages, their tags the names of the modules."
        yield "On questions never trained on:"
        names = {
            "micro-F1": ("micro_f1",),
            "macro-F1": ("macro_f1",),
            "first tag right": ("precision_at", "1"),
        }
        yield from beside_baseline(results, names)
        yield ""
        yield "So that it takes minutes, only a head is trained, on an encoder that stays as it is. With"
        yield "`preset: best` in config.local.yaml the encoder learns, too: by far longer, unless on a GPU."

    def next_steps(self, results: Path) -> list[str]:
        return [f"make app STUDY={results.name}"]
