"""The tiny studies with a pretrained encoder, trained and exported."""

from pathlib import Path
from typing import Any

import tiny_fine_tuning
import tiny_users

from garner.export import export_model

SETTINGS = {"tolerance": 1e-3, "f1_tolerance": 0.02, "maximum_bytes": 1_000_000}


def make(folder: Path, kind: str) -> Path:
    """The study of that kind in `folder`, with train/ and export/ besides."""
    study = tiny_fine_tuning.make(folder, kind)
    tiny_fine_tuning.train(study, kind, study, {"epochs": 6, "patience": 9})
    export(study, kind, study / "export")
    return study


def export(study: Path, kind: str, folder: Path, settings: dict | None = None, **changes: Any) -> None:
    """Export the model of `study` to `folder`, with some settings or inputs changed."""
    inputs = tiny_fine_tuning.training_inputs(study) | {"model": study / "train/model"}
    own = {
        "multilabel": {"test": study / "sort/test.parquet"},
        "users": {"posts": tiny_users.SETTINGS["posts"]},
    }
    del inputs["train"], inputs["encoder"]
    export_model(
        **inputs | own[kind] | changes,
        outputs=outputs(folder),
        settings=SETTINGS | (settings or {}),
        study=f"tiny_{kind}",
    )


def outputs(folder: Path) -> dict[str, Path]:
    return {
        "onnx": folder / "model.onnx",
        "int8": folder / "model.int8.onnx",
        "parity": folder / "parity.json",
        "latency": folder / "latency.json",
        "tokenizer": folder / "tokenizer.json",
        "classifier": folder / "classifier.json",
        "card": folder / "README.md",
    }
