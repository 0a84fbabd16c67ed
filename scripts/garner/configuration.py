"""The settings: checked against the schema before any job, with all defaults filled in."""

import copy
import datetime
import difflib
import math
from collections.abc import Iterator
from pathlib import Path

import yaml
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from garner.errors import ConfigError
from garner.languages import Languages
from garner.tokens import tokenizer

TYPES = {
    "null": "nothing (null)",
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "a block of keys",
}

LEARNS_FROM = {  # model -> what it learns from, and the source of that
    "bag": ("source files", "github"),
    "multilabel": ("questions", "stackexchange"),
    "users": ("the posts of users", "instagram"),
}


def checked(config: dict, schema_path: Path | str) -> dict:
    """A copy of `config` with every default filled in; ConfigError has a line for each mistake."""
    schema = load_schema(schema_path)
    problems: list[str] = []
    filled = _plain(config, "", problems)
    if isinstance(filled.get("study"), dict):
        studies = schema["properties"]["study"]
        studies["properties"] = {
            name: study_schema(studies["additionalProperties"], study)
            for name, study in filled["study"].items()
        }
    _fill(filled, schema)
    problems += [_worded(error) for error in Draft202012Validator(schema).iter_errors(filled)]
    if not problems:
        problems = [*_contradictions(filled)]
    if problems:
        raise ConfigError(
            "the settings cannot be used:\n" + "\n".join(f"  {line}" for line in sorted(problems))
        )
    return filled


def load_schema(path: Path | str) -> dict:
    """The JSON schema with every `$ref` put in place, so that each key has its own default."""
    schema = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    definitions = schema.pop("$defs")

    def resolve(node):
        if isinstance(node, list):
            return [resolve(item) for item in node]
        if not isinstance(node, dict):
            return node
        node = {key: resolve(value) if key != "default" else value for key, value in node.items()}
        if "$ref" in node:
            name = node.pop("$ref").removeprefix("#/$defs/")
            node = resolve(definitions[name]) | node
        return node

    return resolve(schema)


def study_schema(schema: dict, study: object) -> dict:
    """The schema of one study, in which the keys that `by` names depend on its source and its model.

    Where such a value is wrong itself, all keys that depend on it are let through.
    """
    properties, elsewhere = dict(schema["properties"]), {}
    for key, variants in schema["by"].items():
        given = study.get(key) if isinstance(study, dict) else None
        known = given in variants or (given is None and key not in schema["required"])
        for value, keys in variants.items():
            if given == value:
                properties |= keys
            elif known:
                for name in keys:
                    elsewhere.setdefault(name, []).append(f"`{key}: {value}`")
            else:
                properties |= {name: {} for name in keys}
    return schema | {"properties": properties, "elsewhere": elsewhere}


def chosen_studies(config: dict) -> list[str]:
    """The names in `studies`, each of which must be a block under `study`."""
    given = config["studies"]
    names = [name.strip() for name in (given.split(",") if isinstance(given, str) else given)]
    for name in names:
        if name not in config["study"]:
            raise ConfigError(f"studies: no study is named '{name}'{_nearest(name, config['study'])}")
    return names


def _plain(value: object, path: str, problems: list[str]) -> object:
    """A copy with text for what YAML takes for dates; what else JSON does not know is a problem."""
    if isinstance(value, list):
        return [_plain(item, f"{path}.{place}", problems) for place, item in enumerate(value)]
    if isinstance(value, dict):
        problems += [f"{path}: the key {key!r} is no text; quote it" for key in value if type(key) is not str]
        return {
            str(key): _plain(inner, f"{path}.{key}" if path else str(key), problems)
            for key, inner in value.items()
        }
    if isinstance(value, float) and not math.isfinite(value):
        problems.append(f"{path}: {value} is no finite number")
    if value == "null":  # as `--config` gives it within a block, where all is text
        return None
    return value.isoformat() if isinstance(value, datetime.date) else copy.deepcopy(value)


def _fill(value: object, schema: dict) -> None:
    """Put the defaults of `schema` into the blocks of `value`, in place; those of the chosen preset first."""
    if not isinstance(value, dict):
        return
    if presets := schema.get("presets"):
        chosen = value.setdefault("preset", schema["properties"]["preset"]["default"])
        for key, given in presets.get(chosen, {}).items():
            own = _read(value[key], schema["properties"][key]) if key in value else {}
            if isinstance(given, dict) and isinstance(own, dict):
                value[key] = copy.deepcopy(given) | own
            else:
                value.setdefault(key, given)
    for key, inner in schema.get("properties", {}).items():
        if key not in value and "default" in inner:
            value[key] = copy.deepcopy(inner["default"])
        elif value.get(key) is None and inner.get("type") == "object":
            value[key] = {}  # a block whose keys are all commented out reads as null
        if key in value:
            value[key] = _read(value[key], inner)
            _fill(value[key], inner)
    others = schema.get("additionalProperties")
    if isinstance(others, dict):
        for key in value.keys() - schema.get("properties", {}).keys():
            value[key] = _read(value[key], others)
            _fill(value[key], others)


