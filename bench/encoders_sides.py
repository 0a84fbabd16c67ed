"""One side of the benchmark `encoders`, in a process of its own.

`python encoders_sides.py SIDE FOLDER PACKAGES` works on what bench/encoders.py put into FOLDER and prints
what it measured as JSON. PACKAGES is a folder with the packages that the peer needs besides.
"""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import numpy as np
import torch

from garner.files import read_json
from garner.shards import ShardReader

TOKENS = 128  # of the texts that are all of one length
WARM_UP = 5


def ours(folder: Path, side: str = "ours") -> dict[str, float]:
    """Questions learned a second; leaves the model in FOLDER/model-SIDE."""
    from garner.encoders.fine_tuning import FineTuning
    from garner.models.encoder_model import EncoderModel
    from garner.training import train_model

    learned, seconds = [], []

    class Timed(FineTuning):
        def learn(self, numbers: np.ndarray) -> dict[str, float]:
            begin = time.perf_counter()
            losses = super().learn(numbers)
            seconds.append(time.perf_counter() - begin)
            learned.append(len(numbers))
            return losses

    EncoderModel.recipe = Timed
    with TemporaryDirectory() as state:
        train_model(
            **{name: folder / name for name in ("train", "validation", "encoder")},
            labels=folder / "labels.json",
            vocabulary=folder / "tokenizer.json",
            outputs={name: folder / f"{name}-{side}" for name in ("model", "metrics", "history")},
            state=Path(state),
            kind="multilabel",
            settings=settings_of(folder, side)["train"],
            seed=1,
            code="",
            device="cpu",
            checkpoint_seconds=600,
        )
    return {"rate": sum(learned) / sum(seconds)}


def best(folder: Path) -> dict[str, float]:
    return ours(folder, "best")


def trainer(folder: Path) -> dict[str, float]:
    return _trainer(folder)


def grouped(folder: Path) -> dict[str, float]:
    steps = settings_of(folder, "ours")["train"]["batch_size"] // 8
    return _trainer(folder, gradient_accumulation_steps=steps, train_sampling_strategy="group_by_length")


def _trainer(folder: Path, **options) -> dict[str, float]:
    """Questions that `train()` learns a second."""
    from transformers import (
        AutoModelForSequenceClassification,
        DataCollatorWithPadding,
        PreTrainedTokenizerFast,
        Trainer,
        TrainingArguments,
    )

    torch.set_num_threads(settings_of(folder, "ours")["train"]["threads"])
    with ShardReader(folder / "train") as reader:
        special, labels = reader.meta["special"], len(reader.meta["labels"])
        rows = [
            {
                "input_ids": [*sample.tokens.tolist(), special["sep"]],
                "attention_mask": [1] * (len(sample.tokens) + 1),
                "labels": np.isin(np.arange(labels), sample.labels).astype(np.float32).tolist(),
            }
            for sample in reader
        ]
    model = AutoModelForSequenceClassification.from_pretrained(
        folder / "encoder", num_labels=labels, problem_type="multi_label_classification"
    )
    tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(folder / "tokenizer.json"), pad_token="[PAD]")
    arguments = {"num_train_epochs": 1, "report_to": "none", "save_strategy": "no", "disable_tqdm": True}
    with TemporaryDirectory() as output:
        peer = Trainer(
            model,
            TrainingArguments(output, use_cpu=True, **arguments, **options),
            DataCollatorWithPadding(tokenizer),
            train_dataset=rows,
        )
        begin = time.perf_counter()
        peer.train()
        return {"rate": len(rows) / (time.perf_counter() - begin)}


def export(folder: Path) -> dict[str, float]:
    """Leaves the exported model in FOLDER/export; how well it answers is no matter here."""
    from garner.export import export_model

    names = {"onnx": "model.onnx", "int8": "model.int8.onnx", "card": "README.md"}
    names |= {name: f"{name}.json" for name in ("parity", "tokenizer", "classifier")}
    export_model(
        model=folder / "model-best",
        vocabulary=folder / "tokenizer.json",
        labels=folder / "labels.json",
        validation=folder / "validation",
        test=folder / "validation.parquet",
        outputs={name: folder / "export" / file for name, file in names.items()},
        settings=settings_of(folder, "best")["export"] | {"f1_tolerance": 1.0},
        study="bench",
    )
    return {}


def int8(folder: Path) -> dict[str, float]:
    return _asked(folder, (folder / "export/model.int8.onnx").read_bytes())


def dynamic(folder: Path) -> dict[str, float]:
    """The same trained model in the int8 of onnxruntime's own tool."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    from garner.models.saved import load_model
    from garner.onnx_graph import to_onnx

    model, _ = load_model(folder / "model-best")
    texts = torch.ones(2, 8, dtype=torch.int64)
    with TemporaryDirectory() as name:
        path = Path(name, "model.onnx")
        graph = to_onnx(model.deployed(), (texts, texts), model.input_names)
        quantize_dynamic(graph, path, weight_type=QuantType.QInt8)
        return _asked(folder, path.read_bytes())


def _asked(folder: Path, graph: bytes) -> dict[str, float]:
    from garner.classifier import open_session

    session = open_session(graph, threads=1)
    names = [value.name for value in session.get_inputs()]  # for one question no mask is needed

    def ask(ids: np.ndarray, mask: np.ndarray) -> None:
        known = {"input_ids": ids, "attention_mask": mask}
        session.run(None, {name: known[name] for name in names})

    return _milliseconds(folder, ask)


def eager(folder: Path) -> dict[str, float]:
    from garner.models.saved import load_model

    torch.set_num_threads(1)
    model, _ = load_model(folder / "model-best")
    deployed = model.deployed().eval()

    def ask(ids: np.ndarray, mask: np.ndarray) -> None:
        with torch.inference_mode():
            deployed(torch.from_numpy(ids), torch.from_numpy(mask))

    return _milliseconds(folder, ask)


def _milliseconds(folder: Path, ask: Callable) -> dict[str, float]:
    """The median over the validation questions, as they are and with TOKENS tokens each."""
    with ShardReader(folder / "validation") as reader:
        sep = reader.meta["special"]["sep"]
        texts = [np.append(sample.tokens, sep).astype(np.int64) for sample in reader]
    kinds = {"questions": texts, f"{TOKENS} tokens": [np.resize(text, TOKENS) for text in texts]}
    found = {}
    for kind, ids in kinds.items():
        seconds = []
        for row in [*ids[:WARM_UP], *ids]:
            inputs = row[None], np.ones_like(row[None])
            begin = time.perf_counter()
            ask(*inputs)
            seconds.append(time.perf_counter() - begin)
        found[kind] = 1000 * median(seconds[WARM_UP:])
    return found


def settings_of(folder: Path, side: str) -> dict:
    return read_json(folder / "settings.json")[side]


SIDES = {
    "ours": ours,
    "best": best,
    "trainer": trainer,
    "grouped": grouped,
    "export": export,
    "int8": int8,
    "dynamic": dynamic,
    "torch": eager,
}


if __name__ == "__main__":
    side, folder, packages = sys.argv[1:]
    sys.path.append(packages)
    print(json.dumps(SIDES[side](Path(folder))))
