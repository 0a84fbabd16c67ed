"""Graphs of transformers: the operators that are fast, the numbers of torch, and int8 of half the size."""

from collections import Counter

import numpy as np
import onnx
import pytest
import torch
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel

from garner.classifier import open_session
from garner.encoders.graph import LARGEST, to_int8, to_onnx
from garner.onnx_graph import to_bytes

SIZES = {
    "vocab_size": 50,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 48,
    "max_position_embeddings": 64,
}
NAMES = ("input_ids", "attention_mask")


class Net(nn.Module):
    """A small encoder with random weights, the mean of its tokens, and a head for three labels."""

    def __init__(self, kind: str, **settings):
        super().__init__()
        torch.manual_seed(1)
        config = AutoConfig.for_model(kind, **SIZES | {"initializer_range": 0.3} | settings)
        self.encoder = AutoModel.from_config(config)
        self.encoder.pooler = None
        self.head = nn.Linear(32, 3)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        found = self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        weights = attention_mask.unsqueeze(2).float()
        return self.head((found * weights).sum(dim=1) / weights.sum(dim=1)).sigmoid()


def batch(texts: int, tokens: int) -> tuple[Tensor, Tensor]:
    """Random ids; each text is a token shorter than the one before it."""
    ids = torch.from_numpy(np.random.default_rng(0).integers(5, 50, (texts, tokens)))
    mask = (torch.arange(tokens) < torch.arange(tokens, tokens - texts, -1)[:, None]).long()
    return ids, mask


def run(model: onnx.ModelProto, *inputs: Tensor) -> np.ndarray:
    feeds = dict(zip(NAMES, (each.numpy() for each in inputs), strict=False))
    return open_session(to_bytes(model), threads=1).run(None, feeds)[0]


def operators(model: onnx.ModelProto) -> Counter:
    return Counter(node.op_type for node in model.graph.node)


@pytest.fixture(scope="module")
def net() -> Net:
    return Net("roberta", pad_token_id=1).eval()


@pytest.fixture(scope="module")
def graph(net) -> onnx.ModelProto:
    return to_onnx(net, batch(2, 5), NAMES)


def test_attention_and_gelu_are_one_operator_each_and_nothing_is_reshaped(graph):
    found = operators(graph)
    assert (found["MultiHeadAttention"], found["Gelu"]) == (2, 2)
    assert not {"Softmax", "Erf", "Reshape", "Transpose"} & found.keys()


@pytest.mark.parametrize(("texts", "tokens"), [(1, 1), (3, 7), (2, 60)])
def test_texts_of_any_number_and_length_get_the_probabilities_of_torch(net, graph, texts, tokens):
    inputs = batch(texts, tokens)
    with torch.no_grad():
        expected = net(*inputs).numpy()
    assert run(graph, *inputs) == pytest.approx(expected, abs=1e-5)


def test_attention_within_windows_which_the_one_operator_does_not_know_gets_those_of_torch():
    windows = {"local_attention": 4, "global_attn_every_n_layers": 2, "pad_token_id": 0}
    net = Net("modernbert", **windows).eval()
    inputs = batch(3, 20)
    with torch.no_grad():
        expected = net(*inputs).numpy()
    assert run(to_onnx(net, batch(2, 5), NAMES), *inputs) == pytest.approx(expected, abs=1e-5)


def test_the_module_is_afterwards_as_it_was(net, graph):
    assert net.encoder.config._attn_implementation == "sdpa"


def test_all_weights_are_int8_and_no_product_of_two_overflows_sixteen_bits(graph):
    int8 = to_int8(graph, padded=True)
    arrays = [onnx.numpy_helper.to_array(each) for each in int8.graph.initializer]
    assert not [array for array in arrays if array.ndim == 2 and array.dtype == np.float32]
    assert operators(int8)["MatMulIntegerToFloat"] == 2 * 6 + 1
    assert not {"MatMul", "Gemm"} & operators(int8).keys()
    tables = [(50, 32), (64, 32), (2, 32)]
    weights = [array for array in arrays if array.dtype == np.int8 and array.shape not in tables]
    assert {np.abs(array.astype(int)).max() for array in weights} == {LARGEST}
    assert 2 * 255 * LARGEST < 2**15


def test_int8_stays_near_torch_and_a_third_of_the_size(net, graph):
    inputs = batch(1, 30)
    for padded in (True, False):
        int8 = to_int8(graph, padded)
        with torch.no_grad():
            assert run(int8, *inputs[: 1 + padded]) == pytest.approx(net(*inputs).numpy(), abs=0.05)
        assert len(to_bytes(int8)) < len(to_bytes(graph)) / 2


def test_a_small_one_has_six_bits_for_each_value_of_the_largest_table(net, graph):
    inputs = batch(2, 30)
    with torch.no_grad():
        expected = net(*inputs).numpy()
    small = to_int8(graph, padded=True, small=True)
    assert run(small, *inputs) == pytest.approx(expected, abs=0.05)
    arrays = [onnx.numpy_helper.to_array(each) for each in small.graph.initializer]
    assert (64, 32) not in [array.shape for array in arrays]
    assert (
        sum(array.nbytes for array in arrays if array.dtype == np.uint8 and array.ndim == 2)
        == 64 * 32 * 3 / 4
    )
    assert to_bytes(small) == to_bytes(to_int8(graph, padded=True, small=True))


def test_packed_values_are_looked_up_as_they_were():
    torch.manual_seed(1)
    table = nn.Embedding(40, 8)
    with torch.no_grad():
        table.weight.mul_(torch.logspace(-1, 1, 40).unsqueeze(1))
        table.weight[7] = 0
    ids = torch.arange(40).reshape(2, 20)
    small = to_int8(to_onnx(table, (ids,), ("input_ids",)), padded=True, small=True)
    found = run(small, ids)
    largest = table.weight.detach().abs().amax(dim=1)[ids].unsqueeze(2).numpy()
    assert (np.abs(found - table(ids).detach().numpy()) <= 0.05 * largest + 1e-6).all()


def test_without_padding_there_is_no_mask(graph):
    int8 = to_int8(graph, padded=False)
    assert [value.name for value in int8.graph.input] == ["input_ids"]
    assert all(len(node.input) == 3 for node in int8.graph.node if node.op_type == "MultiHeadAttention")
    assert [value.name for value in graph.graph.input] == list(NAMES)
