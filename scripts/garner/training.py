"""The stage train: shards in, the model with the best validation score out."""

import csv
import io
import os
from pathlib import Path
from typing import Any

import torch

from garner.checkpoint import Checkpoints
from garner.errors import ConfigError, InputError
from garner.files import read_json, sha256, write_json, write_text
from garner.models.saved import build_model, save_model
from garner.objective import LOSSES
from garner.shards import ShardReader
from garner.training_loop import Training


def train_model(
    train: Path,
    validation: Path,
    labels: Path,
    vocabulary: Path,
    outputs: dict[str, Path],
    state: Path,
    kind: str,
    settings: dict[str, Any],
    seed: int,
    code: str,
    device: str,
    checkpoint_seconds: float,
) -> None:
    """Train on the shards `train` until `validation` gains no more; seals "model", "history" and "metrics".

    Goes on from `state` if the training there had the same data, settings, seed, `code` (any text that
    changes with the code) and kind of device; otherwise it starts anew. Raises Interrupted when a stop is
    requested, InputError for data that cannot be used, TrainingError where the loss is no number.
    """
    place = choose_device(device)
    torch.set_num_threads(settings["threads"])
    torch.use_deterministic_algorithms(True)
    torch.utils.deterministic.fill_uninitialized_memory = False  # slow, and nothing here reads such memory
    torch.manual_seed(seed)
    with (
        open_shards(train, labels, vocabulary) as train_reader,
        open_shards(validation, labels, vocabulary) as validation_reader,
    ):
        meta = train_reader.meta
        config = {
            "kind": kind,
            "settings": settings,
            "labels": meta["labels"],
            "tokens": meta["tokens"],
            "vocabulary": meta["vocabulary_size"],
        }
        model = build_model(config)
        train_items, validation_items = model.read(train_reader), model.read(validation_reader)
    model.observe(train_items)
    identity = {
        "kind": kind,
        "settings": settings,
        "seed": seed,
        "code": code,
        "torch": [torch.__version__, place.type],
        "data": [sha256(path) for path in (train / "index.json", validation / "index.json")],
    }
    checkpoints = Checkpoints(state, identity)
    training = Training(model.to(place), config["labels"], settings, seed, checkpoints)
    training.run(train_items, validation_items, checkpoint_seconds)
    save_model(outputs["model"], training.best, config)
    write_history(outputs["history"], training.position.history, model.labelling.score)
    metrics = {
        "best_epoch": training.position.best_epoch,
        "epochs": training.position.epoch,
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "train_samples": len(train_items),
        "validation": training.scores(validation_items),
    }
    write_json(outputs["metrics"], metrics)
    checkpoints.clear()


def open_shards(folder: Path, labels: Path, vocabulary: Path) -> ShardReader:
    """A reader; InputError if the folder is empty, or of other labels or another vocabulary than these."""
    reader = ShardReader(folder)
    if not len(reader):
        raise InputError(f"{folder} holds no sample. Lower sort.minimum_files, or scrape and clone more.")
    expected = {"labels": read_json(labels).get("labels"), "vocabulary_sha256": sha256(vocabulary)}
    if any(reader.meta[name] != value for name, value in expected.items()):
        raise InputError(f"{folder} was not made with {labels} and {vocabulary}. Delete it and run again.")
    return reader


def choose_device(device: str) -> torch.device:
    """`auto` is the GPU where there is one; ConfigError for `cuda` where there is none."""
    available = torch.cuda.is_available()
    if device == "cuda" and not available:
        raise ConfigError("run.device: 'cuda' is asked for, but torch sees no GPU. Use 'auto' or 'cpu'.")
    if device == "cpu" or not available:
        return torch.device("cpu")
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # what cuBLAS needs to be deterministic
    return torch.device("cuda")


def write_history(path: Path, history: list[dict[str, float]], score: str) -> None:
    """One row an epoch; a loss that is switched off has an empty cell."""
    columns = ("epoch", "learning_rate", "loss", *LOSSES, f"validation_{score}")
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(history)
    write_text(path, text.getvalue())
