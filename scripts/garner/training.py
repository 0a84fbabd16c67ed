"""The stage train: shards in, the model with the best validation score out."""

import csv
import io
import os
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from garner.checkpoint import Checkpoints
from garner.errors import ConfigError, InputError
from garner.evaluation import answers, by_torch
from garner.files import read_json, sha256, write_json, write_text
from garner.models.saved import build_model, save_model
from garner.shards import ShardReader
from garner.training_loop import Training, weights_of


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
    encoder: Path | None = None,
) -> None:
    """Train on the shards `train` until `validation` gains no more; seals "model", "history" and "metrics".

    `vocabulary` is the file that the shards' token ids are of, `encoder` the folder of the pretrained encoder
    that a kind with one begins with. Goes on from `state` if the training there had the same data, settings,
    seed, `code` (any text that changes with the code) and kind of device; otherwise it starts anew.
    Raises Interrupted when a stop is requested, InputError for data that cannot be used, TrainingError where
    the loss is no number.
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
        config = model_config(kind, settings, train_reader.meta, encoder)
        model = build_model(config)
        train_items, validation_items = model.read(train_reader), model.read(validation_reader)
    if encoder is not None:
        model.begin_with(encoder, vocabulary)
    model.observe(train_items)
    identity = {
        "kind": kind,
        "settings": settings,
        "seed": seed,
        "code": code,
        "torch": [torch.__version__, place.type],
        "data": [sha256(path) for path in (train / "index.json", validation / "index.json")],
    }
    if encoder is not None:
        files = [sha256(encoder / name) for name in ("config.json", "model.safetensors")]
        identity["encoder"] = [version("transformers"), *files]
    checkpoints = Checkpoints(state, identity)
    recipe = model.to(place).recipe(model, settings, train_items, validation_items, checkpoints)
    sizes = (len(train_items), settings["batch_size"], settings["patience"])
    training = Training(model, recipe, *sizes, seed, checkpoints)
    training.run(checkpoint_seconds)
    config |= model.conclude(train_items, validation_items)
    save_model(outputs["model"], weights_of(model), config)
    write_history(outputs["history"], training.position.history, recipe.losses, model.labelling.score)
    probabilities, targets = answers(model, validation_items, by_torch(model))
    metrics = {
        "best_epoch": training.position.best_epoch,
        "epochs": training.position.epoch,
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "train_samples": len(train_items),
        "validation": model.labelling.scores(
            probabilities, targets, config["labels"], config.get("decision")
        ),
    }
    write_json(outputs["metrics"], metrics)
    checkpoints.clear()


def model_config(kind: str, settings: dict[str, Any], meta: dict, encoder: Path | None) -> dict[str, Any]:
    """The config of a model of shards with this `meta`: all that builds it again."""
    config = {
        "kind": kind,
        "settings": settings,
        "labels": meta["labels"],
        "tokens": meta["tokens"],
        "vocabulary": meta["vocabulary_size"],
    }
    if encoder is not None:
        config |= {"encoder": read_json(encoder / "config.json"), "special": meta["special"]}
    return config


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


def write_history(path: Path, history: list[dict[str, float]], losses: tuple[str, ...], score: str) -> None:
    """One row an epoch; a loss that is switched off has an empty cell."""
    columns = ("epoch", "learning_rate", "loss", *losses, f"validation_{score}")
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(history)
    write_text(path, text.getvalue())
