"""Answers of a model of kind `bag` as rows: the language of each file or document."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from garner.bag_classifier import UNKNOWN, Prediction
from garner.classifier_config import BagConfig
from garner.errors import InputError
from garner.metrics import confusion_matrix, summary
from garner.prediction_inputs import Question, count_documents, documents, is_documents


class BagTable:
    """One path that ends in `.parquet` is a Parquet of documents; all else are files.

    One that is no text has the language "unknown" and the reason in `note`.
    """

    columns = ("path", "language", "probability", "runner_up", "runner_up_probability", "note")

    def __init__(self, config: BagConfig, inputs: list[Path]):
        self._inputs = inputs
        self._labels = [*config.labels, UNKNOWN]
        self._matrix = np.zeros((len(self._labels), len(self._labels)), dtype=np.int64)

    def count(self) -> int:
        return count_documents(self._inputs[0]) if is_documents(self._inputs) else len(self._inputs)

    def questions(self) -> Iterator[Question]:
        if is_documents(self._inputs):
            return documents(self._inputs[0])
        return (Question(str(path), path) for path in self._inputs)

    def row(self, question: Question, answer: Prediction) -> tuple[str, ...]:
        """Six decimals: what lies beyond depends on the texts beside it in the batch."""
        return (
            question.name,
            answer.label,
            f"{answer.probability:.6f}",
            answer.runner_up,
            f"{answer.runner_up_probability:.6f}",
            answer.note,
        )

    def score(self, questions: list[Question], answers: list[Prediction]) -> None:
        """The documents with one label."""
        number_of = {label: number for number, label in enumerate(self._labels)}
        pairs = [(q, a.label) for q, a in zip(questions, answers, strict=True) if len(q.labels) == 1]
        for question, _ in pairs:
            if question.labels[0] not in number_of:
                raise InputError(
                    f"{question.name} has the label {question.labels[0]!r}, unknown to the classifier."
                )
        targets = [number_of[question.labels[0]] for question, _ in pairs]
        self._matrix += confusion_matrix(targets, [number_of[label] for _, label in pairs], len(self._labels))

    def metrics(self) -> dict:
        return summary(self._matrix[:-1], self._labels[:-1], self._labels)
