"""The stage predict: an exported model's answers on files or documents, as CSV."""

import csv
import re
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import NamedTuple, TextIO

import numpy as np

from garner.classifier import UNKNOWN, Classifier, Prediction
from garner.errors import InputError
from garner.files import atomic, open_parquet, read_parquet, write_json
from garner.logs import log, track
from garner.metrics import confusion_matrix, summary

COLUMNS = ("path", "language", "probability", "runner_up", "runner_up_probability", "note")
DOCUMENT = {"id": "string", "text": "string", "labels": r"list<\w+: string>"}  # types of its columns
BATCH = 256  # inputs held at a time
STDOUT = 1


class Question(NamedTuple):
    path: str  # of a file, or a document's id
    content: str | Path  # a document's text, or the file to read
    labels: tuple[str, ...]  # where they are known


def predict_inputs(export: Path, inputs: list[Path], outputs: dict[str, Path]) -> None:
    """Write `outputs["predictions"]`, a row an input, and `outputs["metrics"]` (JSON) if it is asked for.

    The metrics are over the documents with one label. Raises ClassifierError for `export`, InputError for a
    Parquet that cannot be used or whose labels the classifier does not know.
    """
    classifier = Classifier(export)
    with atomic(outputs["predictions"]) as part, open_csv(part) as file:
        matrix = write_predictions(classifier, inputs, file, scored="metrics" in outputs)
    if "metrics" in outputs:
        labels = classifier.config.labels
        write_json(outputs["metrics"], summary(matrix[:-1], labels, [*labels, UNKNOWN]))
    log.info("predict: the answers are in %s", outputs["predictions"])


def write_predictions(classifier: Classifier, inputs: list[Path], file: TextIO, scored: bool) -> np.ndarray:
    """Write a CSV row an input. Returns the confusion matrix, with "unknown" last; zeros if not `scored`.

    One path that ends in `.parquet` is a Parquet of documents; all else are files, and one that is no text
    has the language "unknown" and the reason in `note`.
    """
    columns = [*classifier.config.labels, UNKNOWN]
    matrix = np.zeros((len(columns), len(columns)), dtype=np.int64)
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(COLUMNS)
    for questions in _batches(track(_questions(inputs), "predict", "texts", _count(inputs))):
        answers = classifier.predict([question.content for question in questions])
        writer.writerows(_row(*pair) for pair in zip(questions, answers, strict=True))
        if scored:
            matrix += _confusion(questions, answers, columns)
    return matrix


def open_csv(path: Path | int) -> TextIO:
    """Open for writing. A path in it need not be UTF-8: its odd bytes are written as backslash escapes."""
    return open(path, "w", encoding="utf-8", errors="backslashreplace", newline="", closefd=path != STDOUT)


def _is_documents(inputs: list[Path]) -> bool:
    return len(inputs) == 1 and inputs[0].suffix == ".parquet"


def _count(inputs: list[Path]) -> int:
    if not _is_documents(inputs):
        return len(inputs)
    with open_parquet(inputs[0]) as file:
        fields = {field.name: str(field.type).replace("large_", "") for field in file.schema_arrow}
        wrong = [name for name, kind in DOCUMENT.items() if not re.fullmatch(kind, fields.get(name, ""))]
        if wrong:
            raise InputError(
                f"{inputs[0]} is no Parquet of documents: it lacks, or has with another type, "
                f"{', '.join(wrong)}. It needs id and text (text) and labels (list of text)."
            )
        return file.metadata.num_rows


def _questions(inputs: list[Path]) -> Iterator[Question]:
    if _is_documents(inputs):
        for row in read_parquet(inputs[0], columns=["id", "text", "labels"]):
            yield Question(str(row["id"]), row["text"] or "", tuple(row["labels"] or ()))
    else:
        for path in inputs:
            yield Question(str(path), path, ())


def _batches(questions: Iterable[Question]) -> Iterator[list[Question]]:
    questions = iter(questions)
    while batch := list(islice(questions, BATCH)):
        yield batch


def _confusion(questions: list[Question], answers: list[Prediction], columns: list[str]) -> np.ndarray:
    number_of = {label: number for number, label in enumerate(columns)}
    pairs = [(q, a.label) for q, a in zip(questions, answers, strict=True) if len(q.labels) == 1]
    for question, _ in pairs:
        if question.labels[0] not in number_of:
            raise InputError(
                f"{question.path} has the label {question.labels[0]!r}, unknown to the classifier."
            )
    targets = [number_of[question.labels[0]] for question, _ in pairs]
    return confusion_matrix(targets, [number_of[label] for _, label in pairs], len(columns))


def _row(question: Question, answer: Prediction) -> tuple[str, ...]:
    """Six decimals: what lies beyond depends on the texts beside it in the batch."""
    return (
        question.path,
        answer.label,
        f"{answer.probability:.6f}",
        answer.runner_up,
        f"{answer.runner_up_probability:.6f}",
        answer.note,
    )
