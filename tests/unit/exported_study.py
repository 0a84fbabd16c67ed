"""The tiny study with a trained and exported model."""

from pathlib import Path

import tiny_study

from garner.export import export_model
from garner.training import train_model


def make(folder: Path) -> Path:
    """`folder` as of tiny_study.make, with train/ and export/ besides."""
    tiny_study.make(folder)
    train_model(
        **tiny_study.training_inputs(folder),
        outputs=tiny_study.training_outputs(folder / "train"),
        state=folder / "state",
        kind="bag",
        settings=tiny_study.SETTINGS | {"epochs": 8, "patience": 8},
        seed=1,
        code="1",
        device="cpu",
        checkpoint_seconds=1e9,
    )
    export(folder, folder / "export")
    return folder


def export(study: Path, folder: Path, settings: dict | None = None, **changes: Path) -> None:
    """Export the model of `study` to `folder`, with some settings or inputs changed."""
    inputs = tiny_study.training_inputs(study) | {"model": study / "train/model"} | changes
    del inputs["train"]
    settings = tiny_study.EXPORT_SETTINGS | (settings or {})
    export_model(**inputs, outputs=tiny_study.export_outputs(folder), settings=settings, study="tiny")
