"""A transformer as the ONNX graph that onnxruntime runs fastest, whole and in int8.

Attention is one operator, com.microsoft.MultiHeadAttention, and so is GELU, where a general export has
dozens: https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md
"""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import onnx
import torch
from onnx import helper, numpy_helper
from onnxscript import opset20
from torch import Tensor
from transformers import AttentionInterface, AttentionMaskInterface, PreTrainedModel
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import bidirectional_mask_function, sdpa_mask

from garner import onnx_graph
from garner.onnx_graph import quantised

OPSET = 20  # the first with Gelu
CONTRIB = "com.microsoft"
ATTENTION = "garner_onnx"
MASK = "attention_mask"
# Half the range of int8: two products of eight bits would overflow the 16 bits in which a CPU with AVX2 alone
# adds them, and its answers would be others than those of a newer one.
LARGEST = 63
SIX_BITS = 31


def to_onnx(module: torch.nn.Module, inputs: tuple[Tensor, ...], names: tuple[str, ...]) -> onnx.ModelProto:
    """As onnx_graph.to_onnx, for a module with a transformer in it."""
    with _fused_attention(module):
        model = onnx_graph.to_onnx(module, inputs, names, OPSET, {torch.ops.aten.gelu.default: _gelu})
    _skip_reshapes(model.graph)
    return model


def to_int8(model: onnx.ModelProto, padded: bool, small: bool = False) -> onnx.ModelProto:
    """A copy that computes in int8. It is to be given one sample a call; without padding unless `padded`.

    Tables are quantised as in onnx_graph.to_int8, weights with one scale a column. What these are multiplied
    with is quantised as it comes, by its range in this call, so that texts beside a text would change its
    answer. Without padding there is no attention mask, which saves a tenth of the time. In a `small` one the
    tokens' own table, which is most of some encoders, has six bits a value.
    """
    if small:
        model = onnx.ModelProto.FromString(model.SerializeToString())
        _pack_largest_table(model.graph)
    model = onnx_graph.to_int8(model)
    if not padded:
        _drop_mask(model.graph)
    _quantise_layers(model.graph)
    _drop_unused(model.graph)
    if all(each.domain != CONTRIB for each in model.opset_import):
        model.opset_import.append(helper.make_opsetid(CONTRIB, 1))
    onnx.checker.check_model(model)
    return model


@contextmanager
def _fused_attention(module: torch.nn.Module) -> Iterator[None]:
    """While this lasts, the transformers in `module` that can are traced with attention as one operator."""
    AttentionInterface.register(ATTENTION, _attention)
    AttentionMaskInterface.register(ATTENTION, _mask)
    encoders = [part for part in module.modules() if isinstance(part, PreTrainedModel)]
    before = [encoder.config._attn_implementation for encoder in encoders]
    for encoder in encoders:
        encoder.set_attn_implementation(ATTENTION)
    try:
        yield
    finally:
        for encoder, implementation in zip(encoders, before, strict=True):
            encoder.set_attn_implementation(implementation)


def _attention(
    module: torch.nn.Module, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, **options
) -> tuple[Tensor, None]:
    """(texts, heads, tokens, width) each to (texts, tokens, heads, width)."""
    if mask is not None and mask.ndim == 4 and mask.shape[1:3] == (1, 1):  # the same for all heads and tokens
        kept = mask if mask.dtype == torch.bool else mask == 0  # else it is added to the scores
        mask = kept[:, 0, 0].to(torch.int32)
    if query.shape[1] != key.shape[1] or (mask is not None and mask.ndim != 2):
        return sdpa_attention_forward(module, query, key, value, mask, **options)
    texts, heads, tokens, width = query.shape
    rows = [each.transpose(1, 2).reshape(texts, tokens, heads * width) for each in (query, key, value)]
    joined = torch.onnx.ops.symbolic(
        f"{CONTRIB}::MultiHeadAttention",
        rows if mask is None else [*rows, None, mask],
        {"num_heads": heads, "scale": float(options.get("scaling") or width**-0.5)},
        dtype=query.dtype,
        shape=(texts, tokens, heads * width),
        version=1,
    )
    return joined.reshape(texts, tokens, heads, width), None


def _mask(*, mask_function, attention_mask: Tensor | None, **options) -> Tensor | None:
    """That of the padding, int32 (texts, tokens); another kind of mask, of windows say, as torch has it."""
    if mask_function is not bidirectional_mask_function:
        return sdpa_mask(mask_function=mask_function, attention_mask=attention_mask, **options)
    return None if attention_mask is None else attention_mask.to(torch.int32)


