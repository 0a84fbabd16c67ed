"""An exported model of kind `bag` in use: the one label of a text."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from garner.classifier_config import BagConfig, read_beside
from garner.models.token_counts import count_tokens, pad_counts
from garner.text_input import Given, read_text
from garner.vocabulary import Vocabulary

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Prediction:
    """The most probable label and the next one; "unknown", with the reason in `note`, for what is no text."""

    label: str
    probability: float
    runner_up: str = ""
    runner_up_probability: float = 0.0
    note: str = ""


class BagClassifier:
    batch = 64  # texts

    def __init__(self, folder: Path, config: BagConfig, session: "InferenceSession"):
        read_beside(folder, config.vocabulary)
        self._config, self._session = config, session
        self._vocabulary = Vocabulary.load(folder / config.vocabulary["name"])

    def predict(self, inputs: list[Given]) -> list[Prediction]:
        read = [self._ids(given) for given in inputs]
        texts = [count_tokens(ids) for ids, _ in read if len(ids)]
        answers = iter(self._answers(texts) if texts else [])
        return [next(answers) if len(ids) else Prediction(UNKNOWN, 0.0, note=note) for ids, note in read]

    def _ids(self, given: Given) -> tuple[np.ndarray, str]:
        """Token ids, or none and the reason."""
        text, reason = read_text(given)
        return self._vocabulary.ids(text or "", self._config.tokens), reason or "empty"

    def _answers(self, texts: list[tuple[np.ndarray, np.ndarray]]) -> Iterator[Prediction]:
        tokens, counts = pad_counts(texts)
        (probabilities,) = self._session.run(None, {"tokens": tokens, "counts": counts})
        labels = self._config.labels
        for row in probabilities:
            first, second = np.argsort(-row, kind="stable")[:2]
            yield Prediction(labels[first], float(row[first]), labels[second], float(row[second]))
