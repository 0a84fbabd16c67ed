"""The stage export: the trained model as ONNX and int8, sealed only if both agree with it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import onnx
import torch
from torch import Tensor

from garner.bag_export import BagExport
from garner.classifier import open_session
from garner.classifier_config import FORMAT
from garner.encoders.export import MultilabelExport, UsersExport
from garner.errors import ExportError
from garner.evaluation import Predict, answers, by_torch
from garner.files import atomic, read_json, sha256, write_json, write_text
from garner.latency import measure_latency
from garner.logs import log
from garner.models import Model
from garner.models.saved import load_model
from garner.onnx_graph import to_bytes
from garner.training import open_shards


class ModelExport(Protocol):
    """What a kind of model does in its own way; made from the trained model and its config."""

    vocabulary: (
        str  # the name of the output that its vocabulary is written to, and its key in classifier.json
    )
    singly: bool  # whether the int8 model is given one item a call

    def graphs(self, inputs: tuple[Tensor, ...], maximum_bytes: int) -> dict[str, onnx.ModelProto]:
        """The "onnx" and the "int8" model, if it can within `maximum_bytes`; `inputs` are of two items."""

    def compare(self, expected: np.ndarray, found: np.ndarray, targets: np.ndarray) -> dict[str, Any]:
        """For parity.json, of torch's probabilities and others: "disagreements", and what check needs."""

    def check(self, parity: dict, settings: dict[str, Any]) -> None:
        """Raise ExportError where the int8 model is not as good as `settings` ask."""

    def description(
        self, vocabulary: Path, labels: dict, test: Path | None, posts: int | None
    ) -> dict[str, Any]:
        """What classifier.json says besides, of what export_model was given; `labels` as in that file."""

    def card(self, classifier: dict, parity: dict, settings: dict[str, Any]) -> str:
        """The README.md, from classifier.json, parity.json and the settings of the study's `train`."""


KINDS = {"bag": BagExport, "multilabel": MultilabelExport, "users": UsersExport}


def export_model(
    model: Path,
    vocabulary: Path,
    labels: Path,
    validation: Path,
    outputs: dict[str, Path],
    settings: dict[str, Any],
    study: str,
    test: Path | None = None,
    posts: int | None = None,
) -> None:
    """Seal the folder that a Classifier opens: "onnx", "int8", "parity", "card", "classifier", vocabulary.

    The last is called "vocabulary" or, for a model with an encoder, "tokenizer". How long an answer takes
    differs from run to run, and so stands in a file of its own, where "latency" is among the outputs. `test`
    gives a multilabel model its examples, `posts` is how many of a user are read.
    Raises ExportError, and seals nothing, where the answers on the shards `validation` are off the model's
    by more than `settings` allow or the int8 model is too large; InputError where the inputs are not of one
    run.
    """
    torch.set_num_threads(1)  # so that the parity that is written does not depend on the machine's cores
    trained, config = load_model(model)
    kind: ModelExport = KINDS[config["kind"]](trained, config)
    with open_shards(validation, labels, vocabulary) as reader:
        items = trained.read(reader)
    inputs, _ = trained.collate((list(items[:2]) * 2)[:2])  # a size of one would not be traced as free
    models = {name: to_bytes(graph) for name, graph in kind.graphs(inputs, settings["maximum_bytes"]).items()}
    parity = measure_parity(trained, kind, models, items, config)
    check_parity(kind, parity, settings)
    for name, data in models.items():
        with atomic(outputs[name]) as part:
            part.write_bytes(data)
    with atomic(outputs[kind.vocabulary]) as part:
        part.write_bytes(vocabulary.read_bytes())
    write_json(outputs["parity"], parity)
    if "latency" in outputs:
        predicts = {"torch": by_torch(trained)} | {
            name: by_onnx(data, trained.input_names) for name, data in models.items()
        }
        write_json(outputs["latency"], measure_latency(trained, predicts, items))
    classifier = {
        "format": FORMAT,
        "study": study,
        "kind": config["kind"],
        "labels": config["labels"],
        "tokens": config["tokens"],
        "model": _described(outputs["int8"]),
        kind.vocabulary: _described(outputs[kind.vocabulary]),
        "metrics": parity["int8"]["validation"],
    } | kind.description(vocabulary, read_json(labels), test, posts)
    write_text(outputs["card"], kind.card(classifier, parity, config["settings"]))
    write_json(outputs["classifier"], classifier)


def measure_parity(
    trained: Model, kind: ModelExport, models: dict[str, bytes], items: Sequence, config: dict
) -> dict:
    """Torch's scores on `items`, and those of each ONNX model beside how far it is off torch, as JSON."""
    expected, targets = answers(trained, items, by_torch(trained))

    def scores(probabilities: np.ndarray) -> dict:
        return trained.labelling.scores(probabilities, targets, config["labels"], config.get("decision"))

    parity: dict[str, Any] = {"samples": len(items), "torch": {"validation": scores(expected)}}
    for name, data in models.items():
        predict = by_onnx(data, trained.input_names)
        singly = kind.singly and name == "int8"
        found = _one_by_one(trained, items, predict) if singly else answers(trained, items, predict)[0]
        parity[name] = {
            "validation": scores(found),
            "maximum_difference": float(np.abs(found - expected).max()),  # of a probability
            "bytes": len(data),
        } | kind.compare(expected, found, targets)
    return parity


def check_parity(kind: ModelExport, parity: dict, settings: dict[str, Any]) -> None:
    """Raise ExportError where `parity` is off `settings`: tolerance, maximum_bytes, and the kind's own."""
    difference = parity["onnx"]["maximum_difference"]
    if not difference <= settings["tolerance"]:
        raise ExportError(
            f"the ONNX model's probabilities differ from torch's by up to {difference:.2g}, more than "
            f"export.tolerance ({settings['tolerance']:g})."
        )
    kind.check(parity, settings)
    size, samples = parity["int8"]["bytes"], parity["samples"]
    if size > settings["maximum_bytes"]:
        raise ExportError(
            f"the int8 model has {size:,} bytes, more than export.maximum_bytes "
            f"({settings['maximum_bytes']:,}). Train a smaller one, or raise it."
        )
    same = samples - parity["int8"]["disagreements"]
    log.info("export: int8 model of %s bytes, %s of %s answers as torch", f"{size:,}", same, samples)


def by_onnx(model: bytes, names: tuple[str, ...]) -> Predict:
    """The probabilities of an ONNX model, given those of the inputs `names` that it has."""
    session = open_session(model, threads=1)
    wanted = {value.name for value in session.get_inputs()}

    def predict(inputs: tuple[Tensor, ...]) -> np.ndarray:
        feeds = {name: tensor.numpy() for name, tensor in zip(names, inputs, strict=True) if name in wanted}
        return session.run(None, feeds)[0]

    return predict


def _one_by_one(trained: Model, items: Sequence, predict: Predict) -> np.ndarray:
    return np.concatenate([predict(trained.collate([item])[0]) for item in items])


def _described(path: Path) -> dict[str, str | int]:
    return {"name": path.name, "bytes": path.stat().st_size, "sha256": sha256(path)}
