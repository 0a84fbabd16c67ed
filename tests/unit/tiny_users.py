"""A study of made-up users of two classes, with posts each, ready to train a tiny encoder on in seconds."""

import random
from pathlib import Path

import tiny_encoder
from tiny_questions import prepare

from garner.document import Document, write_documents
from garner.encoders.serialization import serialize_texts
from garner.files import write_json

LABELS = ["under 21", "21 or over"]
SETTINGS = {"tokens": 24, "posts": 4, "samples_per_shard": 4096, "level": 9}  # of the stage serialize
PARTS = {"train": 80, "validation": 40, "test": 40}  # users


def make(folder: Path) -> Path:
    """`folder` with sort/, dictionary/ and serialize/, as the stages before training leave them."""
    for part, users in PARTS.items():
        write_documents(folder / f"sort/{part}.parquet", documents(part, users))
    labels = {"labels": LABELS, "left_out": {}, "cutoff": 21, "post_characters": None}
    write_json(folder / "sort/labels.json", labels)
    prepare(folder)
    labels, tokenizer = folder / "sort/labels.json", folder / "dictionary/tokenizer.json"
    for part in PARTS:
        source = folder / f"sort/{part}.parquet"
        serialize_texts(source, labels, tokenizer, folder / f"serialize/{part}", SETTINGS)
    return folder


def documents(part: str, users: int) -> list[Document]:
    """One to six posts a user in neighbouring rows; most posts are about the topics of the user's class."""
    choose = random.Random(part)
    found = []
    for number in range(users):
        user, label = f"{part}-user-{number}", number % 3 > 0  # two in three are 21 or over
        for post in range(1 + number % 6):
            topics = tiny_encoder.TOPICS[3 * label : 3 * label + 2] if choose.random() < 0.8 else ()
            text = tiny_encoder.text(choose, topics, common=choose.randrange(3, 12), own=2)
            found.append(Document(f"{user}/{post}", text, (LABELS[label],), user, {"post": str(post)}))
    return found
