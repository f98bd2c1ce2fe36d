"""Makes the variants of 8-bit integers of finder and refiner, for the engines that run them quicker than floats.

The first convolutions and the heads stay floats: the ones are slower in integers than in floats, the others' answers
span so much that integers would put a plate's corners off by a pixel of the finder's picture. For OpenCV the first
convolution is folded: it takes four pixels as one of twelve channels, because OpenCV works on eight channels at a time
and wastes most of its work on three; ONNX Runtime is quicker without.
"""

from __future__ import annotations

import shutil
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

PLAIN, FOLDED = "onnxruntime", "opencv-integers"
"""Names of the engines that run integers quicker (models/engines, VARIANTS)."""

HEADS = {"finder": ("/head/",), "refiner": ("/corners/corners.1/", "/Reshape", "/squeeze/", "/classes/")}
"""Network -> how the names of the nodes begin from which on it stays in floats: modules of
models/training/detector/net.py and what stands behind them."""


class _Pictures(CalibrationDataReader):  # type: ignore[misc]
    def __init__(self, pictures: Iterator[FloatArray]) -> None:
        self._pictures = pictures

    def get_next(self) -> dict[str, FloatArray] | None:
        picture = next(self._pictures, None)
        return None if picture is None else {"picture": picture}


def kept_in_floats(plain: Path, heads: tuple[str, ...]) -> list[str]:
    """Names of the nodes of a prepared network (every node named) that stay in floats: the first one, and its heads."""
    nodes = onnx.load(str(plain)).graph.node
    kept = [nodes[0].name]
    reached: set[str] = set()
    for node in nodes:
        if node.name.startswith(heads) or reached.intersection(node.input):
            kept.append(node.name)
            reached.update(node.output)
    return kept


def fold(path: Path) -> None:
    """Rewrite the file: its first convolution, of stride 2, becomes one of stride 1 on pictures of half the size.

    Their twelve channels are those of the upper left, upper right, lower left and lower right pixel of four; what comes
    out is the same.
    """
    model = onnx.load(str(path))
    picture = model.graph.input[0]
    first = next(node for node in model.graph.node if picture.name in node.input)
    halves = {node.output[0]: node.input[0] for node in model.graph.node if node.op_type == "Cast"}  # by compact()
    name = halves.get(first.input[1], first.input[1])
    weights = next(tensor for tensor in model.graph.initializer if tensor.name == name)
    plain = numpy_helper.to_array(weights)
    reach = plain.shape[2] // 2
    before, after = (reach + 1) // 2, reach // 2
    cells = before + 1 + after
    four = np.zeros(
        (len(plain), 2, 2, 3, cells, cells), plain.dtype
    )  # out, row and column of four, channel, row, column
    for row, column in np.ndindex(plain.shape[2:]):
        (cell_y, y), (cell_x, x) = (divmod(place - reach, 2) for place in (row, column))
        four[:, y, x, :, before + cell_y, before + cell_x] = plain[:, :, row, column]
    weights.CopyFrom(numpy_helper.from_array(four.reshape(len(plain), 12, cells, cells), weights.name))
    attributes = {"kernel_shape": [cells] * 2, "strides": [1, 1], "pads": [before] * 2 + [after] * 2, "group": 1}
    del first.attribute[:], model.graph.value_info[:]
    first.attribute.extend(helper.make_attribute(name, value) for name, value in attributes.items())
    sides = [side.dim_value // 2 or f"half_{side.dim_param}" for side in picture.type.tensor_type.shape.dim[2:]]
    picture.CopyFrom(helper.make_tensor_value_info(picture.name, TensorProto.FLOAT, [1, 12, *sides]))
    onnx.checker.check_model(model)
    onnx.save(model, str(path))


def quantise(name: str, weights: Path, pictures: Iterator[FloatArray]) -> Path:
    """Write NAME.int8.onnx and NAME.folded.onnx beside the network NAME in a folder, and into the manifest there.

    name: "finder" or "refiner". pictures: network inputs (1, 3, H, W) such as it will meet; the ranges of its features
    are taken from them. Weights are signed and per channel, features unsigned.
    """
    section = load_section("detector", weights / "manifest.json")
    path = weights / f"{name}.int8.onnx"
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder) / "plain.onnx"
        quant_pre_process(str(weights / section[name]["file"]), str(plain), skip_symbolic_shape=True)
        quantize_static(
            str(plain),
            str(path),
            _Pictures(pictures),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            nodes_to_exclude=kept_in_floats(plain, HEADS[name]),
        )
    compact(path)
    folded = Path(shutil.copy(path, weights / f"{name}.folded.onnx"))
    fold(folded)
    section[name]["variants"] = {
        PLAIN: {"file": path.name, "sha256": sha256_of(path)},
        FOLDED: {"file": folded.name, "sha256": sha256_of(folded), "folded": True},
    }
    update_section("detector", section, weights / "manifest.json")
    return path
