"""What export does with the kinds of model that have an encoder."""

from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from torch import Tensor

from garner.decisions import decide
from garner.document import read_documents
from garner.encoders.cards import tags_card, users_card
from garner.encoders.graph import to_int8, to_onnx
from garner.errors import ExportError, InputError
from garner.logs import log
from garner.models import Model

RESAMPLES = 100
EXAMPLES = 3
CHARACTERS = range(100, 1500)  # of an example: enough to tell something, and read at a glance


class _EncoderExport:
    vocabulary = "tokenizer"
    singly = True
    padded: bool  # whether what the int8 model is given in a call may have texts of several lengths
    scores: tuple[str, ...]  # that int8 must keep

    def __init__(self, trained: Model, config: dict[str, Any]):
        self._trained, self._labels, self._decision = trained, config["labels"], config["decision"]

    def graphs(self, inputs: tuple[Tensor, ...], maximum_bytes: int) -> dict[str, onnx.ModelProto]:
        graph = to_onnx(self._trained.deployed(), inputs, self._trained.input_names)
        int8 = to_int8(graph, self.padded)
        if int8.ByteSize() > maximum_bytes:
            log.info("export: %s bytes are too many: the tokens' table gets six bits", f"{int8.ByteSize():,}")
            int8 = to_int8(graph, self.padded, small=True)
        return {"onnx": graph, "int8": int8}

    def compare(self, expected: np.ndarray, found: np.ndarray, targets: np.ndarray) -> dict[str, Any]:
        """Besides, how far the scores' differences would vary by chance, from one validation part to another.

        It is the bootstrap's standard error: Efron, "Bootstrap methods", Annals of Statistics 7 (1979).
        """
        others = (decide(found, self._decision) != decide(expected, self._decision)).any(axis=1)
        choose = np.random.default_rng(0)
        differences = [
            self._scores(found[rows], targets[rows]) - self._scores(expected[rows], targets[rows])
            for rows in choose.integers(len(targets), size=(RESAMPLES, len(targets)))
        ]
        errors = np.std(differences, axis=0).tolist()
        return {
            "disagreements": int(others.sum()),
            "standard_errors": dict(zip(self.scores, errors, strict=True)),
        }

    def check(self, parity: dict, settings: dict[str, Any]) -> None:
        """By f1_tolerance, beyond what chance explains: in a small validation part a few texts are points."""
        for name in self.scores:
            expected, found = (parity[which]["validation"][name] or 0 for which in ("torch", "int8"))
            chance = 2 * parity["int8"]["standard_errors"][name]
            if not found >= expected - settings["f1_tolerance"] - chance:
                raise ExportError(
                    f"the int8 model's {name} on the validation part is {found:.4f}, and torch's "
                    f"{expected:.4f}: lower by more than export.f1_tolerance ({settings['f1_tolerance']:g}) "
                    f"and chance ({chance:.4f}) allow. Train anew with another seed, or raise it."
                )

    def _scores(self, probabilities: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """Those of `scores`, 0 for one that these items cannot have."""
        found = self._trained.labelling.scores(probabilities, targets, self._labels, self._decision)
        return np.array([found[name] or 0 for name in self.scores])


class MultilabelExport(_EncoderExport):
    padded = False
    scores = ("micro_f1", "macro_f1_frequent")

    def description(
        self, vocabulary: Path, labels: dict, test: Path | None, posts: int | None
    ) -> dict[str, Any]:
        if test is None or not {"link", "code_lines"} <= labels.keys():
            raise InputError(
                "a model of kind 'multilabel' is exported with its test part, the tags' link and code_lines."
            )
        read = {name: labels[name] for name in ("link", "code_lines")}
        return {"decision": self._decision, "examples": _examples(test)} | read

    def card(self, classifier: dict, parity: dict, settings: dict[str, Any]) -> str:
        return tags_card(classifier, parity, settings)


class UsersExport(_EncoderExport):
    padded = True
    scores = ("accuracy",)

    def description(
        self, vocabulary: Path, labels: dict, test: Path | None, posts: int | None
    ) -> dict[str, Any]:
        if posts is None or not {"cutoff", "post_characters"} <= labels.keys():
            raise InputError(
                "a model of kind 'users' is exported with serialize.posts, the cutoff and post_characters."
            )
        read = {name: labels[name] for name in ("cutoff", "post_characters")}
        return {"decision": self._decision, "posts": posts} | read

    def card(self, classifier: dict, parity: dict, settings: dict[str, Any]) -> str:
        return users_card(classifier, parity, settings)


def _examples(test: Path) -> list[dict[str, str]]:
    """The first questions of the test part that are neither short nor long, with where they are from."""
    readable = (document for document in read_documents(test) if len(document.text) in CHARACTERS)
    examples = []
    for document in islice(readable, EXAMPLES):
        title, _, text = document.text.partition("\n\n")
        source = {name: document.origin.get(name, "") for name in ("link", "licence")}
        examples.append({"id": document.id, "title": title, "text": text} | source)
    return examples
