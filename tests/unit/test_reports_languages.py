"""The report's figures and table, made from the files that the stages leave."""

import csv
import re
from pathlib import Path

import numpy as np
import pytest
from figure_checks import drawn_by, texts_cut_off, words

from garner.document import Document, write_documents
from garner.errors import InputError
from garner.files import write_json, write_parquet, write_text
from garner.metrics import confusion_matrix, summary
from garner.reports.languages import write_report

LABELS = [
    "C",
    "C#",
    "C++",
    "Go",
    "Java",
    "JavaScript",
    "Lua",
    "Objective-C",
    "Python",
    "Ruby",
    "Rust",
    "Shell",
]
LOSSES = ("maximum_likelihood", "adversarial", "entropy", "virtual_adversarial")


def write_inputs(folder: Path, labels=LABELS, epochs=12, users=300, seed=0) -> dict[str, Path]:
    """A study's files in the shape of the stages' own, with numbers drawn at random."""
    generator = np.random.default_rng(seed)
    inputs = {
        "users": folder / "users.parquet",
        "repositories": folder / "repositories.parquet",
        "drops": folder / "drops.json",
        "test": folder / "test.parquet",
        "history": folder / "history.csv",
        "metrics": folder / "metrics.json",
    }
    write_scrape(inputs["users"], inputs["repositories"], users, generator)
    write_json(inputs["drops"], {"languages": {label: drops(generator) for label in labels}})
    documents = (Document(str(i), "x", (labels[i % len(labels)],), f"group {i % 86}") for i in range(400))
    write_documents(inputs["test"], documents)
    write_history(inputs["history"], epochs, generator)
    targets = generator.integers(0, len(labels), 1200)
    answers = np.where(generator.random(1200) < 0.94, targets, generator.integers(0, len(labels) + 1, 1200))
    matrix = confusion_matrix(targets, answers, len(labels) + 1)[:-1]
    write_json(inputs["metrics"], summary(matrix, labels, [*labels, "unknown"]))
    return inputs


def drops(generator) -> dict:
    counts = {
        reason: int(number)
        for reason, number in zip(
            ["vendored", "generated", "minified", "tiny", "undecodable", "duplicate", "near_duplicate",
             "repository_cap", "balance", "novel_reason"],
            generator.integers(0, 900, 10),
            strict=True,
        )
    }  # fmt: skip
    parts = {"train": 3200, "validation": 400, "test": 100}
    kept = sum(parts.values())
    return {"found": kept + sum(counts.values()), "drops": counts, "kept": kept, "repositories": 40, **parts}


