"""The report on users, made from the files that the stages leave."""

import csv
import re
from pathlib import Path

import numpy as np
import pytest
from figure_checks import drawn_by, texts_cut_off, texts_over_each_other, words

from garner.binary_metrics import summary
from garner.errors import InputError
from garner.files import read_json, write_json, write_text
from garner.reports.users import write_report

LABELS = ["under 21", "21 or over"]


def write_inputs(folder: Path, users=300, skill=2.0, baseline=1.0, seed=0) -> dict[str, Path]:
    """A study's files in the shape of the stages' own; `skill` and `baseline` are those of the two models."""
    generator = np.random.default_rng(seed)
    older = np.arange(users) % 5 < 3
    inputs = {name: folder / f"{name}.json" for name in ("drops", "baseline", "metrics")}
    part = {LABELS[0]: 40, LABELS[1]: 60}
    left_out = {"no label": ["u-b", "u-a"], "not crawled": ["u-d"], "private": ["u-c"]}
    drops = {"found": 303, "drops": {"excluded": 1, "no label": 2}, "kept": 300, "users": left_out}
    write_json(inputs["drops"], drops | dict.fromkeys(("train", "validation", "test"), part))
    posts = [{"posts": n, "users": n, "right": n - n // 3} for n in range(1, 13)]
    write_json(inputs["metrics"], scores(older, skill, generator) | {"by_posts": posts})
    write_json(inputs["baseline"], {"test": scores(older, baseline, generator)})
    inputs["history"] = folder / "history.csv"
    write_text(
        inputs["history"], "epoch,learning_rate,loss,validation_accuracy\n1,0.1,0.7,0.6\n2,0.1,0.5,0.8\n"
    )
    return inputs


def scores(older, skill, generator) -> dict:
    logits = generator.normal(size=len(older)) + skill * np.where(older, 1, -1)
    probabilities = 1 / (1 + np.exp(-2 * skill * logits))
    return summary(probabilities, probabilities >= 0.5, older, LABELS)


def outputs(folder: Path) -> dict[str, Path]:
    figures = ("comparison", "roc", "probabilities", "by_posts", "calibration", "learning_curves", "users")
    return {name: folder / f"{name}.svg" for name in figures} | {"left_out": folder / "left_out.csv"}


@pytest.fixture(scope="module")
def report(tmp_path_factory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("report")
    written = outputs(folder)
    write_report(write_inputs(folder), written)
    return written


def test_titles_say_what_was_found(report):
    assert re.search(
        r"The encoder beats the linear model: accuracy 9\d\.\d% against [78]", words(report["comparison"])
    )
    assert re.search(r"one 21 or over, that one is told in 9\d\.\d% of cases", words(report["roc"]))
    assert re.search(r"\d+% of the users get a probability below 20%", words(report["probabilities"]))
    assert "under 21 (120)" in words(report["probabilities"])
    assert "Right answers: 100% with 1, 70% with 8 to 12 posts of a user" in words(report["by_posts"])
    assert "Best after epoch 2 of 2: 80.0% accuracy in validation" in words(report["learning_curves"])
    assert "300 of 303 users kept; most drops: no label (2)" in words(report["users"])


def test_a_linear_model_that_is_better_is_recommended_loudly(tmp_path, caplog):
    written = outputs(tmp_path)
    write_report(write_inputs(tmp_path, skill=0.5, baseline=2.0), written)
    assert "USE THE LINEAR MODEL: accuracy 9" in words(written["comparison"])
    assert "as good or better in 4 of 4 scores" in words(written["comparison"])
    assert "USE THE LINEAR MODEL: accuracy 9" in caplog.text


def test_users_who_are_left_out_are_listed_with_the_reason(report):
    with open(report["left_out"], newline="") as file:
        rows = [(row["user"], row["reason"]) for row in csv.DictReader(file)]
    assert rows == [("u-a", "no label"), ("u-b", "no label"), ("u-d", "not crawled"), ("u-c", "private")]


def test_no_user_is_named_in_a_figure(report):
    figures = [path.read_text() for path in report.values() if path.suffix == ".svg"]
    assert not [text for text in figures if "u-a" in text]


def test_same_inputs_give_the_same_bytes(report, tmp_path):
    again = outputs(tmp_path)
    write_report(write_inputs(tmp_path), again)
    for name, path in report.items():
        assert path.read_bytes() == again[name].read_bytes(), name


@pytest.mark.parametrize(
    "shape",
    [{}, {"users": 5}, {"users": 5000, "skill": 0.3, "baseline": 3.0}],
    ids=["some", "five users", "many users and a better linear model"],
)
def test_no_text_is_cut_off_or_over_another(tmp_path, monkeypatch, shape):
    inputs = write_inputs(tmp_path, **shape)
    drawn = drawn_by(monkeypatch, lambda: write_report(inputs, outputs(tmp_path)))
    assert len(drawn) == 7
    for figure in drawn:
        assert not texts_cut_off(figure)
        assert not texts_over_each_other(figure)


def test_a_test_part_of_one_class_is_refused(tmp_path):
    inputs = write_inputs(tmp_path)
    write_json(inputs["metrics"], read_json(inputs["metrics"]) | {"roc": None, "roc_auc": None})
    with pytest.raises(InputError, match="the test part has one class alone"):
        write_report(inputs, outputs(tmp_path))


@pytest.mark.parametrize("name", ["drops", "baseline", "history", "metrics"])
def test_missing_input_is_named(tmp_path, name):
    inputs = write_inputs(tmp_path)
    inputs[name].unlink()
    with pytest.raises(InputError, match=re.escape(f"{inputs[name]} is not there")):
        write_report(inputs, outputs(tmp_path))
