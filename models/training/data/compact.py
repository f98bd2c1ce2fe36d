"""Halves an ONNX file by storing its large constants in 16 bits; engines turn them back once, while loading."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

SMALLEST = 512
"""Constants of fewer numbers stay as they are: biases and scales gain nothing."""


def compact(path: Path) -> None:
    """Rewrite the file in place. The network still computes in 32 bits; its weights have 11 significant bits."""
    model = onnx.load(str(path))
    constants, casts = [], []
    for tensor in model.graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.dtype != np.float32 or values.size < SMALLEST or np.abs(values).max() > np.finfo(np.float16).max:
            constants.append(tensor)
            continue
        constants.append(numpy_helper.from_array(values.astype(np.float16), f"{tensor.name}.half"))
        casts.append(helper.make_node("Cast", [f"{tensor.name}.half"], [tensor.name], to=TensorProto.FLOAT))
    nodes = [*casts, *model.graph.node]
    del model.graph.initializer[:], model.graph.node[:]
    model.graph.initializer.extend(constants)
    model.graph.node.extend(nodes)
    onnx.checker.check_model(model)
    onnx.save(model, str(path))
