"""The tiny studies with a pretrained encoder, trained in a second or two."""

from pathlib import Path
from typing import Any

import tiny_questions
import tiny_users
import torch

from garner.models.saved import build_model
from garner.shards import ShardReader
from garner.training import model_config, train_model

COMMON = {
    "pooling": "mean",
    "dropout": 0.1,
    "encoder_dropout": 0.1,
    "attention_dropout": 0.0,
    "head_epochs": 2,
    "epochs": 2,
    "patience": 5,
    "learning_rate": 2e-3,
    "head_learning_rate": 2e-2,
    "joint_head_learning_rate": 1e-2,
    "layer_decay": 0.9,
    "frozen_layers": None,
    "weight_decay": 0.01,
    "warm_up": 0.1,
    "decay": "linear",
    "clip": 1.0,
    "averaged_steps": 3,
    "batch_size": 16,
    "micro_batch_tokens": 512,
    "encoder_tokens": None,
    "ngrams": {"size": 256, "penalty": 0.2},
    "threads": 1,
}
LOSS = {
    "kind": "binary_cross_entropy",
    "ranking": 0.0,
    "gamma_positive": 0.0,
    "gamma_negative": 2.0,
    "clip": 0.05,
}
SETTINGS = {
    "multilabel": COMMON | {"name_scale": 1.0, "loss": LOSS, "decision": "per_label"},
    "users": COMMON
    | {
        "pooling": "last_cls",
        "posts": "attention",
        "class_balance": False,
        "learning_rate": 5e-4,
        "head_learning_rate": 1e-3,
        "joint_head_learning_rate": 1e-3,
    },
}
STUDIES = {"multilabel": tiny_questions, "users": tiny_users}


def make(folder: Path, kind: str) -> Path:
    """`folder` with sort/, dictionary/ and serialize/ for a model of `kind`."""
    return STUDIES[kind].make(folder / kind)


def meta_of(study: Path) -> dict[str, Any]:
    """What the shards of the training part say of themselves."""
    with ShardReader(study / "serialize/train") as reader:
        return reader.meta


def items_of(study: Path, model: Any) -> list:
    """The training part, as the model reads it."""
    with ShardReader(study / "serialize/train") as reader:
        return model.read(reader)


def build(study: Path, kind: str, **changes: Any) -> Any:
    """A model on the pretrained encoder, before any training."""
    torch.manual_seed(0)
    encoder = study / "dictionary/encoder"
    model = build_model(model_config(kind, SETTINGS[kind] | changes, meta_of(study), encoder))
    model.begin_with(encoder, study / "dictionary/tokenizer.json")
    return model.eval()


def train(
    study: Path,
    kind: str,
    folder: Path,
    settings: dict[str, Any] | None = None,
    seconds: float = 1e9,
    **changes: Any,
) -> bytes:
    """Train into `folder`/train, with the state beside; returns all the bytes that were written."""
    arguments = {"seed": 1, "code": "1", "device": "cpu"} | training_inputs(study) | changes
    train_model(
        **arguments,
        outputs={
            "model": folder / "train/model",
            "metrics": folder / "train/metrics.json",
            "history": folder / "train/history.csv",
        },
        state=folder / "state",
        kind=kind,
        settings=SETTINGS[kind] | (settings or {}),
        checkpoint_seconds=seconds,
    )
    return b"".join(path.read_bytes() for path in sorted((folder / "train").rglob("*")) if path.is_file())


def training_inputs(study: Path) -> dict[str, Path]:
    return {
        "train": study / "serialize/train",
        "validation": study / "serialize/validation",
        "labels": study / "sort/labels.json",
        "vocabulary": study / "dictionary/tokenizer.json",
        "encoder": study / "dictionary/encoder",
    }
