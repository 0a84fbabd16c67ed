"""Training: what it writes, and that no end of the process changes it."""

import csv
import logging
import os
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import tiny_study
import torch

from garner import training_loop
from garner.errors import ConfigError, InputError, Interrupted, TrainingError
from garner.files import read_json, write_json
from garner.jobs import job
from garner.models.saved import load_model
from garner.objective import LOSSES
from garner.shards import ShardReader
from garner.training import train_model

NEVER = 1e9  # seconds between checkpoints
MANY_EPOCHS = {"epochs": 10, "patience": 10}


@pytest.fixture(scope="module")
def study(tmp_path_factory) -> Path:
    return tiny_study.make(tmp_path_factory.mktemp("study"))


def train(
    study: Path, folder: Path, settings: dict | None = None, seconds: float = NEVER, **changes
) -> bytes:
    """Train into `folder`, with its state beside; returns all the bytes that were written."""
    folder.mkdir(exist_ok=True)
    arguments = {"kind": "bag", "seed": 1, "code": "1", "device": "cpu"} | tiny_study.training_inputs(study)
    train_model(
        **arguments | changes,
        outputs=tiny_study.training_outputs(folder / "train"),
        state=folder / "state",
        settings=tiny_study.SETTINGS | (settings or {}),
        checkpoint_seconds=seconds,
    )
    return b"".join(path.read_bytes() for path in sorted((folder / "train").rglob("*")) if path.is_file())


def in_a_process(work: Callable[[], object], until: Callable[[], bool], number: int) -> int:
    """Do `work` in a forked process, send it signal `number` once `until` holds; its exit code."""
    process = os.fork()
    if process == 0:
        code = 1
        try:
            work()
            code = 0
        except SystemExit as end:
            code = end.code
        finally:
            os._exit(code)
    deadline = time.monotonic() + 60
    while not until() and time.monotonic() < deadline:
        time.sleep(0.002)
    os.kill(process, number)
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def checkpoints(folder: Path) -> list[Path]:
    return sorted((folder / "state").glob("*.safetensors"))


@pytest.fixture(scope="module")
def undisturbed(study, tmp_path_factory) -> bytes:
    return train(study, tmp_path_factory.mktemp("undisturbed"))


@pytest.fixture(scope="module")
def undisturbed_for_long(study, tmp_path_factory) -> bytes:
    return train(study, tmp_path_factory.mktemp("undisturbed"), MANY_EPOCHS)


@pytest.fixture
def interrupted(study, tmp_path):
    """A folder whose training was killed with a few checkpoints made."""
    in_a_process(
        lambda: train(study, tmp_path, MANY_EPOCHS, seconds=0),
        lambda: len(checkpoints(tmp_path)) >= 2,
        signal.SIGKILL,
    )
    assert len(checkpoints(tmp_path)) >= 2
    return tmp_path


def test_it_learns_and_writes_what_it_promises(study, tmp_path):
    train(study, tmp_path, {"epochs": 8, "patience": 8})
    metrics = read_json(tmp_path / "train/metrics.json")
    assert metrics["validation"]["balanced_accuracy"] > 0.9
    assert metrics["train_samples"] == 96
    rows = list(csv.DictReader((tmp_path / "train/history.csv").read_text().splitlines()))
    assert list(rows[0]) == [
        "epoch",
        "learning_rate",
        "loss",
        *LOSSES,
        "validation_balanced_accuracy",
    ]
    assert [int(row["epoch"]) for row in rows] == list(range(1, metrics["epochs"] + 1))
    assert float(rows[-1]["loss"]) < float(rows[0]["loss"])
    assert checkpoints(tmp_path) == []


def test_the_weights_kept_are_those_of_the_best_epoch(study, tmp_path):
    train(study, tmp_path, {"epochs": 6, "patience": 6, "learning_rate": 0.3})
    metrics = read_json(tmp_path / "train/metrics.json")
    rows = csv.DictReader((tmp_path / "train/history.csv").read_text().splitlines())
    scores = [float(row["validation_balanced_accuracy"]) for row in rows]
    assert metrics["best_epoch"] == scores.index(max(scores)) + 1
    assert metrics["validation"]["balanced_accuracy"] == max(scores)
    model, config = load_model(tmp_path / "train/model")
    with ShardReader(study / "serialize/validation") as reader:
        inputs, targets = model.collate(model.read(reader))
    found = (model.classify(model.embed(*inputs).values).argmax(dim=1) == targets).double().mean()
    assert found.item() == pytest.approx(metrics["validation"]["accuracy"])
    assert config["labels"] == tiny_study.LABELS


def test_it_stops_when_validation_gains_no_more(study, tmp_path):
    train(study, tmp_path, {"epochs": 50, "patience": 2, "learning_rate": 1e-9})
    assert read_json(tmp_path / "train/metrics.json")["epochs"] == 3


def test_equal_inputs_give_equal_bytes_and_another_seed_gives_others(study, undisturbed, tmp_path):
    assert train(study, tmp_path / "again") == undisturbed
    assert train(study, tmp_path / "other", seed=2) != undisturbed


