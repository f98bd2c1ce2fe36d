"""Makes the finder's variant of 8-bit integers, for the engines that run it quicker than the one of floats.

Its first convolution and its head stay floats: the one is slower in integers than in floats, the other's answers
span so much that integers would put a plate's corners off by a pixel of the finder's picture. The first convolution is
folded: it takes four pixels as one of twelve channels, because engines that work on eight or sixteen channels at a time
waste most of their work on three.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from models.engines import FloatArray
from models.manifest import load_section, sha256_of, update_section
from models.training.data.compact import compact

VARIANTS = ("onnxruntime", "opencv-integers")
"""The names of the engines that run it quicker (models/engines, VARIANTS)."""

NAME = "finder.int8.onnx"

_CELLS = ((0, 1), (1, 0), (1, 1))
"""Of each row, or column, of a 3x3 of stride 2: which of two cells of two pixels it lies in, and which pixel of it."""

HEAD = "/head/"
"""How the names of the head's nodes begin: the module's name in models/training/detector/net.py."""


class _Pictures(CalibrationDataReader):  # type: ignore[misc]
    def __init__(self, pictures: Iterator[FloatArray]) -> None:
        self._pictures = pictures

    def get_next(self) -> dict[str, FloatArray] | None:
        picture = next(self._pictures, None)
        return None if picture is None else {"picture": picture}


def kept_in_floats(plain: Path) -> list[str]:
    """Names of the nodes of a prepared finder (every node named) that stay in floats: the first one, and the head."""
    nodes = [node.name for node in onnx.load(str(plain)).graph.node]
    head = next(number for number, name in enumerate(nodes) if name.startswith(HEAD))
    return [nodes[0], *nodes[head:]]


def fold(path: Path) -> None:
    """Rewrite the file: its first convolution, of 3x3 and stride 2, becomes one of 2x2 on pictures of half the size.

    Their twelve channels are those of the upper left, upper right, lower left and lower right pixel of four; what comes
    out is the same.
    """
    model = onnx.load(str(path))
    picture = model.graph.input[0]
    first = next(node for node in model.graph.node if picture.name in node.input)
    weights = next(tensor for tensor in model.graph.initializer if tensor.name == first.input[1])
    plain = numpy_helper.to_array(weights)
    four = np.zeros((len(plain), 2, 2, 3, 2, 2), plain.dtype)  # out, row and column of four, channel, row, column
    for row, (cell_y, y) in enumerate(_CELLS):
        for column, (cell_x, x) in enumerate(_CELLS):
            four[:, y, x, :, cell_y, cell_x] = plain[:, :, row, column]
    weights.CopyFrom(numpy_helper.from_array(four.reshape(len(plain), 12, 2, 2), weights.name))
    attributes = {"kernel_shape": [2, 2], "strides": [1, 1], "pads": [1, 1, 0, 0], "dilations": [1, 1], "group": 1}
    del first.attribute[:], model.graph.value_info[:]
    first.attribute.extend(helper.make_attribute(name, value) for name, value in attributes.items())
    shape = [1, 12, "half_height", "half_width"]
    picture.CopyFrom(helper.make_tensor_value_info(picture.name, TensorProto.FLOAT, shape))
    onnx.checker.check_model(model)
    onnx.save(model, str(path))


def quantise(weights: Path, pictures: Iterator[FloatArray]) -> Path:
    """Write NAME beside the finder in the folder `weights` and into the manifest there.

    pictures: network inputs (1, 3, H, W) such as it will meet; the ranges of its features are taken from them. Weights
    are signed and per channel, features unsigned.
    """
    section = load_section("detector", weights / "manifest.json")
    path = weights / NAME
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder) / "plain.onnx"
        quant_pre_process(str(weights / section["finder"]["file"]), str(plain), skip_symbolic_shape=True)
        quantize_static(
            str(plain),
            str(path),
            _Pictures(pictures),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            nodes_to_exclude=kept_in_floats(plain),
        )
    compact(path)
    fold(path)
    variant = {"file": NAME, "sha256": sha256_of(path), "folded": True}
    section["finder"]["variants"] = dict.fromkeys(VARIANTS, variant)
    update_section("detector", section, weights / "manifest.json")
    return path
