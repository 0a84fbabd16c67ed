"""A study of three made-up languages, trained in a second, made by the stages that come before training."""

import random
from pathlib import Path

from garner.dictionary import build_dictionary
from garner.document import Document, write_documents
from garner.files import write_json
from garner.serialization import serialize_split

LABELS = ["apl", "basic", "cobol"]
PATTERN = r"[^\W\d_]+|\d+|[^a-zA-Z\d\s:]+"
SETTINGS = {
    "width": 4,
    "layers": 2,
    "hidden": 8,
    "dropout": 0.1,
    "token_dropout": 0.1,
    "learning_rate": 0.05,
    "batch_size": 16,
    "epochs": 4,
    "patience": 4,
    "threads": 1,
    "weights": {
        "maximum_likelihood": 1.0,
        "adversarial": 1.0,
        "entropy": 0.1,
        "virtual_adversarial": 1.0,
    },
    "epsilon": {"adversarial": 0.5, "virtual_adversarial": 0.5},
}
EXPORT_SETTINGS = {"tolerance": 1e-4, "int8_agreement": 0.99, "maximum_bytes": 1_000_000}


def make(folder: Path) -> Path:
    """`folder` with sort/, dictionary/ and serialize/: 96 texts for training, 30 each for the other parts."""
    for part, texts in (("train", 96), ("validation", 30), ("test", 30)):
        write_documents(folder / f"sort/{part}.parquet", _documents(part, texts))
    write_json(folder / "sort/labels.json", {"labels": LABELS, "left_out": {}})
    dictionary = {
        "vocabulary": folder / "dictionary/vocabulary.json",
        "zstd": folder / "dictionary/zstd.dict",
    }
    settings = {"size": 1000, "pattern": PATTERN, "minimum_count": 1, "zstd_bytes": 1024}
    build_dictionary(folder / "sort/train.parquet", dictionary, settings, workers=1)
    settings = {"tokens": 50, "samples_per_shard": 4096, "level": 9}
    for part in ("train", "validation", "test"):
        inputs = (folder / f"sort/{part}.parquet", folder / "sort/labels.json", *dictionary.values())
        serialize_split(*inputs, folder / f"serialize/{part}", settings)
    return folder


def training_inputs(study: Path) -> dict[str, Path]:
    """The input paths of `train_model`."""
    return {
        "train": study / "serialize/train",
        "validation": study / "serialize/validation",
        "labels": study / "sort/labels.json",
        "vocabulary": study / "dictionary/vocabulary.json",
    }


def training_outputs(folder: Path) -> dict[str, Path]:
    return {
        "model": folder / "model",
        "metrics": folder / "metrics.json",
        "history": folder / "history.csv",
    }


def export_outputs(folder: Path) -> dict[str, Path]:
    return {
        "onnx": folder / "model.onnx",
        "int8": folder / "model.int8.onnx",
        "parity": folder / "parity.json",
        "vocabulary": folder / "vocabulary.json",
        "classifier": folder / "classifier.json",
        "card": folder / "README.md",
    }


def _documents(part: str, texts: int) -> list[Document]:
    """Texts of words that are common to all languages, and some of their language's own."""
    choose = random.Random(part)
    documents = []
    for number in range(texts):
        label = LABELS[number % len(LABELS)]
        words = [f"common{_letters(choose.randrange(40))}" for _ in range(20)]
        words += [f"{label}{_letters(choose.randrange(12))}" for _ in range(16)]
        choose.shuffle(words)
        documents.append(Document(f"{part}/{number}:a.txt", " ".join(words), (label,), f"{part}/{number}"))
    return documents


def _letters(number: int) -> str:
    return chr(97 + number // 26) + chr(97 + number % 26)
