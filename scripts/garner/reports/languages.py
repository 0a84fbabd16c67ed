"""The report on source files: figures and a table of what the other stages left."""

from collections import Counter
from itertools import chain
from pathlib import Path

from garner.files import read_parquet, write_text
from garner.reports import figures, plots_languages
from garner.reports.common import read_history, table, with_keys
from garner.reports.plots import learning_curves

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
    metrics = with_keys(inputs["metrics"], "confusion", "classes")
    languages = with_keys(inputs["drops"], "languages")["languages"]
    groups = {row["group"] for row in read_parquet(inputs["test"], columns=["group"])}
    history = read_history(inputs["history"])
    users, kept = _crawl(inputs["users"], inputs["repositories"])
    figures.save(plots_languages.confusion(metrics, len(groups)), outputs["confusion"])
    figures.save(learning_curves(*history), outputs["learning_curves"])
    figures.save(plots_languages.files(languages, _reasons(languages)), outputs["files"])
    figures.save(plots_languages.crawl(users, kept), outputs["crawl"])
    write_text(outputs["per_language"], _per_language(languages, metrics["classes"]))


def _reasons(languages: dict[str, dict]) -> list[str]:
    found = set(chain.from_iterable(entry["drops"] for entry in languages.values()))
    return REASONS + sorted(found - set(REASONS))


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
    rows = ({"language": name} | languages[name] | classes.get(name, {}) for name in sorted(languages))
    return table(TABLE, rows)
