"""The exported classifier in use: texts in, labels out.

Needs the standard library, numpy and onnxruntime, and of Garner only what needs no more.
"""

import errno
import hashlib
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import onnxruntime

from garner.errors import ClassifierError
from garner.files import read_json
from garner.filters import decode
from garner.models.token_counts import count_tokens, pad_counts
from garner.vocabulary import Vocabulary

FORMAT = 1
UNKNOWN = "unknown"
BATCH = 64  # texts
MAXIMUM_BYTES = 16 << 20  # of a file; a larger one is no source file, and is not read


@dataclass(frozen=True, slots=True)
class Prediction:
    """The most probable label and the next one; "unknown", with the reason in `note`, for what is no text."""

    label: str
    probability: float
    runner_up: str = ""
    runner_up_probability: float = 0.0
    note: str = ""


@dataclass(frozen=True, slots=True)
class ClassifierConfig:
    """`classifier.json`: what the files beside it are, and what the classifier was trained to tell apart."""

    study: str
    kind: str  # of model
    labels: tuple[str, ...]
    tokens: int  # of a text that are read, from its beginning
    pattern: str  # regular expression of a token
    model: dict[str, str | int]  # name, bytes and sha256 of the file
    vocabulary: dict[str, str | int]  # the same
    metrics: dict  # on the validation part
    format: int = FORMAT

    @classmethod
    def load(cls, folder: Path) -> "ClassifierConfig":
        path = folder / "classifier.json"
        if not path.is_file():
            raise ClassifierError(f"{folder} holds no classifier.json. Give the folder that export wrote.")
        values = read_json(path)
        found = values.get("format") if isinstance(values, dict) else None
        if found != FORMAT:
            raise ClassifierError(f"{path} is of format {found!r}, not {FORMAT}. Export again.")
        try:
            return cls(**values | {"labels": tuple(values["labels"])})
        except (TypeError, KeyError) as error:
            raise ClassifierError(f"{path} is not what export writes ({error}). Export again.") from None


class Classifier:
    """`Classifier("results/languages/export").predict(["print(1)", b"...", Path("a.rb")])`.

    `threads` is how many onnxruntime may use. Raises ClassifierError where a file of the folder is missing or
    is not the one that was exported with the others.
    """

    def __init__(self, folder: Path | str, threads: int = 1):
        folder = Path(folder)
        self.config = ClassifierConfig.load(folder)
        if self.config.kind != "bag":
            raise ClassifierError(f"{folder} holds a model of kind '{self.config.kind}', which is not known.")
        model = _read(folder, self.config.model)
        _read(folder, self.config.vocabulary)
        self._vocabulary = Vocabulary.load(folder / self.config.vocabulary["name"])
        self._session = open_session(model, threads)

    def predict(self, inputs: Iterable[str | bytes | Path]) -> list[Prediction]:
        """One prediction an input, in order. A str is a text, bytes are a file's content, a Path is a file.

        What is no text (binary, empty, not readable) is answered "unknown" with probability 0 and a note.
        """
        if isinstance(inputs, str | bytes | Path):
            raise TypeError("predict takes a list of texts or files: put it into [brackets].")
        inputs = iter(inputs)
        predictions = []
        while batch := list(islice(inputs, BATCH)):
            predictions += self._predict(batch)
        return predictions

    def _predict(self, inputs: list[str | bytes | Path]) -> list[Prediction]:
        read = [self._ids(given) for given in inputs]
        texts = [count_tokens(ids) for ids, _ in read if len(ids)]
        answers = iter(self._answers(texts) if texts else [])
        return [next(answers) if len(ids) else Prediction(UNKNOWN, 0.0, note=note) for ids, note in read]

    def _ids(self, given: str | bytes | Path) -> tuple[np.ndarray, str]:
        """Token ids, or none and the reason."""
        text, reason = read_text(given)
        return self._vocabulary.ids(text or "", self.config.tokens), reason or "empty"

    def _answers(self, texts: list[tuple[np.ndarray, np.ndarray]]) -> Iterator[Prediction]:
        tokens, counts = pad_counts(texts)
        (probabilities,) = self._session.run(None, {"tokens": tokens, "counts": counts})
        for row in probabilities:
            first, second = np.argsort(-row, kind="stable")[:2]
            labels = self.config.labels
            yield Prediction(labels[first], float(row[first]), labels[second], float(row[second]))


def open_session(model: bytes, threads: int) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def read_text(given: str | bytes | Path) -> tuple[str | None, str | None]:
    """(text, None), or (None, why there is none), by the rule by which sort reads the training files."""
    if isinstance(given, str):
        return given, None
    try:
        return decode(_content(given) if isinstance(given, Path) else given)
    except (OSError, ValueError) as error:  # ValueError: a path with a NUL
        return None, f"unreadable: {getattr(error, 'strerror', None) or error}"


def _content(path: Path) -> bytes:
    """A file's bytes. OSError for a pipe, which would wait for ever, and for what would fill the memory."""
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "no regular file")
    if status.st_size > MAXIMUM_BYTES:
        raise OSError(errno.EFBIG, f"larger than {MAXIMUM_BYTES >> 20} MiB")
    return path.read_bytes()


def _read(folder: Path, file: dict) -> bytes:
    if Path(file["name"]).name != file["name"]:
        raise ClassifierError(f"{folder}/classifier.json: {file['name']!r} is no name of a file beside it.")
    path = folder / file["name"]
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ClassifierError(f"{path} cannot be read ({error.strerror}). Export again.") from None
    if hashlib.sha256(data).hexdigest() != file["sha256"]:
        raise ClassifierError(f"{path} is not the file that was exported with {folder}/classifier.json.")
    return data
