"""Checkpoints: whole and of this training, or not used."""

import logging

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from garner.checkpoint import Checkpoints

IDENTITY = {"settings": {"learning_rate": 0.1}, "seed": 1}
TENSORS = {"a": torch.arange(6).reshape(2, 3), "random": torch.get_rng_state(), "step": torch.tensor(3.0)}
VALUES = {"epoch": 2, "sums": {"loss": 0.1 + 0.2}, "history": []}


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "state"


def _steps(folder):
    return [int(path.name.partition("-")[0]) for path in sorted(folder.iterdir())]


def test_what_was_saved_comes_back_bit_for_bit(folder):
    Checkpoints(folder, IDENTITY).save(7, TENSORS, VALUES)
    tensors, values = Checkpoints(folder, IDENTITY).load()
    assert values == VALUES
    assert tensors.keys() == TENSORS.keys()
    assert all(torch.equal(tensors[name], tensor) for name, tensor in TENSORS.items())
    assert all(tensors[name].dtype == tensor.dtype for name, tensor in TENSORS.items())


def test_equal_states_make_equal_files(folder, tmp_path):
    for place in (folder, tmp_path / "other"):
        Checkpoints(place, IDENTITY).save(7, TENSORS, VALUES)
    (first,), (second,) = folder.iterdir(), (tmp_path / "other").iterdir()
    assert (first.name, first.read_bytes()) == (second.name, second.read_bytes())


def test_the_newest_is_loaded_and_the_last_two_are_kept(folder):
    checkpoints = Checkpoints(folder, IDENTITY)
    for step in (9, 10, 100):
        checkpoints.save(step, TENSORS, {"step": step})
    assert _steps(folder) == [10, 100]
    assert checkpoints.load()[1] == {"step": 100}


def test_nothing_there_is_a_fresh_start(folder):
    assert Checkpoints(folder, IDENTITY).load() is None


@pytest.mark.parametrize("change", [{"seed": 2}, {"settings": {"learning_rate": 0.2}}, {"new": 1}])
def test_another_training_is_never_resumed_and_the_log_names_what_changed(folder, change, caplog):
    Checkpoints(folder, IDENTITY).save(7, TENSORS, VALUES)
    with caplog.at_level(logging.WARNING, "garner"):
        assert Checkpoints(folder, IDENTITY | change).load() is None
    assert f"{next(iter(change))} changed" in caplog.text
    assert "anew" in caplog.text
    assert _steps(folder) == []


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_damaged_checkpoint_gives_way_to_the_one_before(folder, data):
    checkpoints = Checkpoints(folder, IDENTITY)
    for step in (1, 2):
        checkpoints.save(step, TENSORS, {"step": step})
    newest = max(folder.iterdir())
    content = bytearray(newest.read_bytes())
    if data.draw(st.booleans(), "truncated"):
        del content[data.draw(st.integers(0, len(content) - 1), "length") :]
    else:
        content[data.draw(st.integers(0, len(content) - 1), "place")] ^= data.draw(
            st.integers(1, 255), "bits"
        )
    newest.write_bytes(content)
    assert checkpoints.load()[1] == {"step": 1}
    checkpoints.clear()


def test_damage_to_all_is_a_fresh_start_that_says_so(folder, caplog):
    checkpoints = Checkpoints(folder, IDENTITY)
    checkpoints.save(1, TENSORS, VALUES)
    next(folder.iterdir()).write_bytes(b"")
    with caplog.at_level(logging.WARNING, "garner"):
        assert checkpoints.load() is None
    assert "damaged" in caplog.text
    assert "anew" in caplog.text


def test_a_write_that_was_killed_leaves_nothing_behind(folder):
    checkpoints = Checkpoints(folder, IDENTITY)
    checkpoints.save(1, TENSORS, VALUES)
    (folder / "0000000002-0123456789abcdef.safetensors.part").write_bytes(b"half")
    assert checkpoints.load()[1] == VALUES
    assert _steps(folder) == [1]


def test_clear_leaves_the_lock_alone(folder):
    checkpoints = Checkpoints(folder, IDENTITY)
    checkpoints.save(1, TENSORS, VALUES)
    (folder / ".lock").touch()
    checkpoints.clear()
    assert [path.name for path in folder.iterdir()] == [".lock"]