def test_how_often_checkpoints_are_made_changes_nothing(study, undisturbed, tmp_path):
    assert train(study, tmp_path, seconds=0) == undisturbed


def test_killed_at_any_moment_it_ends_in_the_same_bytes(study, undisturbed_for_long, tmp_path):
    chance = random.Random(0)
    codes, folder = [], tmp_path / "killed"
    for _ in range(6):
        moment = time.monotonic() + 0.1 + chance.random()
        code = in_a_process(
            lambda: train(study, folder, MANY_EPOCHS, seconds=0),
            lambda moment=moment: time.monotonic() > moment,
            signal.SIGKILL,
        )
        codes.append(code)
    assert -signal.SIGKILL in codes
    assert train(study, folder, MANY_EPOCHS) == undisturbed_for_long


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2])
def test_a_signal_ends_it_with_its_progress_saved_and_try_again(study, tmp_path, number):
    def work():
        with job(tmp_path / "train.log", tmp_path / "state"):
            train(study, tmp_path, {"epochs": 10_000, "patience": 10_000}, seconds=0)

    assert in_a_process(work, lambda: checkpoints(tmp_path), number) == 75
    assert checkpoints(tmp_path)
    assert "stopped on request, with progress saved" in (tmp_path / "train.log").read_text()


@pytest.mark.parametrize("batch", [1, 5, 6, 7, 12, 23])  # of the 24 in 4 epochs
def test_stopped_after_any_batch_it_ends_in_the_same_bytes(study, undisturbed, tmp_path, monkeypatch, batch):
    asked = [False] * (batch - 1) + [True]
    with monkeypatch.context() as patch:
        patch.setattr(training_loop, "stop_requested", iter(asked).__next__)
        with pytest.raises(Interrupted, match="progress saved"):
            train(study, tmp_path / "stopped")
    assert len(checkpoints(tmp_path / "stopped")) == 1
    assert train(study, tmp_path / "stopped") == undisturbed


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"settings": MANY_EPOCHS | {"learning_rate": 0.01}}, "settings"),
        ({"settings": MANY_EPOCHS, "seed": 2}, "seed"),
        ({"settings": MANY_EPOCHS, "code": "2"}, "code"),
        ({"settings": MANY_EPOCHS, "train": "test"}, "data"),
    ],
)
def test_a_changed_training_starts_anew_and_says_why(study, interrupted, caplog, changes, named):
    if "train" in changes:
        changes = changes | {"train": study / "serialize" / changes["train"]}
    with caplog.at_level(logging.WARNING, "garner"):
        found = train(study, interrupted, **changes)
    assert f"{named} changed" in caplog.text
    assert "anew" in caplog.text
    assert found == train(study, interrupted / "fresh", **changes)


def test_a_damaged_checkpoint_gives_way_to_the_one_before(study, interrupted, undisturbed_for_long, caplog):
    newest = checkpoints(interrupted)[-1]
    newest.write_bytes(newest.read_bytes()[:-1])
    with caplog.at_level(logging.INFO, "garner"):
        found = train(study, interrupted, MANY_EPOCHS)
    assert f"{newest} is damaged" in caplog.text
    assert "goes on from a checkpoint" in caplog.text
    assert found == undisturbed_for_long


def test_without_a_whole_checkpoint_it_starts_anew(study, interrupted, undisturbed_for_long, caplog):
    for path in checkpoints(interrupted):
        path.write_bytes(b"")
    with caplog.at_level(logging.WARNING, "garner"):
        found = train(study, interrupted, MANY_EPOCHS)
    assert "anew" in caplog.text
    assert found == undisturbed_for_long


def test_a_loss_that_is_switched_off_has_an_empty_column(study, tmp_path):
    weights = tiny_study.SETTINGS["weights"] | {"entropy": 0, "virtual_adversarial": 0}
    train(study, tmp_path, {"weights": weights})
    for row in csv.DictReader((tmp_path / "train/history.csv").read_text().splitlines()):
        assert (row["entropy"], row["virtual_adversarial"]) == ("", "")
        assert float(row["adversarial"]) > 0


def test_a_loss_that_is_no_number_names_the_setting_to_lower(study, tmp_path):
    with pytest.raises(TrainingError, match=r"learning_rate.*1e\+30"):
        train(study, tmp_path, {"learning_rate": 1e30})
    assert not (tmp_path / "train").exists()


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there_is_refused(study, tmp_path):
    with pytest.raises(ConfigError, match="no GPU"):
        train(study, tmp_path, device="cuda")


def test_labels_and_vocabulary_of_another_run_are_refused(study, tmp_path):
    write_json(tmp_path / "labels.json", {"labels": ["other"], "left_out": {}})
    for name, path in (("labels", tmp_path / "labels.json"), ("vocabulary", study / "sort/labels.json")):
        with pytest.raises(InputError, match="was not made with"):
            train(study, tmp_path, **{name: path})
