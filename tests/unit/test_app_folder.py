"""The folder of the app, filled from an exported model."""

import json
import os
from pathlib import Path

import pytest

from garner.app_folder import fill
from garner.errors import InputError


@pytest.fixture
def app(tmp_path) -> Path:
    (tmp_path / "app").mkdir()
    return tmp_path / "app"


@pytest.fixture
def results(tmp_path) -> Path:
    return tmp_path / "results"


def export(results: Path, study: str, kind: str = "multilabel", age: int = 0) -> Path:
    """A folder that looks as export leaves it, `age` seconds old."""
    folder = results / study / "export"
    folder.mkdir(parents=True)
    for name in ("model.onnx", "model.int8.onnx", "tokenizer.json", "README.md", ".snakemake_timestamp"):
        (folder / name).write_text(f"{name} of {study}")
    sealed = folder / "classifier.json"
    sealed.write_text(json.dumps({"kind": kind}))
    os.utime(sealed, (1_700_000_000 - age,) * 2)
    return folder


def test_the_model_exported_last_is_taken(app, results):
    export(results, "old", age=100)
    newest = export(results, "new")
    export(results, "languages", kind="bag", age=-100)
    assert fill(app, results) == newest
    assert (app / "model/model.int8.onnx").read_text() == "model.int8.onnx of new"


def test_a_study_can_be_chosen(app, results):
    old = export(results, "old", age=100)
    export(results, "new")
    assert fill(app, results, "old") == old


def test_only_what_the_app_needs_is_put_there_and_nothing_of_before_stays(app, results):
    export(results, "tags")
    (app / "model").mkdir()
    (app / "model/of-before").touch()
    fill(app, results)
    names = {path.name for path in (app / "model").iterdir()}
    assert names == {"model.int8.onnx", "tokenizer.json", "classifier.json", "README.md"}
    assert {path.name for path in app.iterdir()} == {"model", "garner"}


def test_the_modules_that_the_classifier_imports_come_along_and_no_stage(app, results):
    export(results, "tags")
    fill(app, results)
    modules = {path.relative_to(app).as_posix() for path in (app / "garner").rglob("*.py")}
    assert {"garner/__init__.py", "garner/classifier.py", "garner/errors.py"} <= modules
    assert not modules & {
        "garner/training.py",
        "garner/export.py",
        "garner/sorting.py",
        "garner/http/client.py",
    }


@pytest.mark.parametrize(
    ("study", "said"),
    [
        (None, "has an exported model of kind 'multilabel'. `make demo STUDY=tags` makes a model"),
        ("crypto", "snakemake export --cores all --config studies=crypto"),
        ("languages", "holds a model of kind 'bag', and the app is for 'multilabel'"),
    ],
)
def test_without_a_model_that_fits_the_error_names_the_command_that_makes_one(app, results, study, said):
    export(results, "languages", kind="bag")
    with pytest.raises(InputError) as error:
        fill(app, results, study)
    assert said in str(error.value)
    assert list(app.iterdir()) == []
