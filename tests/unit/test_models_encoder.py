"""The pretrained transformer: which vector it gives a text, and what it refuses."""

import pytest
import tiny_encoder
import torch

from garner.encoders.tokenizer import EncoderTokenizer
from garner.errors import InputError
from garner.files import read_json
from garner.models.encoder import PLAIN, Encoder
from garner.models.text_rows import pad_texts

TEXTS = ["wordba algaeba", "wordbe wordbi wordbo breadba breadbe", "cloudba"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny_encoder.make(tmp_path_factory.mktemp("encoders") / "tiny")


@pytest.fixture(scope="module")
def config(folder):
    return read_json(folder / "config.json")


@pytest.fixture(scope="module")
def inputs(folder):
    words = EncoderTokenizer.load(folder / "tokenizer.json")
    arrays = pad_texts(
        [words.sample(text, 64) for text in TEXTS], {"sep": words.sep, "pad": words.pad, "cls": words.cls}
    )
    return tuple(torch.from_numpy(array) for array in arrays)


def loaded(folder, config, pooling, limit=64, **dropouts):
    encoder = Encoder(config, pooling, limit, **dropouts)
    encoder.load(folder)
    return encoder.eval()


@pytest.mark.parametrize("pooling", ["mean", "mean_all", "cls", "last_cls"])
def test_the_vector_is_made_of_the_hidden_states_that_its_name_says(folder, config, inputs, pooling):
    encoder = loaded(folder, config, pooling)
    ids, mask = inputs
    with torch.no_grad():
        found = encoder(ids, mask)
        for text in range(len(TEXTS)):
            states = encoder.transformer(ids[text : text + 1, : mask[text].sum()], output_hidden_states=True)
            states = [layer[0] for layer in states.hidden_states]
            expected = {
                "mean": lambda states=states: states[-1].mean(dim=0),
                "mean_all": lambda states=states: torch.cat([layer.mean(dim=0) for layer in states]),
                "cls": lambda states=states: states[-1][0],
                "last_cls": lambda states=states: torch.cat([layer[0] for layer in states[-4:]]),
            }[pooling]()
            assert len(expected) == encoder.size
            torch.testing.assert_close(found[text], expected, rtol=1e-4, atol=1e-5)


def test_only_the_beginning_of_a_text_is_read_where_there_is_a_limit(folder, config, inputs):
    ids, mask = inputs
    whole, limited = loaded(folder, config, "mean"), loaded(folder, config, "mean", limit=4)
    with torch.no_grad():
        torch.testing.assert_close(limited(ids, mask), whole(ids[:, :4], mask[:, :4]))


@pytest.mark.parametrize("kind", sorted(PLAIN))
def test_encoders_of_many_kinds_leave_padding_out(kind):
    layers = {"n_layers": 1} if kind == "distilbert" else {"num_hidden_layers": 1}
    small = {"hidden_size": 32, "num_attention_heads": 2, "intermediate_size": 64, "vocab_size": 100}
    if kind == "distilbert":
        small = {"dim": 32, "n_heads": 2, "hidden_dim": 64, "vocab_size": 100}
    torch.manual_seed(0)
    encoder = Encoder({"model_type": kind, **small, **layers, "pad_token_id": 1}, "mean", 64).eval()
    ids = torch.tensor([[5, 6, 7, 1, 1], [5, 8, 9, 10, 11]])
    mask = torch.tensor([[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]])
    with torch.no_grad():
        torch.testing.assert_close(encoder(ids, mask)[:1], encoder(ids[:1, :3], mask[:1, :3]))


def test_every_parameter_has_one_depth_and_the_layers_follow_one_another(config):
    encoder = Encoder(config, "mean", 64)
    groups = encoder.by_depth()
    names = [name for group in groups for name, _ in group]
    assert sorted(names) == sorted(name for name, _ in encoder.transformer.named_parameters())
    assert all(name.startswith("embeddings") for name, _ in groups[0])
    assert all(f"layer.{depth - 1}." in name for depth in range(1, 6) for name, _ in groups[depth])


def test_dropout_is_as_it_was_set(folder, config, inputs):
    for dropouts, same in (({"dropout": 0.5}, False), ({"attention_dropout": 0.5}, False), ({}, True)):
        encoder = loaded(folder, config, "mean", **dropouts).train()
        with torch.no_grad():
            assert torch.equal(encoder(*inputs), encoder(*inputs)) == same


def test_a_config_that_makes_no_encoder_is_refused():
    with pytest.raises(InputError, match="makes no encoder"):
        Encoder({"model_type": "no such kind"}, "mean", 64)


def test_weights_of_another_encoder_are_refused(folder, config):
    with pytest.raises(InputError, match=r"model\.safetensors cannot be used"):
        Encoder(config | {"hidden_size": 64}, "mean", 64).load(folder)
