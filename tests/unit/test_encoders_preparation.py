"""A pretrained encoder becomes two files that every later stage can read, whoever made it."""

import json
import logging
import os
from pathlib import Path

import pytest
import tiny_encoder
import torch
from full_disk import full_disk
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from transformers import (
    AutoConfig,
    AutoModel,
    BertConfig,
    BertForMaskedLM,
    DistilBertConfig,
    DistilBertForMaskedLM,
    PreTrainedModel,
    RobertaConfig,
    RobertaForMaskedLM,
)

from garner.encoders.preparation import prepare_encoder
from garner.encoders.source import ONLINE, PACKAGE
from garner.encoders.tokenizer import EncoderTokenizer
from garner.errors import DiskFullError, InputError
from garner.files import read_json

SIZES = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
PIECES = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "word", "##bas", "robot", "a", "b", "##c"]
BYTES = ["<s>", "<pad>", "</s>", "<unk>", "<mask>", "w", "o", "r", "d", "Ġ", "b", "wo", "rd", "word"]


def prepared(source: Path, folder: Path) -> tuple[PreTrainedModel, EncoderTokenizer]:
    """What training makes of the outputs: the folder alone must rebuild the encoder, exactly."""
    outputs = {"encoder": folder / "encoder", "tokenizer": folder / "tokenizer.json"}
    prepare_encoder(str(source), outputs, folder / "state")
    config = AutoConfig.for_model(**read_json(outputs["encoder"] / "config.json"))
    model = AutoModel.from_config(config)
    model.pooler = None
    model.load_state_dict(load_file(outputs["encoder"] / "model.safetensors"), strict=True)
    return model.eval(), EncoderTokenizer.load(outputs["tokenizer"])


def hidden(model: PreTrainedModel, tokenizer: EncoderTokenizer, text: str) -> torch.Tensor:
    ids = [*tokenizer.sample(text, 20).tolist(), tokenizer.sep]
    with torch.no_grad():
        return model(input_ids=torch.tensor([ids])).last_hidden_state


def saved(model: PreTrainedModel, folder: Path) -> PreTrainedModel:
    """A folder as a hub has it, with the weights of the head and their names; returns the encoder alone."""
    model.eval().save_pretrained(folder)
    return model.base_model


def test_bert_with_a_head_and_a_list_of_pieces(tmp_path):
    config = BertConfig(vocab_size=len(PIECES), max_position_embeddings=48, **SIZES)
    original = saved(BertForMaskedLM(config), tmp_path / "bert")
    (tmp_path / "bert/vocab.txt").write_text("\n".join(PIECES) + "\n")
    model, tokenizer = prepared(tmp_path / "bert", tmp_path / "out")
    assert (tokenizer.cls, tokenizer.sep, tokenizer.pad, tokenizer.maximum) == (2, 3, 0, 48)
    assert tokenizer.ids("Robot wordbas", 9).tolist() == [7, 5, 6]
    assert torch.equal(hidden(model, tokenizer, "robot word"), hidden(original, tokenizer, "robot word"))


def test_roberta_counts_its_positions_from_behind_the_padding(tmp_path):
    config = RobertaConfig(
        vocab_size=len(BYTES), max_position_embeddings=50, type_vocab_size=1, pad_token_id=1, **SIZES
    )
    original = saved(RobertaForMaskedLM(config), tmp_path / "roberta")
    (tmp_path / "roberta/vocab.json").write_text(json.dumps({piece: i for i, piece in enumerate(BYTES)}))
    (tmp_path / "roberta/merges.txt").write_text("#version: 0.2\nw o\nr d\nwo rd\n")
    model, tokenizer = prepared(tmp_path / "roberta", tmp_path / "out")
    assert (tokenizer.cls, tokenizer.sep, tokenizer.pad, tokenizer.maximum) == (0, 2, 1, 48)
    assert not set(tokenizer.ids("<s> word </s>", 20).tolist()) & {0, 1, 2}
    assert torch.equal(hidden(model, tokenizer, "word b"), hidden(original, tokenizer, "word b"))
    full = [tokenizer.cls] * (tokenizer.maximum - 1) + [tokenizer.sep]
    with torch.no_grad():
        model(input_ids=torch.tensor([full]))  # the longest input has positions


def test_distilbert_with_a_head(tmp_path):
    config = DistilBertConfig(
        vocab_size=len(PIECES), max_position_embeddings=48, dim=32, n_layers=2, n_heads=2
    )
    original = saved(DistilBertForMaskedLM(config), tmp_path / "distilbert")
    (tmp_path / "distilbert/vocab.txt").write_text("\n".join(PIECES) + "\n")
    model, tokenizer = prepared(tmp_path / "distilbert", tmp_path / "out")
    assert tokenizer.maximum == 48
    assert torch.equal(hidden(model, tokenizer, "robot word"), hidden(original, tokenizer, "robot word"))


def test_weights_of_half_precision_become_whole_ones(tmp_path):
    source = tiny_encoder.make(tmp_path / "source")
    weights = load_file(source / "model.safetensors")
    save_file({name: value.half() for name, value in weights.items()}, source / "model.safetensors")
    prepared(source, tmp_path / "out")
    stored = load_file(tmp_path / "out/encoder/model.safetensors")
    assert {value.dtype for value in stored.values()} == {torch.float32}


