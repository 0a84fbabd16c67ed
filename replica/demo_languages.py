"""The demo of `languages`: source code of installed and pinned packages, as repositories."""

import json
from collections.abc import Iterator
from pathlib import Path

import yaml

from garner.configuration import checked
from garner.settings_file import holds_settings
from replica import Replica
from replica.corpus import build
from replica.demo_study import DemoStudy, share


class Languages(DemoStudy):
    def __init__(self, folder: Path):
        self._repositories = folder / "repositories"
        self._names = build(self._repositories, sources=further_sources())

    def settings(self, url: str) -> dict:
        seed = min(name.split("/")[0] for name in self._names)
        return {"scrape": {"api": url, "seeds": [seed]}, "clone": {"batches": 4}}

    def replica(self, port: int) -> Replica:
        return Replica(self._repositories, port=port)

    def scores(self, results: Path) -> Iterator[str]:
        metrics = json.loads((results / "predict/test/metrics.json").read_text())
        labels = json.loads((results / "sort/labels.json").read_text())
        by_chance = 1 / len(metrics["classes"])
        yield f"Balanced accuracy on repositories never trained on: {metrics['balanced_accuracy']:.1%}"
        yield f"({metrics['samples']:,} files, int8 model, {by_chance:.1%} by chance)"
        yield ""
        yield from per_language(metrics["classes"], labels["left_out"])

    def next_steps(self, results: Path) -> list[str]:
        return [f"snakemake predict --cores 1 --config studies={results.name} input=scripts"]


def further_sources() -> list[Path]:
    """The folders of sources that config.yaml names in `run.demo_sources`; ConfigError for any mistake."""
    holds_settings("config.yaml")
    given = yaml.safe_load(Path("config.yaml").read_text(encoding="utf-8"))
    config = checked(given, Path("rules", "config.schema.yaml"))
    return [Path(folder).expanduser() for folder in config["run"]["demo_sources"]]


def per_language(classes: dict[str, dict], left_out: dict[str, str]) -> Iterator[str]:
    yield f"  {'language':14}{'files':>7}{'precision':>11}{'recall':>8}{'F1':>8}"
    for name, row in classes.items():
        precision, recall, f1 = (share(row[key]) for key in ("precision", "recall", "f1"))
        yield f"  {name:14}{row['support']:7,}{precision:>11}{recall:>8}{f1:>8}"
    for name, why in left_out.items():
        yield f"  {name:14}left out: {why}"
