"""The exported classifier: every road to it agrees, no input breaks it, and it needs next to nothing."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import exported_study
import pytest
import tiny_study

from garner import Classifier
from garner.bag_classifier import Prediction
from garner.document import read_documents
from garner.errors import ClassifierError
from garner.filters import decode

TEXT = "commonaa aplaa aplab aplac aplad commonab"


@pytest.fixture(scope="module")
def study(tmp_path_factory) -> Path:
    return exported_study.make(tmp_path_factory.mktemp("study"))


@pytest.fixture(scope="module")
def classifier(study) -> Classifier:
    return Classifier(study / "export")


@pytest.fixture
def folder(study, tmp_path) -> Path:
    """A copy of the export to be damaged."""
    shutil.copytree(study / "export", tmp_path / "export")
    return tmp_path / "export"


def unknown(note: str) -> Prediction:
    return Prediction("unknown", 0.0, note=note)


def test_a_text_its_bytes_and_its_file_get_the_same_answer(classifier, study, tmp_path):
    documents = list(read_documents(study / "sort/test.parquet"))
    files = [tmp_path / str(number) for number in range(len(documents))]
    for file, document in zip(files, documents, strict=True):
        file.write_text(document.text)
    answers = classifier.predict([document.text for document in documents])
    assert classifier.predict([document.text.encode() for document in documents]) == answers
    assert classifier.predict(files) == answers
    right = sum(
        answer.label == document.labels[0] for answer, document in zip(answers, documents, strict=True)
    )
    assert right / len(documents) > 0.9


def test_an_answer_has_the_two_most_probable_labels(classifier):
    (answer,) = classifier.predict([TEXT])
    assert {answer.label, answer.runner_up} <= set(tiny_study.LABELS)
    assert 1 >= answer.probability >= answer.runner_up_probability > 0
    assert answer.note == ""


def test_the_answer_does_not_depend_on_the_texts_beside(classifier):
    texts = [TEXT, "", "cobolaa " * 500, "ß\x00", "basicaa"] * 40
    together = classifier.predict(texts)
    for text, answer in zip(texts[:5], together, strict=False):
        (alone,) = classifier.predict([text])
        assert (alone.label, alone.note) == (answer.label, answer.note)
        assert alone.probability == pytest.approx(answer.probability, abs=1e-6)
    assert len(together) == 200


def test_tokens_beyond_the_limit_are_not_read(classifier):
    (short,), (long,) = (classifier.predict(["aplaa " * 50 + more]) for more in ("", "cobolaa " * 50))
    assert short == long


@pytest.mark.parametrize(
    ("content", "note"),
    [
        ("", "empty"),
        (b"", "empty"),
        (" \n\t", "empty"),
        (b"\x7fELF\x02\x00\x00", "binary"),
        ("日本語".encode("shift-jis") * 50, "undecodable"),
        (Path("/nowhere/at/all"), "unreadable: No such file or directory"),
        (Path("/"), "unreadable: no regular file"),
        (Path("a\0b"), "unreadable: embedded null byte"),
    ],
)
def test_what_is_no_text_is_unknown_with_the_reason(classifier, content, note):
    assert classifier.predict([content, TEXT])[0] == unknown(note)
    assert classifier.predict([content, TEXT])[1].label != "unknown"


def test_a_pipe_is_not_waited_for_and_a_giant_not_loaded(classifier, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with open(tmp_path / "giant", "wb") as file:
        file.truncate(1 << 40)
    found = classifier.predict([tmp_path / "pipe", tmp_path / "giant"])
    assert found == [unknown("unreadable: no regular file"), unknown("unreadable: larger than 16 MiB")]


@pytest.mark.parametrize(
    "content", [TEXT.encode("utf-16"), b"\xef\xbb\xbf" + TEXT.encode(), "é ".encode("cp1252") + b"a" * 99]
)
def test_bytes_are_decoded_as_the_training_files_were(classifier, content):
    text, _ = decode(content)
    assert classifier.predict([content]) == classifier.predict([text])


@pytest.mark.parametrize("alone", [TEXT, TEXT.encode(), Path("a.py")])
def test_a_single_input_is_not_taken_for_a_list_of_letters(classifier, alone):
    with pytest.raises(TypeError, match="brackets"):
        classifier.predict(alone)


def test_no_inputs_give_no_answers(classifier):
    assert classifier.predict([]) == []


@pytest.mark.parametrize("name", ["classifier.json", "model.int8.onnx", "vocabulary.json"])
def test_a_missing_file_is_named(folder, name):
    (folder / name).unlink()
    with pytest.raises(ClassifierError, match=name):
        Classifier(folder)


@pytest.mark.parametrize("name", ["model.int8.onnx", "vocabulary.json"])
def test_a_file_of_another_export_is_refused_by_name(folder, name):
    (folder / name).write_bytes((folder / name).read_bytes() + b"\n")
    with pytest.raises(ClassifierError, match=f"{name} is not the file"):
        Classifier(folder)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": 2}, "format 2, not 1"),
        ({"kind": "novel"}, "'novel'"),
        ({"kind": "users"}, "UsersConfig"),
        ({"more": 1}, "more"),
        (None, "None"),
    ],
)
def test_a_foreign_description_is_refused(folder, change, message):
    path = folder / "classifier.json"
    path.write_text(json.dumps(change and json.loads(path.read_text()) | change))
    with pytest.raises(ClassifierError, match=message):
        Classifier(folder)


def test_a_file_outside_the_folder_is_never_read(folder):
    path = folder / "classifier.json"
    description = json.loads(path.read_text())
    shutil.copy(folder / "model.int8.onnx", folder.parent)
    description["model"]["name"] = "../model.int8.onnx"
    path.write_text(json.dumps(description))
    with pytest.raises(ClassifierError, match="is no name of a file"):
        Classifier(folder)


def test_it_needs_numpy_and_onnxruntime_alone(study):
    code = (
        "import sys; from garner import Classifier; "
        f"Classifier({str(study / 'export')!r}).predict(['a', b'b']); "
        "print(*{name.split('.')[0] for name in sys.modules if getattr(sys.modules[name], '__file__', None)"
        " and 'site-packages' in sys.modules[name].__file__})"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    needed = {"numpy", "onnxruntime", "flatbuffers", "google", "packaging", "coloredlogs"}
    assert set(found.split()) - {"_distutils_hack"} <= needed
