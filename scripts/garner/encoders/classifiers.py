"""Exported models with an encoder in use: the labels of a text, or the class of a user.

The int8 model quantises what its layers are given by the range in the call. So each text, or user, has a
call of its own, and its answer is the same whatever it is asked together with.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from garner.classifier_config import EncoderConfig, read_beside
from garner.decisions import decide
from garner.encoders.tokenizer import EncoderTokenizer
from garner.mentions import without_names
from garner.models.text_rows import membership, pad_texts
from garner.text_input import Given, read_text

if TYPE_CHECKING:
    from onnxruntime import InferenceSession


@dataclass(frozen=True, slots=True)
class Answer:
    """What a text is about; for what is no text, the reason in `note`, no tag, and probabilities of 0."""

    probabilities: tuple[float, ...]  # in the order of the classifier's labels
    tags: tuple[str, ...]  # the labels that it has, the most probable first
    note: str = ""


@dataclass(frozen=True, slots=True)
class UserAnswer:
    """The class of a user, and the probability of the second; without a post, no label and `note`."""

    label: str
    probability: float
    posts: int  # that were read
    note: str = ""


class _EncoderClassifier:
    """`batch` is how many inputs `predict` is given at a time."""

    batch = 1

    def __init__(self, folder: Path, config: EncoderConfig, session: "InferenceSession"):
        read_beside(folder, config.tokenizer)
        self._config, self._session = config, session
        self._tokenizer = EncoderTokenizer.load(folder / config.tokenizer["name"])
        self._special = {name: getattr(self._tokenizer, name) for name in ("cls", "sep", "pad")}
        self._names = [value.name for value in session.get_inputs()]

    def _run(self, texts: Iterable[str]) -> np.ndarray:
        """The probabilities for one sample, float32 (labels,), or (1,) for two classes."""
        # A lone surrogate, which JSON can bring, is no character that the tokenizer takes.
        whole = (text.encode("utf-8", "replace").decode() for text in texts)
        samples = [self._tokenizer.sample(text, self._config.tokens) for text in whole]
        ids, mask = pad_texts(samples, self._special)
        known = {"input_ids": ids, "attention_mask": mask, "membership": membership([len(samples)])}
        (probabilities,) = self._session.run(None, {name: known[name] for name in self._names})
        return probabilities[0]


class MultilabelClassifier(_EncoderClassifier):
    def predict(self, inputs: list[Given]) -> list[Answer]:
        return [self._answer(*read_text(given)) for given in inputs]

    def _answer(self, text: str | None, reason: str | None) -> Answer:
        labels = self._config.labels
        if text is None or not text.strip():
            return Answer((0.0,) * len(labels), (), reason or "empty")
        probabilities = self._run([text])
        decided = decide(probabilities, self._config.decision)
        best = np.argsort(-probabilities, kind="stable")
        return Answer(tuple(probabilities.tolist()), tuple(labels[i] for i in best if decided[i]))


class UsersClassifier(_EncoderClassifier):
    def predict(self, inputs: list[Iterable[Given]]) -> list[UserAnswer]:
        """A user is given by their posts, the newest first, which are read as those of the training were."""
        return [self._answer(posts) for posts in inputs]

    def _answer(self, posts: Iterable[Given]) -> UserAnswer:
        if isinstance(posts, Given):
            raise TypeError("a user is given by a list of posts: put each user's into [brackets].")
        texts = [text for text, _ in map(read_text, posts) if text is not None and text.strip()]
        texts = [without_names(text) for text in texts[: self._config.posts]]
        if not texts:
            return UserAnswer("", 0.0, 0, "no posts")
        probabilities = self._run(text[: self._config.post_characters] for text in texts)
        (yes,) = decide(probabilities, self._config.decision)
        return UserAnswer(self._config.labels[int(yes)], float(probabilities[0]), len(texts))
