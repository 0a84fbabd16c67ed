"""The stage report: figures and a table of what the other stages left."""

import csv
import io
from collections import Counter
from itertools import chain
from pathlib import Path

from garner import plots
from garner.errors import InputError
from garner.files import read_json, read_parquet, write_text

# In the order in which sort checks them; some names give generated and minified files away before.
REASONS = """excluded vendored tiny huge binary undecodable generated minified data duplicate near_duplicate
    repository_cap left_out balance""".split()  # noqa: SIM905 (a list of words reads best as words)
TABLE = ("language", "repositories", "found", "kept", "train", "validation", "test",
         "precision", "recall", "f1", "support")  # fmt: skip


def write_report(inputs: dict[str, Path], outputs: dict[str, Path]) -> None:
    """Write the figures (SVG) and tables (CSV) named in `outputs`.

    `inputs`: "users" and "repositories" (scrape), "drops" and "test" (sort), "history" (train), "metrics" (of
    predict, over the test part). Raises InputError where one is missing or damaged.
    """
    metrics = _with_keys(inputs["metrics"], "confusion", "classes")
    languages = _with_keys(inputs["drops"], "languages")["languages"]
    groups = {row["group"] for row in read_parquet(inputs["test"], columns=["group"])}
    losses, scores = _history(inputs["history"])
    users, kept = _crawl(inputs["users"], inputs["repositories"])
    plots.save(plots.confusion(metrics, len(groups)), outputs["confusion"])
    plots.save(plots.learning_curves(losses, scores), outputs["learning_curves"])
    plots.save(plots.files(languages, _reasons(languages)), outputs["files"])
    plots.save(plots.crawl(users, kept), outputs["crawl"])
    write_text(outputs["per_language"], _per_language(languages, metrics["classes"]))


def _with_keys(path: Path, *keys: str) -> dict:
    value = read_json(path)
    if not isinstance(value, dict) or not value.keys() >= set(keys):
        raise InputError(f"{path} lacks {' or '.join(keys)}. Delete it and run the same command again.")
    return value


def _reasons(languages: dict[str, dict]) -> list[str]:
    found = set(chain.from_iterable(entry["drops"] for entry in languages.values()))
    return REASONS + sorted(found - set(REASONS))


def _history(path: Path) -> tuple[dict[str, list[float]], list[float]]:
    """Losses by name, those switched off left out, and the score on the validation part; a value an epoch."""
    try:
        with open(path, encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
    except FileNotFoundError:
        raise InputError(f"{path} is not there.") from None
    if not rows or "validation_balanced_accuracy" not in rows[0]:
        raise InputError(f"{path} has no epoch with a score. Delete it and run the same command again.")
    names = [
        name for name in rows[0] if name not in ("epoch", "learning_rate", "validation_balanced_accuracy")
    ]
    losses = {
        "weighted sum" if name == "loss" else name.replace("_", " "): [float(row[name]) for row in rows]
        for name in names
        if rows[0][name]
    }
    return losses, [float(row["validation_balanced_accuracy"]) for row in rows]


def _crawl(users: Path, repositories: Path) -> tuple[list[dict], list[int]]:
    """Users in breadth-first order, and how many repositories of each pass the filters."""
    rows = sorted(
        read_parquet(users, columns=["order", "depth", "status", "repositories"]),
        key=lambda row: row["order"],
    )
    kept = Counter(row["order"] for row in read_parquet(repositories, columns=["order"]))
    return rows, [kept[row["order"]] for row in rows]


def _per_language(languages: dict[str, dict], classes: dict[str, dict]) -> str:
    """A row a language, with empty cells for what one that was left out has not."""
    text = io.StringIO()
    writer = csv.DictWriter(text, TABLE, extrasaction="ignore", restval="", lineterminator="\n")
    writer.writeheader()
    for name in sorted(languages):
        scores = {
            key: round(value, 4) if isinstance(value, float) else value
            for key, value in classes.get(name, {}).items()
        }
        writer.writerow({"language": name} | languages[name] | scores)
    return text.getvalue()
