"""Fine-tuning MiniLM-L6, and asking it, on questions made of the installed packages' docstrings.

Training: each question is learned once, on 2 threads, fp32. Ours are the steps of the stage `train`, 32
questions at random each, computed in parts of like length: all layers learn from at most 512 tokens of a
question, as at the peer's. The preset `best` spares lower layers and reads fewer tokens, so that its row
compares what is run by default and not the same work. The peer is `train()` of the Hugging Face Trainer with
its defaults (8 questions at random a step, padded to their longest, dropout as the encoder has it, fused
AdamW), and a second time with texts of like length together and steps of 32 questions in parts of 8.

Asking: one question at a time on one core, tokenised beforehand; ours is the exported int8 model in
onnxruntime, the peers the same trained model in PyTorch, fp32, eager, and in the int8 of onnxruntime's own
quantize_dynamic. The median over the questions. Much depends on the CPU: one with AVX-512 VNNI multiplies
int8 several times as fast as float32, one with AVX2 alone does not.
"""

import subprocess
import sys
from collections import Counter
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from bench.harness import PEERS, ROOT, BenchmarkError, Goal, Measure, Values, alternate, run_script
from garner.configuration import checked
from garner.document import Document, write_documents
from garner.encoders.preparation import prepare_encoder
from garner.encoders.serialization import serialize_texts
from garner.encoders.source import packaged
from garner.files import write_json
from garner.html_text import to_text
from replica import docstrings

TITLE = "fine-tuning and int8 against Hugging Face and PyTorch"
QUESTIONS = {"train": 256, "validation": 32}
LEAST_QUESTIONS = 5  # of a tag
ONE_EPOCH = {"epochs": 1, "head_epochs": 0, "threads": 2}
ALL_LAYERS = {"preset": "old", "attention_dropout": 0.0}  # a Trainer's work, with our dropout
TRAINER = "accelerate==1.15.0"  # what transformers' Trainer needs besides what Garner has itself
ROUNDS = 2


def measure() -> list[Measure]:
    with TemporaryDirectory(prefix="garner-bench-") as name:
        prepare(Path(name))
        script = partial(run_script, sys.executable, "encoders_sides.py")
        packages = str(trainer_packages())
        training = sides(script, ("ours", "best", "trainer", "grouped"), name, packages)
        script("export", name, packages)
        asking = sides(script, ("int8", "dynamic", "torch"), name, packages)
    rates = {side: values["rate"] for side, values in training.items()}
    whole, default = "learned, all layers", "learned, preset best"
    twice, quarter = Goal("≥", 2, of_ratio=True), Goal("≤", 1 / 4, of_ratio=True)
    return [
        Measure(whole, "questions/s", rates["ours"], rates["trainer"], "Trainer", twice),
        Measure(whole, "questions/s", rates["ours"], rates["grouped"], "Trainer by length"),
        Measure(default, "questions/s", rates["best"], rates["trainer"], "Trainer"),
        *(
            Measure(f"answer, {kind}", "ms", ours, asking[side][kind], peer, goal)
            for kind, ours in asking["int8"].items()
            for side, peer, goal in (
                ("torch", "PyTorch fp32 eager", quarter),
                ("dynamic", "quantize_dynamic", None),
            )
        ),
    ]


def sides(script: partial, names: tuple[str, ...], folder: str, packages: str) -> dict[str, Values]:
    return alternate({name: partial(script, name, folder, packages) for name in names}, ROUNDS)


def prepare(folder: Path) -> None:
    """The settings, the encoder, and the shards of some questions, below `folder`."""
    best, ours = settings({}), settings(ALL_LAYERS)
    write_json(folder / "settings.json", {"ours": ours, "best": best})
    outputs = {"encoder": folder / "encoder", "tokenizer": folder / "tokenizer.json"}
    prepare_encoder(str(packaged()), outputs, folder / "state")
    documents = questions(best["sort"])
    labels = sorted({label for document in documents for label in document.labels})
    link = "https://example.com/{tag}"
    write_json(folder / "labels.json", {"labels": labels, "left_out": {}, "link": link})
    first = 0
    for part, count in QUESTIONS.items():
        write_documents(folder / f"{part}.parquet", documents[first : first + count])
        inputs = (folder / f"{part}.parquet", folder / "labels.json", outputs["tokenizer"])
        serialize_texts(*inputs, folder / part, best["serialize"])
        first += count


def settings(train: dict) -> dict:
    """A study's settings with these of its `train`."""
    study = {
        "source": "stackexchange",
        "model": "multilabel",
        "scrape": {"site": "none"},
        "train": ONE_EPOCH | train,
    }
    return checked({"study": {"bench": study}}, ROOT / "rules/config.schema.yaml")["study"]["bench"]


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
