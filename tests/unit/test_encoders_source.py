"""Where an encoder comes from: data files alone, never twice, and one choice for good."""

import logging
import socket

import huggingface_hub.constants
import pytest
import tiny_encoder
from full_disk import full_disk
from loopback_hub import REVISION, serve_hub

import garner.encoders.source
from garner.encoders.source import ONLINE, PACKAGE, find_encoder, folder_files
from garner.errors import ConfigError, DiskFullError, InputError, TransientError

NAME = "someone/some-encoder"
NOWHERE = "http://127.0.0.1:9"  # the port "discard", where nobody listens


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> dict[str, bytes]:
    """What a hub has of an encoder: data, and what must not be fetched."""
    folder = tiny_encoder.make(tmp_path_factory.mktemp("source") / "encoder")
    others = {"pytorch_model.bin": b"pickle" * 9999, "modeling_own.py": b"import os", "README.md": b"# Read"}
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())} | others


@pytest.fixture
def hub(files, monkeypatch):
    with serve_hub(NAME, files) as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
        yield hub


@pytest.fixture
def no_hub(monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", NOWHERE)


@pytest.fixture
def said(caplog):
    caplog.set_level(logging.INFO, logger="garner")
    return caplog


def test_a_folder_is_taken_as_it_is(tmp_path, no_hub):
    folder = tiny_encoder.make(tmp_path / "encoder")
    found, origin = find_encoder(str(folder), tmp_path / "state")
    assert (found, origin["name"]) == (folder, str(folder))
    assert not (tmp_path / "state").exists()


def test_of_a_name_only_data_is_fetched_and_no_token_is_sent(tmp_path, hub, files, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    folder, origin = find_encoder(NAME, tmp_path)
    wanted = ["config.json", "model.safetensors", "tokenizer.json"]
    assert sorted(hub.fetched()) == wanted
    assert {name: (folder / name).read_bytes() for name in wanted} == {name: files[name] for name in wanted}
    assert (origin["name"], origin["revision"]) == (NAME, REVISION)
    assert not [request for request in hub.requests if "authorization" in request.headers]
    assert tmp_path in folder.parents


def test_what_was_fetched_is_not_fetched_again_and_needs_no_hub(tmp_path, hub):
    first = find_encoder(NAME, tmp_path)
    asked = len(hub.requests)
    hub.status = 503
    assert find_encoder(NAME, tmp_path) == first
    assert len(hub.requests) == asked


def test_where_none_is_named_the_hub_is_asked_first(tmp_path, hub):
    hub.name = ONLINE
    _, origin = find_encoder(None, tmp_path)
    assert (origin["name"], origin["revision"]) == (ONLINE, REVISION)


def test_without_a_hub_the_packaged_encoder_is_taken_and_said_so(tmp_path, no_hub, said):
    folder, origin = find_encoder(None, tmp_path)
    assert origin["name"] == PACKAGE
    assert {"config.json", "model.safetensors"} <= {path.name for path in folder.iterdir()}
    assert f"{ONLINE} cannot be had from the hub" in said.text
    assert f"this study takes {PACKAGE}" in said.text


def test_the_choice_stays_when_the_hub_comes_back(tmp_path, hub):
    hub.status, hub.name = 503, ONLINE
    first = find_encoder(None, tmp_path)
    hub.status = None
    asked = len(hub.requests)
    assert find_encoder(None, tmp_path) == first
    assert len(hub.requests) == asked


def test_another_setting_is_another_choice(tmp_path, hub, monkeypatch):
    hub.status = 503
    assert find_encoder(None, tmp_path)[1]["name"] == PACKAGE
    hub.status = None
    assert find_encoder(NAME, tmp_path)[1]["name"] == NAME


def test_a_hub_that_accepts_and_never_answers_is_out_of_reach_soon(tmp_path, monkeypatch):
    monkeypatch.setattr(garner.encoders.source, "ANSWER_SECONDS", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{silent.getsockname()[1]}")
        assert find_encoder(None, tmp_path)[1]["name"] == PACKAGE
        with pytest.raises(TransientError, match=r"some-encoder is no folder here, .*no answer in"):
            find_encoder(NAME, tmp_path)


@pytest.mark.parametrize("name", ["someone/nothing", "/no/such/folder", "two words", "../up"])
def test_a_name_that_is_neither_folder_nor_on_the_hub_is_refused(tmp_path, hub, name):
    with pytest.raises(ConfigError, match=f"'{name}' is neither a folder here nor a public model on the hub"):
        find_encoder(name, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_named_encoder_without_a_hub_fails_with_the_cure(tmp_path, no_hub):
    with pytest.raises(TransientError, match=r"dictionary\.encoder to a folder or to null") as failure:
        find_encoder(NAME, tmp_path)
    assert failure.value.passing


@pytest.mark.parametrize("page", [b"<html>Log in first</html>", b"[]", b"{}", b"null"])
def test_an_answer_of_somebody_else_is_no_hub(tmp_path, hub, page):
    hub.page = page
    with pytest.raises(TransientError, match="the hub cannot be reached"):
        find_encoder(NAME, tmp_path)


def test_a_model_with_pickled_weights_alone_is_refused_and_none_is_fetched(tmp_path, hub):
    del hub.files["model.safetensors"]
    with pytest.raises(InputError, match=r"only pytorch_model\.bin, and Garner opens no pickle"):
        find_encoder(NAME, tmp_path)
    assert hub.fetched() == []


@pytest.mark.parametrize(
    ("missing", "said"),
    [
        ("config.json", "has no config.json"),
        ("model.safetensors", "has no model.safetensors"),
        ("tokenizer.json", "has no tokenizer"),
    ],
)
def test_what_a_folder_lacks_is_named(tmp_path, missing, said):
    folder = tiny_encoder.make(tmp_path / "encoder")
    (folder / missing).unlink()
    with pytest.raises(InputError, match=said) as failure:
        find_encoder(str(folder), tmp_path / "state")
    assert str(folder) in str(failure.value)
    assert "Set dictionary.encoder to" in str(failure.value)


def test_a_broken_connection_goes_on_at_the_last_whole_piece(tmp_path, hub, files, monkeypatch):
    monkeypatch.setattr(huggingface_hub.constants, "DOWNLOAD_CHUNK_SIZE", 20_000)
    hub.cuts = [50_000]
    folder, _ = find_encoder(NAME, tmp_path)
    assert (folder / "model.safetensors").read_bytes() == files["model.safetensors"]
    ranges = [
        request.headers.get("range") for request in hub.requests if request.path.endswith("model.safetensors")
    ]
    assert "bytes=40000-" in ranges


def test_a_killed_download_fetches_no_whole_file_again(tmp_path, hub, files):
    hub.files = {name: data for name, data in files.items() if name != "model.safetensors"} | {
        "model.safetensors": files["model.safetensors"]
    }
    hub.cuts = [1000] * 50
    with pytest.raises(TransientError):
        find_encoder(NAME, tmp_path)
    (tmp_path / "hub/half.incomplete").write_bytes(b"left by a kill")
    hub.cuts, hub.requests = [], []
    folder, _ = find_encoder(NAME, tmp_path)
    assert set(hub.fetched()) == {"model.safetensors"}
    assert (folder / "model.safetensors").read_bytes() == files["model.safetensors"]
    assert not list(tmp_path.rglob("*.incomplete"))


def test_an_encoder_that_never_arrived_whole_is_not_chosen_for_good(tmp_path, hub):
    hub.name, hub.damaged = ONLINE, {"model.safetensors"}
    with pytest.raises(TransientError):
        find_encoder(None, tmp_path)
    hub.status = 503
    assert find_encoder(None, tmp_path)[1]["name"] == PACKAGE


def test_damaged_weights_are_refused_and_fetched_anew(tmp_path, hub, files):
    hub.damaged = {"model.safetensors"}
    with pytest.raises(TransientError, match=r"model\.safetensors of .* arrived damaged"):
        find_encoder(NAME, tmp_path)
    hub.damaged = set()
    folder, _ = find_encoder(NAME, tmp_path)
    assert (folder / "model.safetensors").read_bytes() == files["model.safetensors"]


def test_a_full_disk_is_named_and_the_next_run_goes_on(tmp_path, hub):
    with full_disk(60_000), pytest.raises(DiskFullError, match="no space left"):
        find_encoder(NAME, tmp_path)
    assert find_encoder(NAME, tmp_path)[1]["revision"] == REVISION


def test_a_changed_file_of_a_folder_is_an_input_of_the_stage(tmp_path):
    folder = tiny_encoder.make(tmp_path / "encoder")
    (folder / "notes.txt").write_text("mine")
    assert [path.rpartition("/")[2] for path in folder_files(str(folder))] == [
        "config.json",
        "model.safetensors",
        "tokenizer.json",
    ]
    assert folder_files(None) == []
