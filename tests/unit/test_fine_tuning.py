"""Fine-tuning an encoder: what it learns, what it leaves alone, and that no end of the process changes it."""

import csv
import random
import signal
import time
from pathlib import Path

import pytest
import tiny_fine_tuning
import torch
from safetensors.torch import load_file
from test_training import in_a_process
from tiny_fine_tuning import train

from garner import batching, training_loop
from garner.encoders import features
from garner.errors import ConfigError, InputError, Interrupted, TrainingError
from garner.files import read_json
from garner.models.saved import load_model
from garner.shards import ShardReader

KINDS = ["multilabel", "users"]
FROZEN = {"epochs": 0, "head_epochs": 4}


@pytest.fixture(scope="module")
def studies(tmp_path_factory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("studies")
    return {kind: tiny_fine_tuning.make(folder, kind) for kind in KINDS}


@pytest.fixture(scope="module")
def undisturbed(studies, tmp_path_factory):
    """What `train` gives for a kind and settings, trained once."""
    found = {}

    def bytes_of(kind: str, settings: dict | None = None) -> bytes:
        key = (kind, str(settings))
        if key not in found:
            found[key] = train(studies[kind], kind, tmp_path_factory.mktemp("undisturbed"), settings)
        return found[key]

    return bytes_of


@pytest.mark.parametrize("kind", KINDS)
def test_it_learns_and_writes_what_it_promises(studies, kind, tmp_path):
    train(studies[kind], kind, tmp_path, {"epochs": 4})
    metrics = read_json(tmp_path / "train/metrics.json")
    score = {"multilabel": "micro_f1", "users": "accuracy"}[kind]
    assert metrics["validation"][score] > {"multilabel": 0.7, "users": 0.9}[kind]
    rows = list(csv.DictReader((tmp_path / "train/history.csv").read_text().splitlines()))
    assert list(rows[0]) == ["epoch", "learning_rate", "loss", f"validation_{score}"]
    assert [int(row["epoch"]) for row in rows] == [1, 2, 3, 4, 5, 6]
    assert float(rows[-1]["loss"]) < float(rows[0]["loss"])
    assert list((tmp_path / "state").glob("*.safetensors")) == []


@pytest.mark.parametrize("kind", KINDS)
def test_the_models_folder_alone_answers_as_the_metrics_say(studies, kind, tmp_path):
    train(studies[kind], kind, tmp_path)
    model, config = load_model(tmp_path / "train/model")
    with ShardReader(studies[kind] / "serialize/validation") as reader:
        inputs, targets = model.collate(model.read(reader))
    with torch.no_grad():
        probabilities = model.deployed()(*inputs).numpy()
    scores = model.labelling.scores(probabilities, targets.numpy(), config["labels"], config["decision"])
    expected = read_json(tmp_path / "train/metrics.json")["validation"]
    assert scores[model.labelling.score] == pytest.approx(expected[model.labelling.score])


@pytest.mark.parametrize("kind", KINDS)
def test_equal_inputs_give_equal_bytes_and_another_seed_gives_others(studies, undisturbed, kind, tmp_path):
    assert train(studies[kind], kind, tmp_path / "again", seconds=0) == undisturbed(kind)
    assert train(studies[kind], kind, tmp_path / "other", seed=2) != undisturbed(kind)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("batch", [3, 10, 11, 17, 20])  # of 20 for users; the head is trained alone in half
def test_stopped_after_any_batch_it_ends_in_the_same_bytes(
    studies, undisturbed, kind, tmp_path, monkeypatch, batch
):
    batch *= {"multilabel": 2, "users": 1}[kind]
    asked = [False] * (batch - 1) + [True]
    with monkeypatch.context() as patch:
        patch.setattr(training_loop, "stop_requested", iter(asked).__next__)
        with pytest.raises(Interrupted, match="progress saved"):
            train(studies[kind], kind, tmp_path)
    assert train(studies[kind], kind, tmp_path) == undisturbed(kind)


@pytest.mark.parametrize("settings", [None, FROZEN], ids=["all", "head alone"])
def test_killed_at_any_moment_it_ends_in_the_same_bytes(studies, undisturbed, tmp_path, settings):
    chance, study = random.Random(0), studies["multilabel"]
    codes = []
    for _ in range(5):
        moment = time.monotonic() + 0.2 + chance.random()
        code = in_a_process(
            lambda: train(study, "multilabel", tmp_path, settings, seconds=0),
            lambda moment=moment: time.monotonic() > moment,
            signal.SIGKILL,
        )
        codes.append(code)
    assert -signal.SIGKILL in codes
    assert train(study, "multilabel", tmp_path, settings) == undisturbed("multilabel", settings)


@pytest.mark.parametrize("kind", KINDS)
def test_a_frozen_encoder_keeps_its_weights_and_reads_each_text_once(studies, kind, tmp_path, monkeypatch):
    read = count_encoded(monkeypatch)
    train(studies[kind], kind, tmp_path, FROZEN)
    pretrained = load_file(studies[kind] / "dictionary/encoder/model.safetensors")
    trained = load_file(tmp_path / "train/model/model.safetensors")
    for name, value in pretrained.items():
        assert torch.equal(trained[f"encoder.transformer.{name}"], value)
    assert sum(read) == sum(texts_of(studies[kind], part) for part in ("train", "validation"))
    train(studies[kind], kind, tmp_path, FROZEN | {"head_learning_rate": 1e-3}, code="another head")
    assert sum(read) == sum(texts_of(studies[kind], part) for part in ("train", "validation"))


def test_a_kill_while_texts_are_encoded_costs_no_more_than_one_part(
    studies, undisturbed, tmp_path, monkeypatch
):
    monkeypatch.setattr(features, "PART_SECONDS", 0)
    monkeypatch.setattr(batching.by_length, "__defaults__", (256,))
    with monkeypatch.context() as patch:
        patch.setattr(features, "stop_requested", iter([False] * 4 + [True]).__next__)
        with pytest.raises(Interrupted, match="tokens encoded"):
            train(studies["multilabel"], "multilabel", tmp_path, FROZEN)
    parts = sorted((tmp_path / "state").rglob("vectors/*/train/*.safetensors"))
    assert len(parts) == 5
    parts[-1].write_bytes(b"half")
    before = count_encoded(monkeypatch)
    whole = train(studies["multilabel"], "multilabel", tmp_path, FROZEN)
    assert sum(before) < sum(texts_of(studies["multilabel"], part) for part in ("train", "validation"))
    assert whole == train(studies["multilabel"], "multilabel", tmp_path / "fresh", FROZEN)


@pytest.mark.parametrize("layers", [0, 2, 5])
def test_frozen_layers_stay_as_they_are_and_those_above_learn(studies, tmp_path, layers):
    train(studies["users"], "users", tmp_path, {"frozen_layers": layers, "head_epochs": 0})
    pretrained = load_file(studies["users"] / "dictionary/encoder/model.safetensors")
    trained = load_file(tmp_path / "train/model/model.safetensors")
    for name, value in pretrained.items():
        depth = int(name.split(".")[2]) + 1 if name.startswith("encoder.layer") else 0
        same = torch.equal(trained[f"encoder.transformer.{name}"], value)
        # A key's bias moves all scores of a query alike, so that it has no gradient.
        assert same == (depth <= layers) or "key.bias" in name or "token_type" in name


def test_both_begin_with_the_best_head_and_not_the_last(studies, tmp_path):
    still = {"learning_rate": 1e-12, "joint_head_learning_rate": 1e-12, "encoder_dropout": 0.0, "epochs": 1}
    fell = []
    for epochs in (6, 7, 8):
        poor = {"head_epochs": epochs, "head_learning_rate": 2.0}
        train(studies["users"], "users", tmp_path / str(epochs), still | poor)
        rows = csv.DictReader((tmp_path / str(epochs) / "train/history.csv").read_text().splitlines())
        *head, last = (float(row["validation_accuracy"]) for row in rows)
        assert last == max(head)
        fell.append(head[-1] < max(head))
    assert any(fell)


def test_the_weights_that_are_kept_are_averages_over_the_last_steps(studies, tmp_path):
    def moved(steps: int) -> float:
        settings = {"head_epochs": 0, "epochs": 1, "averaged_steps": steps}
        train(studies["users"], "users", tmp_path / str(steps), settings)
        trained = load_file(tmp_path / str(steps) / "train/model/model.safetensors")
        pretrained = load_file(studies["users"] / "dictionary/encoder/model.safetensors")
        ways = (trained[f"encoder.transformer.{name}"] - value for name, value in pretrained.items())
        return sum(way.norm().item() for way in ways)

    assert moved(10**9) < moved(3) < moved(0)


def test_a_step_learns_the_same_in_however_many_parts_it_is_computed(studies, tmp_path):
    folders = [tmp_path / "one", tmp_path / "many"]
    for folder, tokens in zip(folders, (100_000, 64), strict=True):
        settings = {"micro_batch_tokens": tokens, "encoder_dropout": 0.0, "dropout": 0.0, "epochs": 1}
        train(studies["multilabel"], "multilabel", folder, settings)
    assert_alike(*folders)


class SmallMemory:
    """Stands for a GPU: a step on more texts than `texts` at once ends in torch.OutOfMemoryError."""

    def __init__(self, monkeypatch, texts: int):
        from garner.models.multilabel import Multilabel

        self.seen = []
        loss = Multilabel.loss

        def small(model, logits, targets):
            if model.encoder.transformer.training and len(logits) > texts:
                raise torch.OutOfMemoryError("CUDA out of memory")
            self.seen.append(len(logits))
            return loss(model, logits, targets)

        monkeypatch.setattr(Multilabel, "loss", small)


def test_a_gpu_out_of_memory_learns_a_step_in_smaller_parts_and_says_so(
    studies, tmp_path, monkeypatch, caplog
):
    settings = {"head_epochs": 0, "epochs": 1, "encoder_dropout": 0.0, "dropout": 0.0}
    train(studies["multilabel"], "multilabel", tmp_path / "large", settings)
    small = SmallMemory(monkeypatch, texts=3)
    train(studies["multilabel"], "multilabel", tmp_path / "small", settings)
    assert max(small.seen) == 3
    assert "memory is too small for" in caplog.text
    assert "still learns from train.batch_size" in caplog.text
    assert_alike(tmp_path / "large", tmp_path / "small")


def test_a_gpu_too_small_for_one_text_is_named_with_the_cure(studies, tmp_path, monkeypatch):
    SmallMemory(monkeypatch, texts=0)
    with pytest.raises(TrainingError, match=r"not enough memory.*serialize.tokens"):
        train(studies["multilabel"], "multilabel", tmp_path, {"head_epochs": 0})


def test_a_gpu_too_small_for_the_head_alone_is_named_with_the_cure(studies, tmp_path, monkeypatch):
    SmallMemory(monkeypatch, texts=0)
    with pytest.raises(TrainingError, match="even for the head alone"):
        train(studies["multilabel"], "multilabel", tmp_path)


@pytest.mark.parametrize("kind", KINDS)
def test_a_sample_of_the_texts_that_the_head_begins_from_is_encoded_in_small_groups(
    studies, kind, tmp_path, monkeypatch
):
    from garner.encoders import fine_tuning

    sizes, encode = [], fine_tuning.encode

    def counted(encoder, texts, special):
        sizes.append(len(texts))
        return encode(encoder, texts, special)

    monkeypatch.setattr(fine_tuning, "encode", counted)
    monkeypatch.setattr(fine_tuning, "SAMPLE", 50)
    monkeypatch.setattr(batching.by_length, "__defaults__", (256,))
    train(studies[kind], kind, tmp_path, {"head_epochs": 0})
    assert 25 < sum(sizes) <= 60
    assert len(sizes) > 2


def test_patience_is_for_the_last_stage_alone(studies, tmp_path):
    slow = {"head_learning_rate": 1e-12, "joint_head_learning_rate": 1e-12, "learning_rate": 1e-12}
    train(studies["users"], "users", tmp_path, slow | {"head_epochs": 4, "epochs": 9, "patience": 2})
    assert read_json(tmp_path / "train/metrics.json")["epochs"] == 4 + 2


def test_no_epochs_at_all_are_refused(studies, tmp_path):
    with pytest.raises(ConfigError, match="nothing would be learned"):
        train(studies["users"], "users", tmp_path, {"head_epochs": 0, "epochs": 0})


def test_a_loss_that_is_no_number_names_the_setting_to_lower(studies, tmp_path):
    with pytest.raises(TrainingError, match=r"learning_rate.*head_learning_rate"):
        train(studies["users"], "users", tmp_path, {"head_learning_rate": 1e30})


def test_weights_that_are_not_the_encoders_are_refused_by_name(studies, tmp_path):
    import shutil

    encoder = shutil.copytree(studies["users"] / "dictionary/encoder", tmp_path / "encoder")
    (encoder / "model.safetensors").write_bytes(b"no weights")
    with pytest.raises(InputError, match=r"model\.safetensors cannot be used"):
        train(studies["users"], "users", tmp_path, encoder=encoder)


def assert_alike(one: Path, other: Path) -> None:
    """Two trainings whose weights differ by rounding alone."""
    weights = [load_file(folder / "train/model/model.safetensors") for folder in (one, other)]
    for name, value in weights[0].items():
        if "key.bias" not in name:  # has no gradient but rounding
            torch.testing.assert_close(weights[1][name], value, rtol=1e-3, atol=1e-3)


def count_encoded(monkeypatch) -> list[int]:
    """The numbers of texts that are encoded from here on, a call each."""
    found = []
    vectors = features.vectors

    def counting(folder, texts, encode):
        def counted(some):
            found.append(len(some))
            return encode(some)

        return vectors(folder, texts, counted)

    from garner.encoders import fine_tuning

    monkeypatch.setattr(fine_tuning, "vectors", counting)
    return found


def texts_of(study: Path, part: str) -> int:
    """How many texts the shards of a part hold."""
    with ShardReader(study / f"serialize/{part}") as reader:
        cls = reader.meta["special"]["cls"]
        return sum(int((sample.tokens == cls).sum()) for sample in reader)
