"""A torch module as an ONNX graph, and its int8 version, in bytes that depend on the weights alone."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import onnx
import torch
from onnx import helper, numpy_helper
from torch import Tensor

OPSET = 18
OUTPUT = "probabilities"


def to_onnx(module: torch.nn.Module, inputs: tuple[Tensor, ...], names: tuple[str, ...]) -> onnx.ModelProto:
    """Trace `module` with inputs of shape (texts, tokens), both sizes free; its output is "probabilities"."""
    free = {0: torch.export.Dim("texts"), 1: torch.export.Dim("tokens")}
    with warnings.catch_warnings(), _quiet():
        warnings.simplefilter("ignore")  # torch's, on its own code, and that two inputs share their sizes
        program = torch.onnx.export(
            module.eval(),
            inputs,
            dynamo=True,
            opset_version=OPSET,
            input_names=names,
            output_names=[OUTPUT],
            dynamic_shapes=[free] * len(inputs),
            verbose=False,
        )
    model = program.model_proto
    _strip(model)
    onnx.checker.check_model(model, full_check=True)
    return model


def to_int8(model: onnx.ModelProto) -> onnx.ModelProto:
    """A copy whose looked-up tables (the `data` of each Gather) are int8, dequantised behind the look-up.

    One scale a column costs a few bytes, and no column with large values blurs the others. All that follows
    stays float32: it is a hundredth of the size, and quantising activations by their range in the batch would
    make a text's answer depend on the texts beside it.
    """
    model = onnx.ModelProto.FromString(model.SerializeToString())
    graph = model.graph
    tables = {initializer.name: initializer for initializer in graph.initializer}
    nodes = []
    for node in graph.node:
        nodes.append(node)
        if node.op_type != "Gather" or node.input[0] not in tables:
            continue
        table = numpy_helper.to_array(tables[node.input[0]])
        scale = np.maximum(np.abs(table).max(axis=0), np.finfo(np.float32).tiny) / 127
        name, looked_up = node.input[0], node.output[0]
        tables[name].CopyFrom(numpy_helper.from_array(np.rint(table / scale).astype(np.int8), name))
        graph.initializer.append(numpy_helper.from_array(scale.astype(np.float32), f"{name}.scale"))
        node.output[0] = f"{looked_up}.int8"
        nodes.append(
            helper.make_node("DequantizeLinear", [node.output[0], f"{name}.scale"], [looked_up], axis=-1)
        )
    del graph.node[:], graph.value_info[:]
    graph.node.extend(nodes)
    onnx.checker.check_model(model, full_check=True)
    return model


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
