"""predictions.csv and metrics.json."""

import csv
import os
import subprocess
import sys
from pathlib import Path

import exported_study
import pyarrow
import pyarrow.parquet
import pytest

from garner import Classifier
from garner.bag_prediction import BagTable
from garner.document import Document, read_documents, write_documents
from garner.errors import InputError
from garner.files import read_json
from garner.prediction import predict_inputs

TEXT = "commonaa aplaa aplab aplac aplad commonab"


@pytest.fixture(scope="module")
def study(tmp_path_factory) -> Path:
    return exported_study.make(tmp_path_factory.mktemp("study"))


def predict(study: Path, inputs: list[Path], folder: Path, *more: str) -> list[dict[str, str]]:
    outputs = {"predictions": folder / "predictions.csv"} | {name: folder / f"{name}.json" for name in more}
    predict_inputs(study / "export", inputs, outputs)
    with open(outputs["predictions"], newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert all(tuple(row) == BagTable.columns for row in rows)
    return rows


def test_a_parquet_of_documents_and_their_files_get_the_same_answers(study, tmp_path):
    documents = list(read_documents(study / "sort/test.parquet"))
    files = [tmp_path / f"{number:02}" for number in range(len(documents))]
    for file, document in zip(files, documents, strict=True):
        file.write_text(document.text)
    by_document = predict(study, [study / "sort/test.parquet"], tmp_path / "documents")
    by_file = predict(study, files, tmp_path / "files")
    assert [row["path"] for row in by_document] == [document.id for document in documents]
    assert [row["path"] for row in by_file] == [str(file) for file in files]
    answers = Classifier(study / "export").predict([document.text for document in documents])
    for rows in (by_document, by_file):
        assert [(row["language"], row["probability"], row["runner_up"]) for row in rows] == [
            (answer.label, f"{answer.probability:.6f}", answer.runner_up) for answer in answers
        ]


def test_metrics_are_over_what_the_csv_says(study, tmp_path):
    rows = predict(study, [study / "sort/test.parquet"], tmp_path, "metrics")
    documents = list(read_documents(study / "sort/test.parquet"))
    metrics = read_json(tmp_path / "metrics.json")
    right = [row["language"] == document.labels[0] for row, document in zip(rows, documents, strict=True)]
    assert metrics["accuracy"] == pytest.approx(sum(right) / 30)
    assert metrics["balanced_accuracy"] == pytest.approx(sum(right) / 30)  # ten texts a language
    assert metrics["samples"] == 30
    assert metrics["confusion"]["columns"][-1] == "unknown"


def test_a_document_without_text_counts_as_a_wrong_answer(study, tmp_path):
    documents = [Document("a", TEXT, ("apl",)), Document("b", "", ("basic",)), Document("c", TEXT)]
    write_documents(tmp_path / "some.parquet", documents)
    rows = predict(study, [tmp_path / "some.parquet"], tmp_path, "metrics")
    assert [row["language"] for row in rows] == ["apl", "unknown", "apl"]
    assert rows[1]["note"] == "empty"
    metrics = read_json(tmp_path / "metrics.json")
    assert (metrics["samples"], metrics["accuracy"]) == (2, 0.5)
    assert metrics["confusion"]["counts"][1] == [0, 0, 0, 1]


def test_a_label_that_the_classifier_does_not_know_is_named_with_its_document(study, tmp_path):
    write_documents(tmp_path / "odd.parquet", [Document("the one", TEXT, ("algol",))])
    with pytest.raises(InputError, match=r"the one.*'algol'"):
        predict(study, [tmp_path / "odd.parquet"], tmp_path, "metrics")
    assert not (tmp_path / "predictions.csv").exists()
    assert predict(study, [tmp_path / "odd.parquet"], tmp_path)[0]["language"] == "apl"


def test_no_file_breaks_the_rest(study, tmp_path):
    contents = {"text": TEXT.encode(), "binary": b"\0\1", "empty": b"", "odd.parquet": b"PAR1\0"}
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    inputs = [tmp_path / name for name in (*contents, "absent")]
    found = {Path(row["path"]).name: row for row in predict(study, inputs, tmp_path / "out")}
    assert found["text"]["language"] == "apl"
    assert {name: row["note"] for name, row in found.items() if name != "text"} == {
        "binary": "binary",
        "empty": "empty",
        "odd.parquet": "binary",
        "absent": "unreadable: No such file or directory",
    }
    assert all(row["language"] == "unknown" for name, row in found.items() if name != "text")


def test_odd_paths_stay_one_row_each(study, tmp_path):
    names = ["a,b", 'quote"', "line\nbreak", "=1+1", "é", "\udcff"]
    for name in names:
        (tmp_path / name).write_text(TEXT)
    rows = predict(study, [tmp_path / name for name in names], tmp_path / "out")
    assert [row["path"] for row in rows] == [str(tmp_path / name) for name in [*names[:-1], "\\udcff"]]
    assert {row["language"] for row in rows} == {"apl"}


@pytest.mark.parametrize("content", [b"", b"PAR1 and no more"])
def test_a_damaged_parquet_is_refused_by_name(study, tmp_path, content):
    (tmp_path / "damaged.parquet").write_bytes(content)
    with pytest.raises(InputError, match=r"damaged\.parquet"):
        predict(study, [tmp_path / "damaged.parquet"], tmp_path)


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"id": ["a"], "body": ["b"]}, "lacks, or has with another type, text, labels"),
        ({"id": ["a"], "text": [7], "labels": ["b"]}, "lacks, or has with another type, text, labels"),
    ],
)
def test_a_parquet_of_something_else_names_what_it_lacks(study, tmp_path, columns, words):
    pyarrow.parquet.write_table(pyarrow.table(columns), tmp_path / "other.parquet")
    with pytest.raises(InputError, match=words):
        predict(study, [tmp_path / "other.parquet"], tmp_path)


def test_a_document_without_text_is_unknown(study, tmp_path):
    kinds = {"id": pyarrow.string(), "text": pyarrow.string(), "labels": pyarrow.list_(pyarrow.string())}
    row = {"id": "a", "text": None, "labels": None}
    pyarrow.parquet.write_table(
        pyarrow.Table.from_pylist([row], pyarrow.schema(kinds)), tmp_path / "d.parquet"
    )
    (answer,) = predict(study, [tmp_path / "d.parquet"], tmp_path, "metrics")
    assert (answer["language"], answer["note"]) == ("unknown", "empty")


def test_the_command_line_prints_the_same_answers(study, tmp_path):
    (tmp_path / "some.txt").write_text("a text of words\n" * 9)
    command = [sys.executable, "-m", "garner", "predict", study / "export", tmp_path / "some.txt"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert list(csv.DictReader(done.stdout.splitlines())) == predict(study, [tmp_path / "some.txt"], tmp_path)


def test_no_inputs_give_a_table_with_its_head_alone(study, tmp_path):
    assert predict(study, [], tmp_path) == []
    assert os.path.getsize(tmp_path / "predictions.csv") == len(",".join(BagTable.columns)) + 1
