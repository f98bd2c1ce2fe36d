"""Makes the variants of 8-bit integers of finder and refiner, for the engines that run them quicker than floats.

The first convolutions and the heads stay floats: the ones are slower in integers than in floats, the others' answers
span so much that integers would put a plate's corners off by a pixel of the finder's picture.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import onnx
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from models.engines import FloatArray
from models.manifest import load_section, sha256_of, update_section
from models.training.data.compact import compact

INTEGERS = "integers"
"""The variant's name in the manifest (models/engines, VARIANTS)."""

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


def quantise(name: str, weights: Path, pictures: Iterator[FloatArray]) -> Path:
    """Write NAME.int8.onnx beside the network NAME in a folder, and into the manifest there.

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
    section[name]["variants"] = {INTEGERS: {"file": path.name, "sha256": sha256_of(path)}}
    update_section("detector", section, weights / "manifest.json")
    return path
