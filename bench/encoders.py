"""Fine-tuning MiniLM-L6, and asking it, on questions made of the installed packages' docstrings.

Training: each question is learned once by the whole encoder, with the same token ids (at most 512) and 2
threads, fp32. Ours are the steps of the stage `train` with its defaults (32 questions at random, computed in
parts of like length). The peer is `train()` of the Hugging Face Trainer: with its defaults (steps of 8
questions at random, padded to the longest, dropout as the encoder has it, fused AdamW), and a second time
with texts of like length together, and steps of 32 questions in parts of 8.

Asking: one question at a time on one core, tokenised beforehand; ours is the exported int8 model in
onnxruntime, the peer the same trained model in PyTorch, fp32, eager. The median over the questions.
"""

import subprocess
import sys
from collections import Counter
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from bench.harness import PEERS, ROOT, BenchmarkError, Goal, Measure, alternate, run_script
from garner.configuration import checked
from garner.document import Document, write_documents
from garner.encoder import prepare_encoder
from garner.encoder_serialization import serialize_texts
from garner.encoder_source import packaged
from garner.files import write_json
from garner.html_text import to_text
from replica import docstrings

TITLE = "fine-tuning and int8 against Hugging Face and PyTorch"
QUESTIONS = {"train": 512, "validation": 32}
LEAST_QUESTIONS = 5  # of a tag
TRAINER = "accelerate==1.15.0"  # what transformers' Trainer needs besides what Garner has itself
ROUNDS = 3


def measure() -> list[Measure]:
    with TemporaryDirectory(prefix="garner-bench-") as name:
        folder = Path(name)
        prepare(folder)
        accelerate = str(trainer_packages())
        script = partial(run_script, sys.executable, "encoders_sides.py")
        training = alternate(
            {side: partial(script, side, name, accelerate) for side in ("ours", "trainer", "grouped")}, ROUNDS
        )
        script("export", name, "")
        asking = alternate({side: partial(script, side, name, "") for side in ("int8", "torch")}, ROUNDS)
    rates = [training[side]["rate"] for side in ("ours", "trainer", "grouped")]
    return [
        Measure("training", "questions/s", *rates[:2], "Trainer, defaults", Goal("≥", 2, of_ratio=True)),
        Measure("training", "questions/s", rates[0], rates[2], "Trainer, by length"),
        *(answer(asking, kind, goal) for kind, goal in (("questions", 1 / 4), ("128 tokens", 1 / 4))),
    ]


def prepare(folder: Path) -> None:
    """The settings, the encoder, and the shards of some questions, below `folder`."""
    given = {
        "source": "stackexchange",
        "model": "multilabel",
        "scrape": {"site": "none"},
        "train": {"epochs": 1, "head_epochs": 0, "threads": 2},
    }
    block = checked({"study": {"bench": given}}, ROOT / "rules/config.schema.yaml")["study"]["bench"]
    write_json(folder / "settings.json", block)
    outputs = {"encoder": folder / "encoder", "tokenizer": folder / "tokenizer.json"}
    prepare_encoder(str(packaged()), outputs, folder / "state")
    documents = questions(block["sort"])
    labels = sorted({label for document in documents for label in document.labels})
    link = "https://example.com/{tag}"
    write_json(folder / "labels.json", {"labels": labels, "left_out": {}, "link": link})
    first = 0
    for part, count in QUESTIONS.items():
        write_documents(folder / f"{part}.parquet", documents[first : first + count])
        serialize_texts(
            folder / f"{part}.parquet",
            folder / "labels.json",
            outputs["tokenizer"],
            folder / part,
            block["serialize"],
            by_group=False,
        )
        first += count


def questions(settings: dict) -> list[Document]:
    """Docstrings as questions, in a seeded order, with their frequent tags."""
    found = docstrings.build(4 * sum(QUESTIONS.values()))
    counts = Counter(tag for question in found for tag in question["tags"])
    documents = []
    for number in np.random.default_rng(1).permutation(len(found)):
        question = found[number]
        tags = tuple(sorted(tag for tag in question["tags"] if counts[tag] >= LEAST_QUESTIONS))
        text = f"{question['title']}\n\n{to_text(question['body'], settings)}"
        documents.append(Document(str(question["question_id"]), text, tags))
    if len(documents) < sum(QUESTIONS.values()):
        raise BenchmarkError("the installed packages hold too few docstrings. Run `make setup`.")
    return documents


def trainer_packages() -> Path:
    """A folder with TRAINER alone, so that the peer runs on the very torch and transformers that we do."""
    folder = PEERS / "trainer" / TRAINER
    if not folder.exists():
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", folder, TRAINER]
        if subprocess.run(pip).returncode:
            raise BenchmarkError(f"{TRAINER} could not be installed into {folder}; see above.")
    return folder


def answer(asking: dict, kind: str, goal: float) -> Measure:
    ours, peer = (asking[side][kind] for side in ("int8", "torch"))
    name = f"one answer, {kind}"
    return Measure(name, "ms", ours, peer, "PyTorch fp32 eager", Goal("≤", goal, of_ratio=True))
