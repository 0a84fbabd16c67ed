"""What the reports of all kinds of studies read and write alike."""

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path

from garner.errors import InputError
from garner.files import read_json
from garner.logs import log
from garner.reports import figures, plots

PARTS = ("train", "validation", "test")
SCORE = "validation_"  # begins the name of its column in history.csv


def with_keys(path: Path, *keys: str) -> dict:
    """The object in the JSON file `path`; InputError where it is missing or lacks one of the keys."""
    value = read_json(path)
    if not isinstance(value, dict) or not value.keys() >= set(keys):
        raise InputError(f"{path} lacks {' or '.join(keys)}. Delete it and run the same command again.")
    return value


def read_history(path: Path) -> tuple[dict[str, list[float]], list[float], str]:
    """Losses by name, those switched off left out; the score on the validation part; the score's name.

    A value an epoch. Raises InputError where there is no epoch.
    """
    try:
        with open(path, encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
    except FileNotFoundError:
        raise InputError(f"{path} is not there.") from None
    score = next((name for name in (rows[0] if rows else ()) if name.startswith(SCORE)), None)
    if score is None:
        raise InputError(f"{path} has no epoch with a score. Delete it and run the same command again.")
    names = [name for name in rows[0] if name not in ("epoch", "learning_rate", score) and rows[0][name]]
    losses = {name.replace("_", " "): [float(row[name]) for row in rows] for name in names}
    if len(losses) > 1:
        losses = {"weighted sum": losses.pop("loss")} | losses
    return (
        losses,
        [float(row[score]) for row in rows],
        score.removeprefix(SCORE).replace("_f1", "-F1").replace("_", " "),
    )


def save_comparison(
    encoder: dict[str, float | None], linear: dict[str, float | None], samples: str, path: Path
) -> None:
    """Seal the figure of both models' scores by name, and warn in the log where the linear model is as good.

    Scores that one of them has not are left out. `samples`: how many of what they were measured on.
    """
    measures = {
        name: (value, linear[name])
        for name, value in encoder.items()
        if value is not None and linear[name] is not None
    }
    figures.save(plots.comparison(measures, samples), path)
    if not plots.encoder_wins(measures):
        log.warning("report: %s", plots.verdict(measures))


def table(columns: Sequence[str], rows: Iterable[dict]) -> str:
    """CSV with four decimals and empty cells for what is missing or None."""
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, extrasaction="ignore", restval="", lineterminator="\n")
    writer.writeheader()
    for row in rows:
        rounded = {key: round(value, 4) if isinstance(value, float) else value for key, value in row.items()}
        writer.writerow(rounded)
    return text.getvalue()