def _gelu(self, approximate: str = "none"):
    return opset20.Gelu(self, approximate=approximate)


def _skip_reshapes(graph: onnx.GraphProto) -> None:
    """Let nodes read past reshapes that end in the shape that they began with: heads apart, then together."""
    shapes = {
        value.name: [size.dim_param or size.dim_value for size in value.type.tensor_type.shape.dim]
        for value in graph.value_info
    }
    makers = {name: node for node in graph.node for name in node.output}
    for node in graph.node:
        for position, name in enumerate(node.input):
            source = name
            while source in makers and makers[source].op_type == "Reshape":
                source = makers[source].input[0]
                if name in shapes and shapes.get(source) == shapes[name]:
                    node.input[position] = source
    _drop_unused(graph)


def _drop_unused(graph: onnx.GraphProto) -> None:
    """Drop the nodes and weights that no output needs."""
    needed = {value.name for value in graph.output}
    nodes = []
    for node in reversed(graph.node):
        if needed.intersection(node.output):
            nodes.append(node)
            needed.update(node.input)
    weights = [weight for weight in graph.initializer if weight.name in needed]
    del graph.node[:], graph.initializer[:]
    graph.node.extend(reversed(nodes))
    graph.initializer.extend(weights)


def _pack_largest_table(graph: onnx.GraphProto) -> None:
    """Let what is looked up in the largest table be six bits a value, and a scale for each row and column.

    The four upper bits of two values are in a byte, and so are the two lower ones of four.
    """
    looked_up = {node.input[0] for node in graph.node if node.op_type == "Gather"}
    floats = [each for each in graph.initializer if each.data_type == onnx.TensorProto.FLOAT]
    tables = [each for each in floats if each.name in looked_up and each.dims[-1] % 4 == 0]
    table = max(tables, key=lambda each: np.prod(each.dims))
    name, matrix = table.name, numpy_helper.to_array(table)
    columns = np.maximum(matrix.std(axis=0), np.finfo(np.float32).tiny)
    rows = (np.abs(matrix / columns).max(axis=1, keepdims=True) / SIX_BITS).astype(np.float16)
    rows = np.maximum(rows, np.finfo(np.float16).tiny)
    integers = np.rint(matrix / columns / rows).clip(-SIX_BITS, SIX_BITS).astype(np.int8)
    values = (integers + SIX_BITS + 1).astype(np.uint8)
    parts = {
        "upper": _packed(values >> 2, 4),
        "lower": _packed(values & 3, 2),
        "rows": rows,
        "columns": columns.astype(np.float32),
        "zero": np.full(len(columns), SIX_BITS + 1, dtype=np.uint8),
    } | {f"{number}": np.array(number, dtype=np.uint8) for number in (2, 3, 4, 6, 15)}
    for part, value in parts.items():
        graph.initializer.append(numpy_helper.from_array(value, f"{name}.{part}"))
    nodes = []
    for node in graph.node:
        if node.op_type == "Gather" and node.input[0] == name:
            nodes += _unpacked(name, node.input[1], node.output[0])
        else:
            nodes.append(node)
    del graph.node[:]
    graph.node.extend(nodes)
    _drop_unused(graph)


