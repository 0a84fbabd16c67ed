"""A study of made-up questions with several labels each, ready to train a tiny encoder on in seconds."""

import random
from pathlib import Path

import tiny_encoder

from garner.document import Document, write_documents
from garner.encoders.preparation import prepare_encoder
from garner.encoders.serialization import serialize_texts
from garner.files import write_json

LABELS = list(tiny_encoder.TOPICS)  # the last is rare
SETTINGS = {"tokens": 64, "samples_per_shard": 4096, "level": 9}  # of the stage serialize
PARTS = {"train": 160, "validation": 60, "test": 60}  # questions


def make(folder: Path) -> Path:
    """`folder` with sort/, dictionary/ and serialize/, as the stages before training leave them."""
    for part, questions in PARTS.items():
        write_documents(folder / f"sort/{part}.parquet", documents(part, questions))
    link = "https://scifi.stackexchange.com/questions/tagged/{tag}"
    labels = {"labels": LABELS, "left_out": {}, "link": link, "code_lines": 10}
    write_json(folder / "sort/labels.json", labels)
    prepare(folder)
    labels, tokenizer = folder / "sort/labels.json", folder / "dictionary/tokenizer.json"
    for part in PARTS:
        source = folder / f"sort/{part}.parquet"
        serialize_texts(source, labels, tokenizer, folder / f"serialize/{part}", SETTINGS)
    return folder


def prepare(folder: Path) -> None:
    """The stage dictionary with the tiny encoder, which is put beside the study's folder."""
    source = folder.with_name(folder.name + "-encoder")
    outputs = {"encoder": folder / "dictionary/encoder", "tokenizer": folder / "dictionary/tokenizer.json"}
    prepare_encoder(str(tiny_encoder.make(source)), outputs, folder.with_name(folder.name + "-state"))


def documents(part: str, questions: int) -> list[Document]:
    """Questions of 5 to 60 words on one to three topics, which are their labels."""
    choose = random.Random(part)
    found = []
    for number in range(questions):
        topics = [LABELS[number % 4], *(topic for topic in LABELS[:4] if choose.random() < 0.2)]
        topics += LABELS[4:] if number % 12 == 0 else []
        topics = tuple(sorted(set(topics)))
        text = tiny_encoder.text(choose, topics, common=choose.randrange(4, 24), own=choose.randrange(2, 5))
        title, _, body = text.partition(" ")
        id = f"{part}-{number}"
        origin = {"link": f"https://scifi.stackexchange.com/q/{number}"}
        found.append(Document(id, f"{title}\n\n{body}", topics, id, origin))
    return found
