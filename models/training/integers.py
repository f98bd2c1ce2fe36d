"""Makes a network's variant of 8-bit integers, for the engines that run it quicker than floats.

Weights are signed and per channel, features unsigned; the ranges of features are taken from inputs such as it meets.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import onnx
from onnx import NodeProto
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from models.engines import FloatArray
from models.training.data.compact import compact

Kept = Callable[[Sequence[NodeProto]], list[str]]
"""Names of the nodes that stay in floats, of all nodes in their order; every node is named."""


def outer_convolutions(nodes: Sequence[NodeProto]) -> list[str]:
    """Keeps the first and the last convolution in floats."""
    convolutions = [node.name for node in nodes if node.op_type == "Conv"]
    return [convolutions[0], convolutions[-1]]


class _Inputs(CalibrationDataReader):  # type: ignore[misc]
    def __init__(self, name: str, inputs: Iterator[FloatArray]) -> None:
        self._name, self._inputs = name, inputs

    def get_next(self) -> dict[str, FloatArray] | None:
        given = next(self._inputs, None)
        return None if given is None else {self._name: given}


def write_integers(
    network: Path, path: Path, inputs: Iterator[FloatArray], kept: Kept, kinds: list[str] | None = None
) -> None:
    """Write the variant of an ONNX network with one input.

    inputs: such as it will meet, (1, C, H, W). kinds: the kinds of node that become integers; None for all that can.
    """
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder) / "plain.onnx"
        quant_pre_process(str(network), str(plain), skip_symbolic_shape=True)
        graph = onnx.load(str(plain)).graph
        quantize_static(
            str(plain),
            str(path),
            _Inputs(graph.input[0].name, inputs),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            nodes_to_exclude=kept(list(graph.node)),
            op_types_to_quantize=kinds,
        )
    compact(path)
