"""The stage predict: an exported model's answers on files or documents, as CSV."""

import csv
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, Protocol, TextIO

from garner.bag_prediction import BagTable
from garner.classifier import Classifier
from garner.encoders.prediction import TagsTable, UsersTable
from garner.files import atomic, write_json
from garner.logs import log, track
from garner.prediction_inputs import Question

BATCH = 256  # inputs held at a time
STDOUT = 1


class Table(Protocol):
    """The answers of one kind of model, as rows; made from the classifier's config and what it is asked."""

    columns: tuple[str, ...]

    def count(self) -> int | None:
        """The number of questions, where it is known. InputError for a Parquet that is not of documents."""

    def questions(self) -> Iterator[Question]: ...

    def row(self, question: Question, answer: Any) -> tuple[str, ...]: ...

    def score(self, questions: list[Question], answers: list) -> None:
        """Take these into the metrics, as far as their labels are known; InputError for an unknown label."""

    def metrics(self) -> dict:
        """Of all that was scored, as JSON."""


TABLES = {"bag": BagTable, "multilabel": TagsTable, "users": UsersTable}


def predict_inputs(export: Path, inputs: list[Path], outputs: dict[str, Path]) -> None:
    """Write `outputs["predictions"]`, a row an input, and `outputs["metrics"]` (JSON) if it is asked for.

    The metrics are over the documents whose labels are known. Raises ClassifierError for `export`, InputError
    for an input that cannot be used or whose labels the classifier does not know.
    """
    classifier = Classifier(export)
    with atomic(outputs["predictions"]) as part, open_csv(part) as file:
        metrics = write_predictions(classifier, inputs, file, scored="metrics" in outputs)
    if "metrics" in outputs:
        write_json(outputs["metrics"], metrics)
    log.info("predict: the answers are in %s", outputs["predictions"])


def write_predictions(classifier: Classifier, inputs: list[Path], file: TextIO, scored: bool) -> dict | None:
    """Write a CSV row a question; what the inputs are, the Tables say. Returns the metrics if `scored`."""
    table: Table = TABLES[classifier.config.kind](classifier.config, inputs)
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(table.columns)
    for questions in _batches(track(table.questions(), "predict", "texts", table.count())):
        answers = classifier.predict([question.content for question in questions])
        writer.writerows(table.row(*pair) for pair in zip(questions, answers, strict=True))
        if scored:
            table.score(questions, answers)
    return table.metrics() if scored else None


def open_csv(path: Path | int) -> TextIO:
    """Open for writing. A path in it need not be UTF-8: its odd bytes are written as backslash escapes."""
    return open(path, "w", encoding="utf-8", errors="backslashreplace", newline="", closefd=path != STDOUT)


def _batches(questions: Iterable[Question]) -> Iterator[list[Question]]:
    questions = iter(questions)
    while batch := list(islice(questions, BATCH)):
        yield batch