def test_the_packaged_minilm_is_taken_where_there_is_no_hub(tmp_path, monkeypatch, caplog):
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    caplog.set_level(logging.INFO, logger="garner")
    outputs = {"encoder": tmp_path / "encoder", "tokenizer": tmp_path / "tokenizer.json"}
    prepare_encoder(None, outputs, tmp_path / "state")
    origin = read_json(tmp_path / "encoder/origin.json")
    assert origin["name"] == PACKAGE
    assert ONLINE in origin["why"]
    tokenizer = EncoderTokenizer.load(outputs["tokenizer"])
    assert (len(tokenizer), tokenizer.maximum) == (30522, 512)
    assert not any("pooler" in name for name in load_file(tmp_path / "encoder/model.safetensors"))


def test_same_encoder_gives_the_same_bytes(tmp_path):
    source = tiny_encoder.make(tmp_path / "source")
    for name in ("one", "two"):
        prepared(source, tmp_path / name)
    for file in ("encoder/config.json", "encoder/model.safetensors", "encoder/origin.json", "tokenizer.json"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes(), file


def changed(path: Path, **keys) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | keys))


def test_code_that_comes_with_an_encoder_is_not_run(tmp_path):
    source = tiny_encoder.make(tmp_path / "source")
    (source / "modeling_own.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\nclass Own: pass\n")
    (source / "tokenization_own.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\nclass Own: pass\n")
    auto = {"AutoConfig": "modeling_own.Own", "AutoModel": "modeling_own.Own"}
    changed(source / "config.json", auto_map=auto, attn_implementation="someone/kernel")
    own = {"auto_map": {"AutoTokenizer": ["tokenization_own.Own", "tokenization_own.Own"]}}
    (source / "tokenizer_config.json").write_text(json.dumps(own))
    vocabulary = Tokenizer.from_file(str(source / "tokenizer.json")).get_vocab()
    (source / "tokenizer.json").unlink()
    (source / "vocab.txt").write_text("\n".join(sorted(vocabulary, key=vocabulary.get)) + "\n")
    prepared(source, tmp_path / "out")
    assert not (tmp_path / "ran").exists()
    assert not {"auto_map", "attn_implementation"} & set(read_json(tmp_path / "out/encoder/config.json"))


def test_a_model_that_only_its_own_code_knows_is_refused(tmp_path):
    source = tiny_encoder.make(tmp_path / "source")
    changed(source / "config.json", model_type="own", auto_map={"AutoModel": "modeling_own.Own"})
    with pytest.raises(InputError, match="transformers itself knows no model_type 'own'"):
        prepared(source, tmp_path / "out")


def test_a_pickle_in_the_place_of_weights_is_not_opened(tmp_path):
    class Opened:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "ran"),)

    source = tiny_encoder.make(tmp_path / "source")
    torch.save({"weights": Opened()}, source / "model.safetensors")
    with pytest.raises(InputError, match="the encoder cannot be loaded"):
        prepared(source, tmp_path / "out")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        ("model.safetensors", b"", "the encoder cannot be loaded"),
        ("config.json", b"{", "is no JSON"),
        ("config.json", b"[]", "knows no model_type None"),
        ("config.json", b'{"model_type": "bert", "hidden_size": "many"}', "source.* cannot be"),
        ("config.json", b'{"model_type": "t5"}', "source"),
        ("tokenizer.json", b"{}", "its tokenizer cannot be read"),
    ],
)
def test_a_damaged_file_is_named_and_nothing_is_left(tmp_path, file, content, said):
    source = tiny_encoder.make(tmp_path / "source")
    (source / file).write_bytes(content)
    with pytest.raises(InputError, match=said):
        prepared(source, tmp_path / "out")
    assert not (tmp_path / "out/encoder").exists()


def test_weights_cut_short_are_refused(tmp_path):
    source = tiny_encoder.make(tmp_path / "source")
    os.truncate(source / "model.safetensors", 100_000)
    with pytest.raises(InputError, match="the encoder cannot be loaded"):
        prepared(source, tmp_path / "out")


def test_weights_that_are_missing_are_counted_and_named(tmp_path):
    source = tiny_encoder.make(tmp_path / "source")
    weights = load_file(source / "model.safetensors")
    del weights["encoder.layer.3.output.dense.weight"]
    save_file(weights, source / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(InputError, match=r"lacks 1 weights, encoder\.layer\.3\.output\.dense\.weight"):
        prepared(source, tmp_path / "out")


def test_a_full_disk_is_named_and_nothing_is_half_written(tmp_path):
    source = tiny_encoder.make(tmp_path / "source")
    with full_disk(60_000), pytest.raises(DiskFullError, match=r"no space left to write .*encoder"):
        prepared(source, tmp_path / "out")
    assert not list((tmp_path / "out").glob("encoder*"))


def test_a_tokenizer_of_another_model_is_refused(tmp_path):
    source = tiny_encoder.make(tmp_path / "source")
    tokenizer = Tokenizer.from_file(str(source / "tokenizer.json"))
    tokenizer.add_tokens([f"token{number}" for number in range(50)])
    tokenizer.save(str(source / "tokenizer.json"))
    with pytest.raises(InputError, match=r"its tokenizer gives 252 ids, and its weights know 202"):
        prepared(source, tmp_path / "out")
