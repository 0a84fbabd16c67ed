"""A torch module as an ONNX graph, and its int8 version, in bytes that depend on the weights alone."""

import inspect
import logging
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import onnx
import torch
from onnx import helper, numpy_helper
from torch import Tensor

OPSET = 18
OUTPUT = "probabilities"
SIZES = {"membership": ("users", "texts")}  # of those inputs that are not (texts, tokens)


def to_onnx(
    module: torch.nn.Module,
    inputs: tuple[Tensor, ...],
    names: tuple[str, ...],
    opset: int = OPSET,
    translations: dict[Any, Callable] | None = None,
) -> onnx.ModelProto:
    """Trace `module` with inputs whose sizes are all free; its output is "probabilities".

    `inputs` are two texts or more. `translations` are functions of onnxscript, by the operator of torch
    that each stands for.
    """
    free = {size: torch.export.Dim(size) for size in ("texts", "tokens", "users")}
    sizes = [SIZES.get(name, ("texts", "tokens")) for name in names]
    shapes: tuple = tuple(dict(enumerate(free[size] for size in each)) for each in sizes)
    parameters = inspect.signature(module.forward).parameters.values()
    if any(parameter.kind is parameter.VAR_POSITIONAL for parameter in parameters):
        shapes = (shapes,)  # torch takes `*inputs` for one parameter
    with warnings.catch_warnings(), _quiet():
        warnings.simplefilter("ignore")  # torch's, on its own code, and that two inputs share their sizes
        program = torch.onnx.export(
            module.eval(),
            inputs,
            dynamo=True,
            opset_version=opset,
            input_names=names,
            output_names=[OUTPUT],
            dynamic_shapes=shapes,
            custom_translation_table=translations,
            verbose=False,
        )
    model = program.model_proto
    _strip(model)
    onnx.checker.check_model(model, full_check=True)
    return model


def to_int8(model: onnx.ModelProto) -> onnx.ModelProto:
    """A copy whose looked-up tables (the `data` of each Gather) are int8, dequantised behind the look-up.

    One scale a column costs a few bytes, and no column with large values blurs the others. All that follows
    stays float32: quantising activations by their range in the batch would make a text's answer depend on the
    texts beside it.
    """
    model = onnx.ModelProto.FromString(model.SerializeToString())
    graph = model.graph
    tables = {each.name: each for each in graph.initializer if each.data_type == onnx.TensorProto.FLOAT}
    scales: dict[str, str] = {}
    nodes = []
    for node in graph.node:
        nodes.append(node)
        if node.op_type != "Gather" or node.input[0] not in tables:
            continue
        name, looked_up = node.input[0], node.output[0]
        if name not in scales:
            scales[name] = f"{name}.scale"
            integers, scale = quantised(numpy_helper.to_array(tables[name]))
            tables[name].CopyFrom(numpy_helper.from_array(integers, name))
            graph.initializer.append(numpy_helper.from_array(scale, scales[name]))
        node.output[0] = f"{looked_up}.int8"
        nodes.append(
            helper.make_node("DequantizeLinear", [node.output[0], scales[name]], [looked_up], axis=-1)
        )
    del graph.node[:], graph.value_info[:]
    graph.node.extend(nodes)
    onnx.checker.check_model(model, full_check=True)
    return model


def quantised(matrix: np.ndarray, largest: int = 127) -> tuple[np.ndarray, np.ndarray]:
    """`matrix` float32 (rows, columns) as int8 from -largest to largest, and a scale for each column."""
    scale = np.maximum(np.abs(matrix).max(axis=0), np.finfo(np.float32).tiny) / largest
    return np.rint(matrix / scale).astype(np.int8), scale.astype(np.float32)


def to_bytes(model: onnx.ModelProto) -> bytes:
    return model.SerializeToString(deterministic=True)


@contextmanager
def _quiet() -> Iterator[None]:
    """The exporter tells its every pass, and that torchvision, which nothing here needs, is not there."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)


def _strip(message: Any) -> None:
    """Drop what the exporter notes of this machine: stack traces with paths, names of source lines."""
    for field, value in message.ListFields():
        if field.name in ("metadata_props", "doc_string"):
            message.ClearField(field.name)
        elif field.message_type:
            for inner in value if field.is_repeated else [value]:
                _strip(inner)