def write_scrape(users_path: Path, repositories_path: Path, users: int, generator) -> None:
    import pyarrow

    depths = np.sort(np.minimum(generator.geometric(0.3, users) - 1, 4))
    numbers = generator.integers(0, 30, users)
    rows = [
        {"user": f"u{i}", "order": i, "depth": int(depths[i]), "repositories": int(numbers[i]),
         "status": "ok" if i % 50 else "gone"}
        for i in range(users)
    ]  # fmt: skip
    integer, string = pyarrow.int64(), pyarrow.string()
    fields = {"user": string, "order": integer, "depth": integer, "repositories": integer, "status": string}
    write_parquet(users_path, reversed(rows), pyarrow.schema(list(fields.items())))
    kept = [{"order": row["order"]} for row in rows for _ in range(row["repositories"] // 3)]
    write_parquet(repositories_path, kept, pyarrow.schema([("order", integer)]))


def write_history(path: Path, epochs: int, generator) -> None:
    scores = 0.95 - 0.5 * np.exp(-np.arange(epochs) / 2) + 0.002 * generator.standard_normal(epochs)
    lines = [",".join(["epoch", "learning_rate", "loss", *LOSSES, "validation_balanced_accuracy"])]
    for epoch in range(epochs):
        losses = [np.exp(-epoch / 4) * scale + 0.02 for scale in (2, 2.5, 0.4)]
        lines.append(",".join(map(str, [epoch + 1, 0.01, sum(losses), *losses, "", scores[epoch]])))
    write_text(path, "\n".join(lines) + "\n")


def outputs(folder: Path) -> dict[str, Path]:
    names = ["confusion.svg", "learning_curves.svg", "files.svg", "crawl.svg", "per_language.csv"]
    return {name.split(".")[0]: folder / name for name in names}


@pytest.fixture(scope="module")
def report(tmp_path_factory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("report")
    written = outputs(folder)
    write_report(write_inputs(folder), written)
    return written


def test_titles_say_what_was_found(report):
    assert re.search(
        r"Balanced accuracy 9\d\.\d% on 86 repositories never trained on", words(report["confusion"])
    )
    assert re.search(
        r"Best after epoch \d+ of 12: 9\d\.\d% balanced accuracy", words(report["learning_curves"])
    )
    assert re.search(r"44,400 of \d+,\d+ files kept; most drops: ", words(report["files"]))
    assert re.search(r"[\d,]+ repositories of 300 users, up to 4 steps", words(report["crawl"]))
    assert "6 users could not be read" in words(report["crawl"])


def test_losses_that_are_switched_off_are_not_drawn(report):
    assert "entropy" in words(report["learning_curves"])
    assert "virtual adversarial" not in words(report["learning_curves"])


def test_reasons_that_sort_may_add_are_counted_all_the_same(report):
    text = words(report["files"])
    legend = [
        int(number.replace(",", "")) for number in re.findall(r"^[a-z ]+ \(([\d,]+)\)$", text, re.MULTILINE)
    ]
    found = re.search(r"of ([\d,]+) files kept", text)[1]
    assert sum(legend) == int(found.replace(",", ""))


def test_same_inputs_give_the_same_bytes(report, tmp_path):
    again = outputs(tmp_path)
    write_report(write_inputs(tmp_path), again)
    for name, path in report.items():
        assert path.read_bytes() == again[name].read_bytes(), name


def test_table_holds_every_language_and_leaves_cells_empty_where_nothing_was_measured(tmp_path):
    inputs, written = write_inputs(tmp_path, ["C", "C++"], epochs=1, users=1), outputs(tmp_path)
    absent = {"found": 0, "drops": {}, "kept": 0, "repositories": 0, "train": 0, "validation": 0, "test": 0}
    counts = {label: drops(np.random.default_rng(1)) for label in ("C", "C++")} | {"Fortran": absent}
    write_json(inputs["drops"], {"languages": counts})
    write_report(inputs, written)
    with open(written["per_language"], newline="") as file:
        rows = {row["language"]: row for row in csv.DictReader(file)}
    assert list(rows) == ["C", "C++", "Fortran"]
    assert rows["Fortran"]["found"] == "0"
    assert rows["Fortran"]["precision"] == ""
    assert 0.8 < float(rows["C++"]["f1"]) < 1
    assert int(rows["C++"]["support"]) > 50
    assert rows["C++"]["train"] == "3200"
    assert "None found: Fortran" in words(written["files"])


@pytest.mark.parametrize(
    "shape",
    [{}, {"labels": ["Objective-C", "JavaScript"], "epochs": 1, "users": 1}, {"epochs": 60, "users": 0}],
    ids=["twelve languages", "the least", "no crawl"],
)
def test_no_text_is_cut_off(tmp_path, monkeypatch, shape):
    drawn = drawn_by(monkeypatch, lambda: write_report(write_inputs(tmp_path, **shape), outputs(tmp_path)))
    assert len(drawn) == 4
    assert not [text for figure in drawn for text in texts_cut_off(figure)]


@pytest.mark.parametrize("name", ["users", "repositories", "drops", "test", "history", "metrics"])
def test_missing_input_is_named(tmp_path, name):
    inputs = write_inputs(tmp_path)
    inputs[name].unlink()
    with pytest.raises(InputError, match=re.escape(f"{inputs[name]} is not there")):
        write_report(inputs, outputs(tmp_path))


@pytest.mark.parametrize("name", ["drops", "metrics"])
def test_input_without_what_is_to_be_shown_is_named(tmp_path, name):
    inputs = write_inputs(tmp_path)
    inputs[name].write_text("{}")
    with pytest.raises(InputError, match=re.escape(f"{inputs[name]} lacks")):
        write_report(inputs, outputs(tmp_path))


def test_history_without_an_epoch_is_refused(tmp_path):
    inputs = write_inputs(tmp_path, epochs=0)
    with pytest.raises(InputError, match=r"history\.csv has no epoch"):
        write_report(inputs, outputs(tmp_path))