def _read(value: object, schema: dict) -> object:
    """`value`, or what its text says where no text is taken: within a block `--config` gives text alone."""
    if not isinstance(value, str) or "type" not in schema or "string" in schema["type"]:
        return value
    try:
        return yaml.safe_load(value)
    except yaml.YAMLError:
        return value


def _worded(error: ValidationError) -> str:
    """One line: the key's path, what was found, what was expected."""
    path = ".".join(str(part) for part in error.absolute_path)
    at = f"{path}: " if path else ""
    found = _shown(error.instance)
    match error.validator:
        case "additionalProperties":
            known = error.schema.get("properties", {})
            unknown = sorted(set(error.instance) - set(known))
            prefix = f"{path}." if path else ""
            elsewhere = error.schema.get("elsewhere", {})
            return "; ".join(
                f"{prefix}{key}: only a study with {' or '.join(elsewhere[key])} has this setting"
                if key in elsewhere
                else f"{prefix}{key}: unknown setting{_nearest(key, known)}"
                for key in unknown
            )
        case "type":
            types = error.validator_value
            expected = " or ".join(TYPES[name] for name in ([types] if isinstance(types, str) else types))
            return f"{at}{found} is not {expected}"
        case "enum":
            options = ["null" if option is None else option for option in error.validator_value]
            return (
                f"{at}{found} is not one of {', '.join(map(str, options))}{_nearest(error.instance, options)}"
            )
        case "required":
            return f"{at}{error.message.split()[0]} is missing"
        case "minimum" | "exclusiveMinimum":
            bound = "at least" if error.validator == "minimum" else "more than"
            return f"{at}{found} is too small; it must be {bound} {error.validator_value}"
        case "maximum" | "exclusiveMaximum":
            bound = "at most" if error.validator == "maximum" else "less than"
            return f"{at}{found} is too large; it must be {bound} {error.validator_value}"
        case "pattern":
            return f"{at}{found} does not have the form {error.validator_value}"
        case _:
            return f"{at}{error.message}"


def _contradictions(config: dict) -> Iterator[str]:
    """Settings that are right one by one and wrong together."""
    waits = config["run"]["backoff"]
    if waits["exp"] is not None and waits["mult"] <= 1:
        yield "run.backoff: no power makes a first wait of one second or less grow; set mult above 1"
    for name, study in config["study"].items():
        for problem in [*_scrape_contradictions(study), *_model_contradictions(study)]:
            yield f"study.{name}.{problem}"


def _scrape_contradictions(study: dict) -> Iterator[str]:
    scrape = study["scrape"]
    if study["source"] == "github":
        if scrape["seeds"] and scrape["repositories_file"]:
            yield "scrape: seeds and repositories_file are both given; take one away"
        if not scrape["seeds"] and not scrape["repositories_file"]:
            yield "scrape: neither seeds nor repositories_file is given; a crawl begins with one"
    if study["source"] == "stackexchange" and scrape["questions_file"] and scrape["dump"]:
        yield "scrape: questions_file and dump are both given; take one away"
    if study["source"] == "instagram":
        if scrape["users_file"] and scrape["folder"]:
            yield "scrape: users_file and folder are both given; take one away (set it to null)"
        if not scrape["users_file"] and not scrape["folder"]:
            yield "scrape: neither users_file nor folder is given; name one"
    dates = {key: scrape.get(key) for key in ("from_date", "to_date")}
    dates["stop_after.date"] = scrape["stop_after"]["date"]
    wrong = [key for key, date in dates.items() if date and not _is_date(date)]
    for key in wrong:
        yield f"scrape.{key}: {dates[key]!r} is no day of the calendar"
    if not wrong and dates["from_date"] and dates["to_date"] and dates["from_date"] >= dates["to_date"]:
        yield "scrape: from_date is not before to_date, so that no question is between them"


def _model_contradictions(study: dict) -> Iterator[str]:
    if study["model"] is None:
        return
    what, source = LEARNS_FROM[study["model"]]
    if study["source"] != source:
        yield f"model: {study['model']} learns from {what}, and these come from the source {source} alone"
    parts = study["sort"]["parts"]
    if not math.isclose(sum(parts.values()), 1, abs_tol=1e-9):
        yield f"sort.parts: the shares add up to {sum(parts.values()):g}, not to 1"
    if study["model"] == "bag":
        yield from _bag_contradictions(study)


def _bag_contradictions(study: dict) -> Iterator[str]:
    sort = study["sort"]
    if sort["minimum_bytes"] > sort["maximum_bytes"]:
        yield "sort: minimum_bytes is above maximum_bytes, so every file would be dropped"
    if sort["minimum_files"] > sort["files_per_language"]:
        yield "sort: minimum_files is above files_per_language, so every language would be left out"
    for check, setting in ((Languages, sort["languages"]), (tokenizer, study["dictionary"]["pattern"])):
        try:
            check(setting)
        except ConfigError as error:
            yield str(error)
    if not any(study["train"]["weights"].values()):
        yield "train.weights: all are 0, so that nothing would be learned"


def _is_date(text: str) -> bool:
    try:
        datetime.date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _nearest(word: object, known) -> str:
    near = difflib.get_close_matches(str(word), [str(name) for name in known], 1)
    return f"; did you mean '{near[0]}'?" if near else f"; known: {', '.join(map(str, known))}"


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
