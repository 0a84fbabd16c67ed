"""The stage dictionary of a study with a pretrained encoder: the encoder itself, and its tokenizer.

What is read is data: safetensors, JSON and lists of words. No code of an encoder's author runs, and no
pickle is opened (https://huggingface.co/docs/hub/security-pickle).
"""

import json
from pathlib import Path

from garner.encoders.source import CURE, WEIGHTS, find_encoder, first_line
from garner.encoders.tokenizer import EncoderTokenizer
from garner.errors import InputError
from garner.files import atomic, read_json, write_json, write_text
from garner.logs import log

# What a config.json could use to have code fetched, or weights read in another way than they are stored.
_NOT_DATA = (
    "auto_map",
    "attn_implementation",
    "_attn_implementation",
    "quantization_config",
    "_name_or_path",
)


def prepare_encoder(setting: str | None, outputs: dict[str, Path], state: Path) -> None:
    """Seal the folder `outputs["encoder"]` and the file `outputs["tokenizer"]`.

    `setting` is a folder, a name on the hub, or None (garner.encoders.source, which keeps what it fetches in
    `state`). The folder gets config.json, model.safetensors (float32, with the names of
    `AutoModel.from_config(config).state_dict()`, no pooler, no head) and origin.json; the tokenizer is a fast
    one, whose `truncation` tells the longest input.
    Raises InputError where the encoder cannot be used, ConfigError or TransientError where there is none.
    """
    folder, origin = find_encoder(setting, state)
    tokenizer, model = _tokenizer(folder), _model(folder)
    ids, known = len(EncoderTokenizer(tokenizer, folder)), model.config.vocab_size
    if ids > known:
        raise InputError(f"{folder}: its tokenizer gives {ids:,} ids, and its weights know {known:,}. {CURE}")
    positions = _positions(model, folder)
    tokenizer.enable_truncation(max_length=positions)
    write_text(outputs["tokenizer"], tokenizer.to_str())
    _seal(model, origin, outputs["encoder"])
    count = sum(weights.numel() for weights in model.parameters())
    log.info("encoder: %s weights, inputs of %s tokens", f"{count:,}", positions)


def _tokenizer(folder: Path):
    """The fast tokenizer of an encoder, made from its lists of words where it has no tokenizer.json."""
    from tokenizers import Tokenizer
    from transformers import AutoTokenizer

    config = _config(folder)
    try:
        if (folder / "tokenizer.json").is_file():
            return Tokenizer.from_file(str(folder / "tokenizer.json"))
        options = {"local_files_only": True, "trust_remote_code": False}
        return AutoTokenizer.from_pretrained(folder, config=config, **options).backend_tokenizer
    except Exception as error:  # noqa: BLE001 - the library has no type of its own
        raise InputError(f"{folder}: its tokenizer cannot be read ({first_line(error)}). {CURE}") from None


def _config(folder: Path):
    from transformers import CONFIG_MAPPING, AutoConfig

    value = read_json(folder / "config.json")
    kind = value.get("model_type") if isinstance(value, dict) else None
    if kind not in CONFIG_MAPPING:
        raise InputError(f"{folder}/config.json: transformers itself knows no model_type {kind!r}. {CURE}")
    try:
        return AutoConfig.for_model(**{key: value[key] for key in value if key not in _NOT_DATA})
    except Exception as error:  # noqa: BLE001 - each kind of model fails in its own way
        raise InputError(f"{folder}/config.json cannot be used ({first_line(error)}). {CURE}") from None


def _model(folder: Path):
    """The encoder as a torch module, without what was put on top of it."""
    import torch
    from transformers import AutoModel
    from transformers.utils.logging import disable_progress_bar, set_verbosity_error

    disable_progress_bar()
    set_verbosity_error()  # what is missing is told below
    config = _config(folder)
    try:
        model, report = AutoModel.from_pretrained(
            folder,
            config=config,
            dtype=torch.float32,
            attn_implementation="eager",
            output_loading_info=True,
            use_safetensors=True,
            local_files_only=True,
            trust_remote_code=False,
        )
    except Exception as error:  # noqa: BLE001 - each kind of model fails in its own way
        raise InputError(f"{folder}: the encoder cannot be loaded ({first_line(error)}). {CURE}") from None
    missing = sorted(name for name in report["missing_keys"] if not name.startswith("pooler."))
    if missing:
        raise InputError(f"{folder}/{WEIGHTS} lacks {len(missing)} weights, {missing[0]} for one. {CURE}")
    model.pooler = None
    return model


def _positions(model, folder: Path) -> int:
    """The longest input in tokens: RoBERTa counts its positions from behind that of padding."""
    positions = getattr(model.config, "max_position_embeddings", None)
    if positions is None or model.config.is_encoder_decoder:
        raise InputError(f"{folder}: {model.config.model_type} is no encoder of the kind of BERT. {CURE}")
    for name, module in model.named_modules():
        if name.endswith("position_embeddings") and getattr(module, "padding_idx", None) is not None:
            positions -= module.padding_idx + 1
    return positions


def _seal(model, origin: dict[str, str], output: Path) -> None:
    from safetensors.torch import save

    with atomic(output) as part:
        part.mkdir()
        write_json(part / "config.json", json.loads(model.config.to_json_string()))
        write_json(part / "origin.json", origin)
        weights = {name: value.contiguous() for name, value in sorted(model.state_dict().items())}
        # Not save_file, which words a full disk in its own way.
        (part / WEIGHTS).write_bytes(save(weights, metadata={"format": "pt"}))
