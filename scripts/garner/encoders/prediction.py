"""Answers of the models with an encoder as rows: the tags of each question, the class of each user.

Names and ids stand in the rows as they were given, but for one that a spreadsheet would take for a formula:
it gets an apostrophe before it, by which a spreadsheet shows it as text.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from garner import binary_metrics, multilabel_metrics
from garner.classifier_config import MultilabelConfig, UsersConfig
from garner.csv_rows import as_text
from garner.encoders.classifiers import Answer, UserAnswer
from garner.errors import InputError
from garner.prediction_inputs import (
    Question,
    count_documents,
    documents,
    is_csv,
    is_documents,
    is_parquet,
    rows_of,
    user_of,
    users,
)

BEST = 5  # tags with a column of their own


class TagsTable:
    """Inputs are Parquets of documents, CSVs of questions (prediction_inputs.rows_of), and files of text."""

    columns = (
        "id",
        "tags",
        *(f"{name}_{rank}" for rank in range(1, BEST + 1) for name in ("tag", "probability")),
        "note",
    )

    def __init__(self, config: MultilabelConfig, inputs: list[Path]):
        self._inputs, self._labels, self._code_lines = inputs, config.labels, config.code_lines
        none = np.zeros((0, len(config.labels)), dtype=bool)
        self._scored = [(none.astype(np.float32), none, none)]  # probabilities, decided, true

    def count(self) -> int | None:
        documents = [count_documents(path) for path in self._inputs if is_parquet(path)]
        if any(is_csv(path) for path in self._inputs):
            return None
        return sum(documents) + len(self._inputs) - len(documents)

    def questions(self) -> Iterator[Question]:
        for path in self._inputs:
            if is_parquet(path):
                yield from documents(path)
            elif is_csv(path):
                yield from rows_of(path, self._code_lines)
            else:
                yield Question(str(path), path)

    def row(self, question: Question, answer: Answer) -> tuple[str, ...]:
        shares = np.array(answer.probabilities)
        best = [] if answer.note else np.argsort(-shares, kind="stable")[:BEST]
        cells = [cell for i in best for cell in (self._labels[i], f"{shares[i]:.6f}")]
        cells += [""] * (2 * BEST - len(cells))
        return (as_text(question.name), " ".join(answer.tags), *cells, answer.note)

    def score(self, questions: list[Question], answers: list[Answer]) -> None:
        """The documents with a label."""
        pairs = [pair for pair in zip(questions, answers, strict=True) if pair[0].labels]
        if pairs:
            _refuse_unknown((question for question, _ in pairs), self._labels)
            probabilities = np.array([answer.probabilities for _, answer in pairs], dtype=np.float32)
            decided, targets = (
                np.array([[label in found for label in self._labels] for found in sets])
                for sets in ([set(a.tags) for _, a in pairs], [set(q.labels) for q, _ in pairs])
            )
            self._scored.append((probabilities, decided, targets))

    def metrics(self) -> dict:
        probabilities, decided, targets = map(np.concatenate, zip(*self._scored, strict=True))
        return multilabel_metrics.summary(probabilities, decided, targets, self._labels)


class UsersTable:
    """Inputs are one Parquet of documents, a user's in neighbouring rows with one group, or CSVs `@name.csv`.

    The first two columns are those that the replaced system wrote. A user without a post has no answer.
    """

    def __init__(self, config: UsersConfig, inputs: list[Path]):
        self._config, self._inputs = config, inputs
        age = f"Age is equal to or greater than {config.cutoff}"
        self.columns = ("Username", age, "probability", "posts", "note")
        self._scored: list[tuple[float, bool, bool, int]] = []  # the last are posts

    def count(self) -> int | None:
        if is_documents(self._inputs):
            count_documents(self._inputs[0], group="string")
            return None
        return len(self._inputs)

    def questions(self) -> Iterator[Question]:
        if is_documents(self._inputs):
            return users(self._inputs[0], self._config.posts)
        return (user_of(path, self._config.posts) for path in self._inputs)

    def row(self, question: Question, answer: UserAnswer) -> tuple[str, ...]:
        name, note = as_text(question.name), question.note or answer.note
        if note:
            return (name, "", "", str(answer.posts), note)
        return (name, str(self._is_second(answer.label)), f"{answer.probability:.6f}", str(answer.posts), "")

    def score(self, questions: list[Question], answers: list[UserAnswer]) -> None:
        """The users with a label and a post."""
        _refuse_unknown(questions, self._config.labels)
        self._scored += [
            (
                answer.probability,
                self._is_second(answer.label),
                self._is_second(question.labels[0]),
                answer.posts,
            )
            for question, answer in zip(questions, answers, strict=True)
            if question.labels and not answer.note
        ]

    def metrics(self) -> dict:
        probabilities, decided, targets, posts = np.array(self._scored, dtype=np.float64).reshape(-1, 4).T
        posts = posts.astype(int)
        users, right = np.bincount(posts), np.bincount(posts, decided == targets)
        return binary_metrics.summary(probabilities, decided > 0, targets > 0, self._config.labels) | {
            "by_posts": [
                {"posts": int(n), "users": int(users[n]), "right": int(right[n])}
                for n in np.flatnonzero(users)
            ]
        }

    def _is_second(self, label: str) -> bool:
        return label == self._config.labels[1]


def _refuse_unknown(questions, labels: tuple[str, ...]) -> None:
    for question in questions:
        unknown = sorted(set(question.labels).difference(labels))
        if unknown:
            raise InputError(f"{question.name} has the label {unknown[0]!r}, unknown to the classifier.")
