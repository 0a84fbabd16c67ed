"""A trained model as a folder: `model.safetensors`, and in `config.json` what rebuilds the module."""

from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor

from garner.errors import InputError
from garner.files import atomic, read_json, write_json
from garner.models import Model, model_class

FORMAT = 1


def save_model(folder: Path, weights: dict[str, Tensor], config: dict[str, Any]) -> None:
    """Seal the folder. `config`: kind, settings, vocabulary (number of ids), labels, tokens (of a text).

    That of an encoder kind has besides: encoder (its own config), special (ids), decision.
    """
    with atomic(folder) as part:
        part.mkdir()
        # Not save_file, which words a full disk in its own way.
        (part / "model.safetensors").write_bytes(save(weights))
        write_json(part / "config.json", config | {"format": FORMAT})


def load_model(folder: Path) -> tuple[Model, dict[str, Any]]:
    """The model on the CPU, in evaluation mode, and its config; InputError if the folder is not whole."""
    config = read_json(folder / "config.json")
    if not isinstance(config, dict) or config.get("format") != FORMAT:
        raise InputError(f"{folder}/config.json is not of format {FORMAT}. Train the model again.")
    model = build_model(config)
    try:
        model.load_state_dict(load_file(folder / "model.safetensors"))
    except (OSError, SafetensorError, RuntimeError) as error:
        raise InputError(f"{folder}/model.safetensors cannot be used ({error}). Train again.") from None
    return model.eval(), config


def build_model(config: dict[str, Any]) -> Model:
    """A model with fresh weights, drawn from torch's random state."""
    return model_class(config["kind"]).build(config)
