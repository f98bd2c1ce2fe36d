"""Makes the finder's variant of 8-bit integers, for the engine that runs it quicker than the one of floats.

Its first convolution and its head stay as they are: the one is slower in integers than in floats, the other's answers
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

ENGINE = "onnxruntime"
"""On OpenCV the same variant is no quicker."""

NAME = "finder.int8.onnx"

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
    section["finder"]["variants"] = {ENGINE: {"file": NAME, "sha256": sha256_of(path)}}
    update_section("detector", section, weights / "manifest.json")
    return path
