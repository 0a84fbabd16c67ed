"""The reference of all settings, written from their schema: docs/configuration.md."""

from collections.abc import Iterator

import yaml

from garner.configuration import TYPES


def reference(schema: dict) -> str:
    """Every setting with type, default and meaning, as Markdown."""
    lines = [
        "# Settings",
        "",
        "Written by `make reference` from `rules/config.schema.yaml`; change it there.",
        "",
        "| setting | type | default | meaning |",
        "|---|---|---|---|",
        *_reference_rows(schema, ""),
    ]
    return "\n".join(lines) + "\n"


def _reference_rows(schema: dict, path: str) -> Iterator[str]:
    named = dict(schema.get("properties", {}))
    if path == "study":
        named["NAME"] = schema["additionalProperties"]
    for key, inner in named.items():
        at = f"{path}.{key}" if path else key
        if "properties" in inner or at == "study":
            if "description" in inner:
                yield f"| **`{at}`** | | | {inner['description']} |"
            presets = {name: given.get(key, {}) for name, given in schema.get("presets", {}).items()}
            yield from _reference_rows({"presets": presets} | inner, at)
        else:
            cells = [
                f"`{at}`",
                _type_of(inner),
                _default_of(schema, key),
                inner.get("description", ""),
            ]
            yield "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
    for key, variants in schema.get("by", {}).items():
        for value, keys in variants.items():
            yield f"| **where `{key}` is `{value}`** | | | |"
            yield from _reference_rows({"properties": keys}, path)


def _default_of(schema: dict, key: str) -> str:
    """What a setting is where it is not given: in each preset, if one of them names it."""
    setting, presets = schema["properties"][key], schema.get("presets", {})
    if any(key in given for given in presets.values()):
        values = {name: given.get(key, setting.get("default")) for name, given in presets.items()}
        return "; ".join(f"{name}: {_shown(value)}" for name, value in values.items())
    return _shown(setting["default"]) if "default" in setting else ""


def _shown(value: object) -> str:
    return yaml.safe_dump(value, default_flow_style=True, width=1000).replace("\n...", "").strip()


def _type_of(schema: dict) -> str:
    if "enum" in schema:
        return ", ".join("nothing (null)" if option is None else f"`{option}`" for option in schema["enum"])
    types = schema["type"]
    return " or ".join(TYPES[name] for name in ([types] if isinstance(types, str) else types))
