"""The report on questions, made from the files that the stages leave."""

import csv
import re
from pathlib import Path

import numpy as np
import pytest
from figure_checks import drawn_by, texts_cut_off, texts_over_each_other, words

from garner.document import Document, write_documents
from garner.errors import InputError
from garner.files import read_json, write_json, write_text
from garner.multilabel_metrics import summary
from garner.reports.tags import write_report

SIZES = {"train": 800, "validation": 100, "test": 100}


def tag(number: int) -> str:
    return f"a-long-name-of-a-tag-{number}"


def write_inputs(folder: Path, tags=177, skill=0.9, baseline=0.4, epochs=5, seed=0) -> dict[str, Path]:
    """A study's files in the shape of the stages' own; `skill` and `baseline` are those of the two models."""
    generator = np.random.default_rng(seed)
    names = [tag(i) for i in range(tags)]
    shares = 0.6 / np.arange(1, tags + 1)
    parts = {part: generator.random((size, tags)) < shares for part, size in SIZES.items()}
    inputs = {part: folder / f"{part}.parquet" for part in SIZES}
    for part, targets in parts.items():
        rows = (tuple(names[i] for i in np.flatnonzero(row)) for row in targets)
        write_documents(inputs[part], (Document(f"{part}{i}", "x", row) for i, row in enumerate(rows)))
    inputs |= {name: folder / f"{name}.json" for name in ("drops", "baseline", "metrics")}
    drops = {"excluded": 0, "empty": 2, "duplicate": 30, "no_tag": 400}
    write_json(inputs["drops"], {"found": 1432, "drops": drops, "kept": 1000, "cut": 1} | SIZES)
    write_json(inputs["metrics"], scores(parts["test"], names, skill, generator))
    write_json(inputs["baseline"], {"test": scores(parts["test"], names, baseline, generator)})
    inputs["history"] = folder / "history.csv"
    lines = [f"{epoch},0.001,{1 / epoch},{0.5 + epoch / 99}" for epoch in range(1, epochs + 1)]
    write_text(inputs["history"], "\n".join(["epoch,learning_rate,loss,validation_micro_f1", *lines]) + "\n")
    return inputs


def scores(targets, names, skill, generator) -> dict:
    probabilities = skill * targets + (1 - skill) * generator.random(targets.shape)
    return summary(probabilities, probabilities >= 0.5, targets, names)


def outputs(folder: Path) -> dict[str, Path]:
    figures = ("comparison", "f1_by_frequency", "calibration", "learning_curves", "questions")
    return {name: folder / f"{name}.svg" for name in figures} | {"per_tag": folder / "per_tag.csv"}


@pytest.fixture(scope="module")
def report(tmp_path_factory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("report")
    written = outputs(folder)
    write_report(write_inputs(folder), written)
    return written


def test_titles_say_what_was_found(report):
    found = "The encoder beats the linear model: micro-F1 100.0% against"
    assert found in words(report["comparison"])
    assert "On 100 questions never trained on" in words(report["comparison"])
    assert re.search(
        r"rarest tags \d+% \(\d+%\), most frequent \d+% \(\d+%\)", words(report["f1_by_frequency"])
    )
    assert "Best after epoch 5 of 5: 55.1% micro-F1 in validation" in words(report["learning_curves"])
    assert "1,000 of 1,432 questions kept; most drops: no tag (400)" in words(report["questions"])
    assert "probabilities of 10% or more are off by" in words(report["calibration"])


@pytest.mark.parametrize("skill", [0.4, 0.3], ids=["as good", "worse"])
def test_a_linear_model_that_is_as_good_is_recommended_loudly(tmp_path, caplog, skill):
    inputs, written = write_inputs(tmp_path, skill=skill), outputs(tmp_path)
    if skill == 0.4:
        write_json(inputs["metrics"], read_json(inputs["baseline"])["test"])
    write_report(inputs, written)
    assert "USE THE LINEAR MODEL: micro-F1" in words(written["comparison"])
    assert "USE THE LINEAR MODEL: micro-F1" in caplog.text


def test_an_encoder_that_wins_gives_no_warning(tmp_path, caplog):
    write_report(write_inputs(tmp_path, tags=5), outputs(tmp_path))
    assert not caplog.records


def test_table_holds_every_tag_with_both_models_the_most_frequent_first(report, tmp_path):
    with open(report["per_tag"], newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 177
    counts = [int(row["train"]) for row in rows]
    assert counts == sorted(counts, reverse=True)
    assert 400 < counts[0] < 560
    assert float(rows[0]["f1"]) > float(rows[0]["baseline_f1"]) > 0.5
    absent = next(row for row in rows if row["test"] == "0")
    assert absent["recall"] == ""


def test_same_inputs_give_the_same_bytes(report, tmp_path):
    again = outputs(tmp_path)
    write_report(write_inputs(tmp_path), again)
    for name, path in report.items():
        assert path.read_bytes() == again[name].read_bytes(), name


@pytest.mark.parametrize(
    "shape",
    [{}, {"tags": 2, "epochs": 1}, {"skill": 0.2, "baseline": 0.9, "tags": 20, "epochs": 60}],
    ids=["many tags", "two tags", "a better linear model"],
)
def test_no_text_is_cut_off_or_over_another(tmp_path, monkeypatch, shape):
    inputs = write_inputs(tmp_path, **shape)
    drawn = drawn_by(monkeypatch, lambda: write_report(inputs, outputs(tmp_path)))
    assert len(drawn) == 5
    for figure in drawn:
        assert not texts_cut_off(figure)
        assert not texts_over_each_other(figure)


def test_a_score_that_is_not_defined_is_left_out(tmp_path):
    inputs, written = write_inputs(tmp_path), outputs(tmp_path)
    metrics = read_json(inputs["metrics"]) | {"macro_f1_frequent": None}
    write_json(inputs["metrics"], metrics)
    write_report(inputs, written)
    assert "5 test questions or more" not in words(written["comparison"])
    assert "sample-F1" in words(written["comparison"])


@pytest.mark.parametrize("name", ["train", "validation", "test", "drops", "baseline", "history", "metrics"])
def test_missing_input_is_named(tmp_path, name):
    inputs = write_inputs(tmp_path, tags=3)
    inputs[name].unlink()
    with pytest.raises(InputError, match=re.escape(f"{inputs[name]} is not there")):
        write_report(inputs, outputs(tmp_path))


@pytest.mark.parametrize("name", ["drops", "baseline", "metrics"])
def test_input_without_what_is_to_be_shown_is_named(tmp_path, name):
    inputs = write_inputs(tmp_path, tags=3)
    inputs[name].write_text("{}")
    with pytest.raises(InputError, match=re.escape(f"{inputs[name]} lacks")):
        write_report(inputs, outputs(tmp_path))