def _packed(values: np.ndarray, bits: int) -> np.ndarray:
    """`values` uint8 (rows, columns) below 2^bits: as many blocks of columns as a byte can hold, in one."""
    blocks = np.split(values, 8 // bits, axis=1)
    return np.bitwise_or.reduce([block << (place * bits) for place, block in enumerate(blocks)])


def _unpacked(name: str, ids: str, output: str) -> Iterator[onnx.NodeProto]:
    """The nodes that look up `ids` in the packed table `name`."""

    node = helper.make_node
    for part, bits in (("upper", 4), ("lower", 2)):
        made = f"{output}.{part}"
        yield node("Gather", [f"{name}.{part}", ids], [f"{made}.bytes"])
        blocks = []
        for place in range(8 // bits):
            block, source = f"{made}.{place}", f"{made}.bytes"
            if place:
                shift, source = f"{name}.{place * bits}", f"{block}.shifted"
                yield node("BitShift", [f"{made}.bytes", shift], [source], direction="RIGHT")
            yield node("BitwiseAnd", [source, f"{name}.{2**bits - 1}"], [block])
            blocks.append(block)
        yield node("Concat", blocks, [made], axis=-1)
    yield node("BitShift", [f"{output}.upper", f"{name}.2"], [f"{output}.shifted"], direction="LEFT")
    yield node("BitwiseOr", [f"{output}.shifted", f"{output}.lower"], [f"{output}.whole"])
    scales = [f"{name}.columns", f"{name}.zero"]
    yield node("DequantizeLinear", [f"{output}.whole", *scales], [f"{output}.even"], axis=-1)
    yield node("Gather", [f"{name}.rows", ids], [f"{output}.half"])
    yield node("Cast", [f"{output}.half"], [f"{output}.scale"], to=onnx.TensorProto.FLOAT)
    yield node("Mul", [f"{output}.even", f"{output}.scale"], [output])


def _drop_mask(graph: onnx.GraphProto) -> None:
    """Take the mask for ones, and let attention do without."""
    for node in graph.node:
        if node.op_type == "MultiHeadAttention":
            del node.input[3:]
    (ids,) = (value.name for value in graph.input if value.name != MASK)
    ones = helper.make_node(
        "ConstantOfShape", [f"{ids}.shape"], [MASK], value=numpy_helper.from_array(np.ones(1, np.int64))
    )
    for node in (ones, helper.make_node("Shape", [ids], [f"{ids}.shape"])):
        graph.node.insert(0, node)
    graph.input.remove(next(value for value in graph.input if value.name == MASK))


def _quantise_layers(graph: onnx.GraphProto) -> None:
    """Every product by a matrix of weights, and the bias that follows, in int8."""
    layers = _Layers(graph)
    nodes = [made for node in graph.node for made in layers.in_int8(node)]
    del graph.node[:]
    graph.node.extend(nodes)


class _Layers:
    """The products by weights in a graph: MatMul, with the Add of a bias behind it, and Gemm."""

    def __init__(self, graph: onnx.GraphProto):
        self._graph = graph
        floats = [each for each in graph.initializer if each.data_type == onnx.TensorProto.FLOAT]
        self._weights = {each.name: each for each in floats if len(each.dims) == 2}
        self._biases = {each.name for each in floats if len(each.dims) == 1}
        self._users: dict[str, list[onnx.NodeProto]] = {}
        for node in graph.node:
            for name in node.input:
                self._users.setdefault(name, []).append(node)
        self._done: set[str] = set()
        self._folded: set[str] = set()  # outputs of additions that are part of a product now

    def in_int8(self, node: onnx.NodeProto) -> Iterator[onnx.NodeProto]:
        """What stands in the place of `node`: itself where it is no such product."""
        if node.output[0] in self._folded:
            return
        if node.op_type not in ("MatMul", "Gemm") or node.input[1] not in self._weights:
            yield node
            return
        options = {field.name: helper.get_attribute_value(field) for field in node.attribute}
        given, weight = node.input[:2]
        names = [f"{given}.{part}" for part in ("uint8", "scale", "zero")]
        if given not in self._done:
            self._done.add(given)
            yield helper.make_node("DynamicQuantizeLinear", [given], names)
        integers, scale = self._quantise(weight, bool(options.get("transB")))
        bias, result = self._bias(node)
        inputs = [names[0], integers, names[1], scale, names[2], "", bias]
        yield helper.make_node("MatMulIntegerToFloat", inputs, [result], domain=CONTRIB)

    def _quantise(self, weight: str, transposed: bool) -> tuple[str, str]:
        """Names of the integers and of their scales, one a column."""
        integers, scale = f"{weight}.int8", f"{weight}.scale"
        if weight not in self._done:
            self._done.add(weight)
            matrix = numpy_helper.to_array(self._weights[weight])
            found = quantised(matrix.T if transposed else matrix, LARGEST)
            for name, values in zip((integers, scale), found, strict=True):
                self._graph.initializer.append(numpy_helper.from_array(values, name))
        return integers, scale

    def _bias(self, product: onnx.NodeProto) -> tuple[str, str]:
        """The bias that is added to a product and to nothing else, and the name of the result."""
        if product.op_type == "Gemm":
            return "".join(product.input[2:]), product.output[0]
        users = self._users.get(product.output[0], [])
        if len(users) == 1 and users[0].op_type == "Add":
            for bias in self._biases.intersection(users[0].input):
                self._folded.add(users[0].output[0])
                return bias, users[0].output[0]
        return "", product.output[0]
