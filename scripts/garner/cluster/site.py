"""What a site's administrators named (queues, environments, accounts), from the profile's `cluster.yaml`."""

import difflib
from pathlib import Path

import yaml

from garner.errors import ConfigError
from garner.settings_file import holds_settings

TEXT, NUMBER, LIST = (str,), (int, float), (list,)
OPTIONAL = (str, type(None))
# Those of every scheduler.
COMMON = {
    "warning_seconds": NUMBER,
    "continuations": NUMBER,
    "environment": LIST,
    "mail": OPTIONAL,
    "extra": LIST,
    "poll_seconds": NUMBER,
    "lost_minutes": NUMBER,
    "patience_minutes": NUMBER,
}
_WORDS = {str: "text", int: "a number", float: "a number", list: "a list", dict: "a block of keys"}


def load(profile: Path, known: dict) -> dict:
    """The block `cluster` of `cluster.yaml` in the folder `profile`, overlaid by `cluster.local.yaml`'s.

    `known` has every key with its types, nested as in the files. Raises ConfigError for an unknown or missing
    key and a value of another type.
    """
    site: dict = {}
    for name in ("cluster.yaml", "cluster.local.yaml"):
        file = profile / name
        if not holds_settings(file):
            continue
        settings = yaml.safe_load(file.read_text(encoding="utf-8"))
        _check(settings, {"cluster": known}, file, "")
        _overlay(site, settings["cluster"] or {})
    for path in _missing(site, known, "cluster"):
        raise ConfigError(
            f"{profile / 'cluster.yaml'}: {path} is missing. Every key must be there; null may do."
        )
    return site


def _check(given: dict, known: dict, file: Path, at: str) -> None:
    for key, value in given.items():
        path = f"{at}{key}"
        if key not in known:
            near = difflib.get_close_matches(str(key), known, 1)
            hint = f"did you mean '{near[0]}'?" if near else f"known: {', '.join(known)}"
            raise ConfigError(f"{file}: {path} is no setting of a cluster; {hint}")
        types = (dict, type(None)) if isinstance(known[key], dict) else known[key]
        if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
            expected = " or ".join(sorted({_WORDS[kind] for kind in types if kind in _WORDS}))
            raise ConfigError(f"{file}: {path} is {value!r}. Expected {expected}.")
        if isinstance(value, list) and not all(isinstance(word, str) for word in value):
            raise ConfigError(f"{file}: {path} is {value!r}. Expected a list of texts; quote its numbers.")
        if isinstance(value, dict):
            _check(value, known[key], file, f"{path}.")


def _overlay(site: dict, settings: dict) -> None:
    for key, value in settings.items():
        if isinstance(value, dict):
            _overlay(site.setdefault(key, {}), value)
        elif not isinstance(site.get(key), dict):
            site[key] = value


def _missing(site: dict, known: dict, at: str):
    for key, kinds in known.items():
        if key not in site:
            yield f"{at}.{key}"
        elif isinstance(kinds, dict):
            yield from _missing(site[key], kinds, f"{at}.{key}")
