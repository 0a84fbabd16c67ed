"""The report on questions: whether the encoder is worth it, how each tag fares, and what came before."""

from collections import Counter
from pathlib import Path

from garner.files import read_parquet, write_text
from garner.reports import figures, plots
from garner.reports.common import PARTS, read_history, save_comparison, table, with_keys
from garner.reports.figures import counted
from garner.reports.plots_tags import f1_by_frequency

TABLE = ("tag", *PARTS, "precision", "recall", "f1", "baseline_f1")


def write_report(inputs: dict[str, Path], outputs: dict[str, Path]) -> None:
    """Write the figures (SVG) and the table (CSV) named in `outputs`.

    `inputs`: "train", "validation", "test" and "drops" (sort), "baseline", "history" (train), "metrics" (of
    predict, over the test part). Raises InputError where one is missing or damaged.
    """
    encoder = with_keys(inputs["metrics"], "micro_f1", "labels", "calibration", "precision_at")
    linear = with_keys(inputs["baseline"], "test")["test"]
    drops = with_keys(inputs["drops"], "found", "drops", *PARTS)
    history = read_history(inputs["history"])
    questions = {part: _questions(inputs[part]) for part in PARTS}
    samples = counted(encoder["samples"], "question")
    save_comparison(_scores(encoder), _scores(linear), samples, outputs["comparison"])
    figures.save(_f1_by_frequency(questions, encoder, linear), outputs["f1_by_frequency"])
    pairs = "pairs of question and tag"  # most of which have a probability near 0
    curves = plots.calibration(encoder["calibration"], linear["calibration"], pairs, first=1)
    figures.save(curves, outputs["calibration"])
    figures.save(plots.learning_curves(*history), outputs["learning_curves"])
    parts = {part: drops[part] for part in PARTS}
    figures.save(plots.kept(drops["found"], drops["drops"], parts, "question"), outputs["questions"])
    write_text(outputs["per_tag"], _per_tag(questions, encoder, linear))


def _questions(path: Path) -> Counter[str]:
    """How many of a part have each tag."""
    return Counter(tag for row in read_parquet(path, columns=["labels"]) for tag in row["labels"])


def _scores(metrics: dict) -> dict[str, float | None]:
    names = ("micro_f1", "macro_f1_frequent", "macro_f1", "sample_f1")
    labels = ("micro-F1", "macro-F1, tags with\n5 test questions or more", "macro-F1", "sample-F1")
    found = {label: metrics[name] for name, label in zip(names, labels, strict=True)}
    return found | {f"precision@{k}": value for k, value in sorted(metrics["precision_at"].items())}


def _f1_by_frequency(questions: dict[str, Counter[str]], encoder: dict, linear: dict):
    tags = [tag for tag, scores in encoder["labels"].items() if scores["support"]]
    f1 = ([metrics["labels"][tag]["f1"] for tag in tags] for metrics in (encoder, linear))
    return f1_by_frequency([max(1, questions["train"][tag]) for tag in tags], *f1)


def _per_tag(questions: dict[str, Counter[str]], encoder: dict, linear: dict) -> str:
    """A row a tag, the most frequent first."""
    rows = [
        scores
        | {"tag": tag, "baseline_f1": linear["labels"][tag]["f1"]}
        | {part: count[tag] for part, count in questions.items()}
        for tag, scores in encoder["labels"].items()
    ]
    return table(TABLE, sorted(rows, key=lambda row: (-row["train"], row["tag"])))
