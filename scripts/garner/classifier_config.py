"""`classifier.json`: what the files beside it are, and what the classifier was trained to tell apart."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from garner.errors import ClassifierError
from garner.files import read_json

FORMAT = 1
FILE = "classifier.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassifierConfig:
    """What every kind has. A file beside it is given by its name, bytes and sha256."""

    study: str
    kind: str  # of model
    labels: tuple[str, ...]
    tokens: int  # of a text that are read, from its beginning
    model: dict[str, str | int]
    metrics: dict  # on the validation part
    format: int = FORMAT


@dataclass(frozen=True, slots=True, kw_only=True)
class BagConfig(ClassifierConfig):
    pattern: str  # regular expression of a token
    vocabulary: dict[str, str | int]


@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderConfig(ClassifierConfig):
    tokenizer: dict[str, str | int]
    decision: dict  # from probabilities to answers (garner.decisions)


@dataclass(frozen=True, slots=True, kw_only=True)
class MultilabelConfig(EncoderConfig):
    link: str  # to the page of a tag, with {tag} in its place
    code_lines: int | None  # of each code block of a question in HTML that are read
    examples: list[dict[str, str]]  # questions that it was not trained on: id, title, text, link, licence


@dataclass(frozen=True, slots=True, kw_only=True)
class UsersConfig(EncoderConfig):
    cutoff: int  # years from which a user is of the second class
    posts: int  # of a user that are read, the first ones
    post_characters: int | None  # of a post that are read


CONFIGS = {"bag": BagConfig, "multilabel": MultilabelConfig, "users": UsersConfig}


def load_config(folder: Path) -> ClassifierConfig:
    """That of an exported classifier; ClassifierError where there is none, or not what export writes."""
    path = folder / FILE
    if not path.is_file():
        raise ClassifierError(f"{folder} holds no {FILE}. Give the folder that export wrote.")
    values = read_json(path)
    found = values.get("format") if isinstance(values, dict) else None
    if found != FORMAT:
        raise ClassifierError(f"{path} is of format {found!r}, not {FORMAT}. Export again.")
    kind = values.get("kind")
    if kind not in CONFIGS:
        raise ClassifierError(f"{folder} holds a model of kind {kind!r}, which is not known.")
    try:
        return CONFIGS[kind](**values | {"labels": tuple(values["labels"])})
    except (TypeError, KeyError) as error:
        raise ClassifierError(f"{path} is not what export writes ({error}). Export again.") from None


def read_beside(folder: Path, file: dict[str, str | int]) -> bytes:
    """The bytes of a file that the config of `folder` describes; ClassifierError where it is another one."""
    if Path(file["name"]).name != file["name"]:
        raise ClassifierError(f"{folder}/{FILE}: {file['name']!r} is no name of a file beside it.")
    path = folder / file["name"]
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ClassifierError(f"{path} cannot be read ({error.strerror}). Export again.") from None
    if hashlib.sha256(data).hexdigest() != file["sha256"]:
        raise ClassifierError(f"{path} is not the file that was exported with {folder}/{FILE}.")
    return data
