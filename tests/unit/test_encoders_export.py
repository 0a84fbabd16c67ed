"""Exported models with an encoder: agree with the trained one, the same bytes again, or not sealed."""

import logging

import numpy as np
import pytest
import tiny_questions
import tiny_users
from exported_encoders import SETTINGS, export, outputs

from garner.encoders.export import MultilabelExport, UsersExport
from garner.errors import ExportError, InputError
from garner.files import read_json, write_json
from garner.yes_or_no import YesOrNo


class YesOrNoModel:
    labelling = YesOrNo


@pytest.fixture(params=["multilabel", "users"])
def study(request):
    """(study, kind)"""
    return request.getfixturevalue(
        {"multilabel": "questions", "users": "users"}[request.param]
    ), request.param


def test_the_folder_is_whole_and_parity_is_what_was_measured(study):
    folder, kind = study
    names = {path.name for path in (folder / "export").iterdir()}
    assert names == {path.name for path in outputs(folder).values()}
    parity = read_json(folder / "export/parity.json")
    score = {"multilabel": "micro_f1", "users": "accuracy"}[kind]
    trained = read_json(folder / "train/metrics.json")["validation"][score]
    assert parity["torch"]["validation"][score] == trained
    assert parity["onnx"]["validation"][score] == trained
    assert parity["int8"]["validation"][score] > trained - 0.03
    assert 0 < parity["onnx"]["maximum_difference"] < 1e-4
    for name, file in (("onnx", "model.onnx"), ("int8", "model.int8.onnx")):
        assert parity[name]["bytes"] == (folder / "export" / file).stat().st_size
    assert parity["int8"]["bytes"] < parity["onnx"]["bytes"] / 2


def test_the_classifier_file_says_what_the_app_and_the_commands_need(study):
    folder, kind = study
    classifier = read_json(folder / "export/classifier.json")
    assert classifier["kind"] == kind
    assert classifier["decision"] == read_json(folder / "train/model/config.json")["decision"]
    if kind == "multilabel":
        assert classifier["tokens"] == tiny_questions.SETTINGS["tokens"]
        assert classifier["link"].endswith("/{tag}")
    else:
        assert (classifier["cutoff"], classifier["posts"]) == (21, tiny_users.SETTINGS["posts"])


def test_exported_again_it_has_the_same_bytes_but_for_the_time_that_an_answer_took(users, tmp_path):
    export(users, "users", tmp_path)
    for path in (users / "export").iterdir():
        same = path.read_bytes() == (tmp_path / path.name).read_bytes()
        assert same or path.name == "latency.json", path.name


def test_the_time_that_an_answer_took_is_told_for_each_model(study):
    latency = read_json(study[0] / "export/latency.json")
    assert latency["milliseconds"].keys() == {"torch", "onnx", "int8"}
    assert all(value > 0 for value in latency["milliseconds"].values())
    assert latency["threads"] == 1


def test_it_tells_nothing_of_the_machine_it_was_made_on(study):
    for path in (study[0] / "export").glob("*.onnx"):
        assert b"site-packages" not in path.read_bytes()
        assert b".py" not in path.read_bytes()


def test_the_card_states_scores_size_and_labels(study):
    card = (study[0] / "export/README.md").read_text()
    parity = read_json(study[0] / "export/parity.json")
    assert f"{parity['int8']['bytes']:,}" in card
    labels = read_json(study[0] / "export/classifier.json")["labels"]
    assert all(f"\n| {label} | " in card for label in labels)


def test_the_card_of_users_says_what_the_answers_may_not_be_used_for(users):
    card = " ".join((users / "export/README.md").read_text().split())
    for words in ("No decision about a person", "access", "credit", "work", "policing", "It is wrong for"):
        assert words in card
    assert "pseudonyms" in card


def test_a_model_too_large_with_a_small_table_too_is_not_sealed(questions, tmp_path, caplog):
    with (
        caplog.at_level(logging.INFO, "garner"),
        pytest.raises(ExportError, match=r"export\.maximum_bytes"),
    ):
        export(questions, "multilabel", tmp_path / "export", {"maximum_bytes": 1000})
    assert "the tokens' table gets six bits" in caplog.text
    assert not (tmp_path / "export").exists()


@pytest.mark.parametrize(
    ("kind", "score"),
    [(MultilabelExport, "micro_f1"), (MultilabelExport, "macro_f1_frequent"), (UsersExport, "accuracy")],
)
def test_an_int8_model_that_scores_worse_is_refused_by_the_score(kind, score):
    def parity(int8: float) -> dict:
        good = dict.fromkeys(("micro_f1", "macro_f1_frequent", "accuracy"), 0.8)
        return {
            "samples": 1000,
            "torch": {"validation": good},
            "int8": {"validation": good | {score: int8}, "standard_errors": dict.fromkeys(good, 0.001)},
        }

    export = kind(trained=None, config={"labels": [], "decision": {}})
    settings = SETTINGS | {"f1_tolerance": 0.005}
    export.check(parity(0.7931), settings)
    export.check(parity(0.9), settings)
    with pytest.raises(ExportError, match=rf"{score}.*0\.7929.*export\.f1_tolerance"):
        export.check(parity(0.7929), settings)


def test_chance_is_small_where_the_texts_are_many_and_the_same_answers_have_none():
    export = UsersExport(
        trained=YesOrNoModel, config={"labels": ["no", "yes"], "decision": {"thresholds": [0.5]}}
    )
    random = np.random.default_rng(1)
    for users, least, most in ((20, 0.02, 0.2), (2000, 0.002, 0.01)):
        targets = random.integers(2, size=(users, 1)).astype(np.float32)
        expected = random.random((users, 1)).astype(np.float32)
        found = np.where(random.random((users, 1)) < 0.1, 1 - expected, expected)
        assert least < export.compare(expected, found, targets)["standard_errors"]["accuracy"] < most
        assert export.compare(expected, expected, targets) == {
            "disagreements": 0,
            "standard_errors": {"accuracy": 0.0},
        }


def test_inputs_of_another_run_are_refused(questions, tmp_path):
    write_json(tmp_path / "labels.json", {"labels": ["other"], "left_out": {}})
    with pytest.raises(InputError, match="was not made with"):
        export(questions, "multilabel", tmp_path / "export", labels=tmp_path / "labels.json")
