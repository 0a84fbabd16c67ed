"""The exported model: agrees with the trained one, small, the same bytes again, or not sealed."""

from pathlib import Path

import exported_study
import numpy as np
import onnx
import pytest
import tiny_study
import torch
from exported_study import export

from garner.bag_export import BagExport
from garner.classifier import open_session
from garner.errors import ExportError, InputError
from garner.export import check_parity
from garner.files import read_json, write_json
from garner.models.bag import Bag
from garner.onnx_graph import to_bytes, to_int8, to_onnx

KIND = BagExport(trained=None, config={})


@pytest.fixture(scope="module")
def study(tmp_path_factory) -> Path:
    return exported_study.make(tmp_path_factory.mktemp("study"))


@pytest.fixture(scope="module")
def graph() -> onnx.ModelProto:
    """Of an untrained model of the default size: 50,000 tokens, 12 classes."""
    torch.manual_seed(0)
    settings = tiny_study.SETTINGS | {"width": 16, "hidden": 64, "layers": 2}
    bag = Bag(settings, vocabulary=50_002, classes=12).eval()
    inputs = torch.ones(2, 3, dtype=torch.long), torch.ones(2, 3)
    return to_onnx(bag.deployed(), inputs, bag.input_names)


def test_the_folder_is_whole_and_parity_is_what_was_measured(study):
    names = {path.name for path in (study / "export").iterdir()}
    assert names == {path.name for path in tiny_study.export_outputs(study).values()}
    parity = read_json(study / "export/parity.json")
    trained = read_json(study / "train/metrics.json")["validation"]["balanced_accuracy"]
    assert parity["torch"]["validation"]["balanced_accuracy"] == trained
    assert parity["onnx"]["validation"]["balanced_accuracy"] == trained
    assert 0 < parity["onnx"]["maximum_difference"] < 1e-5
    assert 0 < parity["int8"]["maximum_difference"] < 0.05
    for name, file in (("onnx", "model.onnx"), ("int8", "model.int8.onnx")):
        assert parity[name]["bytes"] == (study / "export" / file).stat().st_size


def test_the_classifier_file_names_all_that_is_needed_to_read_a_text(study):
    classifier = read_json(study / "export/classifier.json")
    assert classifier["study"] == "tiny"
    assert classifier["kind"] == "bag"
    assert classifier["labels"] == tiny_study.LABELS
    assert classifier["tokens"] == 50
    assert classifier["pattern"] == tiny_study.PATTERN
    assert classifier["model"]["name"] == "model.int8.onnx"


def test_the_model_card_states_scores_and_size(study):
    card = (study / "export/README.md").read_text()
    parity = read_json(study / "export/parity.json")
    assert f"{parity['int8']['validation']['balanced_accuracy']:.4f}" in card
    assert f"{parity['int8']['bytes']:,} bytes" in card
    assert all(f"\n| {label} | " in card for label in tiny_study.LABELS)


def test_exported_again_it_has_the_same_bytes(study, tmp_path):
    export(study, tmp_path)
    for path in (study / "export").iterdir():
        assert path.read_bytes() == (tmp_path / path.name).read_bytes(), path.name


def test_it_tells_nothing_of_the_machine_it_was_made_on(study):
    for path in (study / "export").glob("*.onnx"):
        assert b"site-packages" not in path.read_bytes()
        assert b".py" not in path.read_bytes()


@pytest.mark.parametrize(
    ("settings", "named"),
    [({"tolerance": 0.0}, "export.tolerance"), ({"maximum_bytes": 1000}, "export.maximum_bytes")],
)
def test_a_model_off_tolerance_is_not_sealed(study, tmp_path, settings, named):
    with pytest.raises(ExportError, match=named):
        export(study, tmp_path / "export", settings)
    assert not (tmp_path / "export").exists()


@pytest.mark.parametrize(("others", "refused"), [(1, False), (11, True), (10, False)])
def test_int8_may_answer_a_hundredth_of_the_texts_otherwise(others, refused):
    parity = {
        "samples": 1000,
        "onnx": {"maximum_difference": 1e-6},
        "int8": {"disagreements": others, "bytes": 10},
    }
    if refused:
        with pytest.raises(ExportError, match="11 of 1,000"):
            check_parity(KIND, parity, tiny_study.EXPORT_SETTINGS)
    else:
        check_parity(KIND, parity, tiny_study.EXPORT_SETTINGS)


def test_probabilities_that_are_no_numbers_are_refused():
    parity = {"samples": 9, "onnx": {"maximum_difference": float("nan")}, "int8": {}}
    with pytest.raises(ExportError, match="nan"):
        check_parity(KIND, parity, tiny_study.EXPORT_SETTINGS)


def test_inputs_of_another_run_are_refused(study, tmp_path):
    write_json(tmp_path / "labels.json", {"labels": ["other"], "left_out": {}})
    with pytest.raises(InputError, match="was not made with"):
        export(study, tmp_path / "export", labels=tmp_path / "labels.json")


def test_the_default_model_in_int8_is_at_most_a_megabyte(graph):
    assert len(to_bytes(to_int8(graph))) <= 1_000_000


def test_texts_and_tokens_may_be_of_any_number(graph):
    for model in (graph, to_int8(graph)):
        session = open_session(to_bytes(model), threads=1)
        for texts, tokens in ((1, 1), (5, 1000), (3, 2)):
            feeds = {
                "tokens": np.full((texts, tokens), 7, dtype=np.int64),
                "counts": np.ones((texts, tokens), dtype=np.float32),
            }
            (probabilities,) = session.run(None, feeds)
            assert probabilities.shape == (texts, 12)
            assert probabilities.sum(axis=1) == pytest.approx(1, abs=1e-5)


def test_int8_is_off_by_half_a_step_of_its_column_at_most(graph):
    tables = [
        {each.name: onnx.numpy_helper.to_array(each) for each in model.graph.initializer}
        for model in (graph, to_int8(graph))
    ]
    ((name, integers),) = [(name, table) for name, table in tables[1].items() if table.dtype == np.int8]
    scale = tables[1][f"{name}.scale"]
    assert scale.shape == (16,)
    error = np.abs(integers * scale - tables[0][name])
    assert (error <= scale / 2 * 1.001).all()
