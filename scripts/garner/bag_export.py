"""What export does with a model of kind `bag`."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from torch import Tensor

from garner.errors import ExportError
from garner.model_card import model_card
from garner.models import Model
from garner.onnx_graph import to_int8, to_onnx
from garner.vocabulary import Vocabulary


class BagExport:
    vocabulary = "vocabulary"
    singly = False

    def __init__(self, trained: Model, config: dict[str, Any]):
        self._trained = trained

    def graphs(self, inputs: tuple[Tensor, ...], maximum_bytes: int) -> dict[str, onnx.ModelProto]:
        graph = to_onnx(self._trained.deployed(), inputs, self._trained.input_names)
        return {"onnx": graph, "int8": to_int8(graph)}

    def compare(self, expected: np.ndarray, found: np.ndarray, targets: np.ndarray) -> dict[str, Any]:
        return {"disagreements": int((found.argmax(axis=1) != expected.argmax(axis=1)).sum())}

    def check(self, parity: dict, settings: dict[str, Any]) -> None:
        """By int8_agreement."""
        other, samples = parity["int8"]["disagreements"], parity["samples"]
        # One text may always differ: in a small validation part it is more than any share.
        if other > max(1, (1 - settings["int8_agreement"]) * samples):
            raise ExportError(
                f"the int8 model answers {other:,} of {samples:,} validation texts otherwise than torch, "
                f"more than export.int8_agreement ({settings['int8_agreement']:g}) allows. Train longer, or "
                "lower it."
            )

    def description(
        self, vocabulary: Path, labels: dict, test: Path | None, posts: int | None
    ) -> dict[str, Any]:
        return {"pattern": Vocabulary.load(vocabulary).pattern}

    def card(self, classifier: dict, parity: dict, settings: dict[str, Any]) -> str:
        return model_card(classifier, parity, settings)
