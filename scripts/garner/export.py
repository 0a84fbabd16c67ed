"""The stage export: the trained model as ONNX and int8, sealed only if both agree with it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from garner.classifier import FORMAT, open_session
from garner.errors import ExportError
from garner.evaluation import Predict, answers, by_torch
from garner.files import atomic, sha256, write_json, write_text
from garner.logs import log
from garner.model_card import model_card
from garner.models import Model
from garner.models.saved import load_model
from garner.onnx_graph import to_bytes, to_int8, to_onnx
from garner.training import open_shards
from garner.vocabulary import Vocabulary


def export_model(
    model: Path,
    vocabulary: Path,
    labels: Path,
    validation: Path,
    outputs: dict[str, Path],
    settings: dict[str, Any],
    study: str,
) -> None:
    """Seal the folder that a Classifier opens: "onnx", "int8", "vocabulary", "parity", "card", "classifier".

    Raises ExportError, and seals nothing, where the answers on the shards `validation` are off the model's by
    more than `settings` allow or the int8 model is too large; InputError where the inputs are not of one run.
    """
    torch.set_num_threads(1)  # so that the parity that is written does not depend on the machine's cores
    trained, config = load_model(model)
    with open_shards(validation, labels, vocabulary) as reader:
        items = trained.read(reader)
    inputs, _ = trained.collate(items[:2])
    graph = to_onnx(trained.deployed(), inputs, trained.input_names)
    models = {"onnx": to_bytes(graph), "int8": to_bytes(to_int8(graph))}
    parity = measure_parity(trained, models, items, config["labels"])
    check_parity(parity, settings)
    for name, data in models.items():
        with atomic(outputs[name]) as part:
            part.write_bytes(data)
    words = Vocabulary.load(vocabulary)
    words.save(outputs["vocabulary"])
    write_json(outputs["parity"], parity)
    classifier = {
        "format": FORMAT,
        "study": study,
        "kind": config["kind"],
        "labels": config["labels"],
        "tokens": config["tokens"],
        "pattern": words.pattern,
        "model": _described(outputs["int8"]),
        "vocabulary": _described(outputs["vocabulary"]),
        "metrics": parity["int8"]["validation"],
    }
    write_text(outputs["card"], model_card(classifier, parity, config["settings"]))
    write_json(outputs["classifier"], classifier)


def measure_parity(trained: Model, models: dict[str, bytes], items: Sequence, labels: list[str]) -> dict:
    """Torch's scores on `items`, and those of each ONNX model beside how far it is off torch, as JSON."""
    expected, targets = answers(trained, items, by_torch(trained))
    scores = trained.labelling.scores
    parity: dict[str, Any] = {
        "samples": len(items),
        "torch": {"validation": scores(expected, targets, labels)},
    }
    for name, data in models.items():
        found, _ = answers(trained, items, _by_onnx(data, trained.input_names))
        parity[name] = {
            "validation": scores(found, targets, labels),
            "maximum_difference": float(np.abs(found - expected).max()),  # of a probability
            "disagreements": int((found.argmax(axis=1) != expected.argmax(axis=1)).sum()),
            "bytes": len(data),
        }
    return parity


def check_parity(parity: dict, settings: dict[str, Any]) -> None:
    """Raise ExportError where `parity` is off `settings`: tolerance, int8_agreement, maximum_bytes."""
    difference = parity["onnx"]["maximum_difference"]
    if not difference <= settings["tolerance"]:
        raise ExportError(
            f"the ONNX model's probabilities differ from torch's by up to {difference:.2g}, more than "
            f"export.tolerance ({settings['tolerance']:g})."
        )
    other, samples = parity["int8"]["disagreements"], parity["samples"]
    # One text may always differ: in a small validation part it is more than any share.
    if other > max(1, (1 - settings["int8_agreement"]) * samples):
        raise ExportError(
            f"the int8 model answers {other:,} of {samples:,} validation texts otherwise than torch, more "
            f"than export.int8_agreement ({settings['int8_agreement']:g}) allows. Train longer, or lower it."
        )
    size = parity["int8"]["bytes"]
    if size > settings["maximum_bytes"]:
        raise ExportError(
            f"the int8 model has {size:,} bytes, more than export.maximum_bytes "
            f"({settings['maximum_bytes']:,}). Lower train.width or dictionary.size, or raise it."
        )
    log.info(
        "export: int8 model of %s bytes, %s of %s answers as torch", f"{size:,}", samples - other, samples
    )


def _by_onnx(model: bytes, names: tuple[str, ...]) -> Predict:
    session = open_session(model, threads=1)

    def predict(inputs: tuple[Tensor, ...]) -> np.ndarray:
        feeds = {name: tensor.numpy() for name, tensor in zip(names, inputs, strict=True)}
        return session.run(None, feeds)[0]

    return predict


def _described(path: Path) -> dict[str, str | int]:
    return {"name": path.name, "bytes": path.stat().st_size, "sha256": sha256(path)}
