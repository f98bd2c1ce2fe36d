"""Turns an exported ONNX network back into one that can be trained: its batch normalisations are unfolded again."""

# mypy: allow-subclassing-any, allow-untyped-decorators, allow-any-generics

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import numpy_helper
from torch import Tensor, nn

Array = NDArray[np.float32]


@dataclass(frozen=True)
class Exported:
    """An ONNX file's graph: values by name, and its nodes in the order of execution."""

    constants: dict[str, Array]
    nodes: list[Any]

    def nodes_of(self, operator: str) -> list[Any]:
        return [node for node in self.nodes if node.op_type == operator]


def read_exported(path: Path) -> Exported:
    """The halves that models.training.data.compact made come as float32 under their first names."""
    graph = onnx.load(str(path)).graph
    found = {t.name: np.asarray(numpy_helper.to_array(t), np.float32) for t in graph.initializer}
    for node in graph.node:
        if node.op_type == "Cast" and node.input[0] in found:
            found[node.output[0]] = found[node.input[0]]
        if node.op_type == "Constant":
            found[node.output[0]] = np.asarray(numpy_helper.to_array(node.attribute[0].t), np.float32)
    return Exported(found, list(graph.node))


def copy_convolutions(net: nn.Module, exported: Exported, growing: Sequence[nn.Module] = ()) -> None:
    """Fill all convolutions in the order of execution, which must be that of the modules; norms become identities.

    growing: those that may have more outputs than the file, which then are as its last one. Raises ValueError for a
    file of another architecture.
    """
    layers = [m for m in net.modules() if isinstance(m, nn.Conv2d)]
    nodes = [node for node in exported.nodes_of("Conv") if exported.constants[node.input[1]].ndim == 4]
    if len(layers) != len(nodes):
        raise ValueError(f"the file has {len(nodes)} convolutions, this architecture {len(layers)}")
    norms = _norms_behind(net)
    for layer, node in zip(layers, nodes, strict=True):
        weight, bias = (torch.from_numpy(exported.constants[name].copy()) for name in node.input[1:3])
        own_bias = layer.bias if norms.get(layer) is None else norms[layer].bias
        if layer in growing:
            weight, bias = (lengthened(part, 0, layer.out_channels) for part in (weight, bias))
        fill(layer.weight, weight)
        fill(own_bias, bias)


def copy_linears(net: nn.Module, exported: Exported) -> None:
    """Fill all linear layers in the order of execution. Raises ValueError for a file of another architecture."""
    layers = [m for m in net.modules() if isinstance(m, nn.Linear)]
    nodes = exported.nodes_of("Gemm")
    if len(layers) != len(nodes):
        raise ValueError(f"the file has {len(nodes)} linear layers, this architecture {len(layers)}")
    for layer, node in zip(layers, nodes, strict=True):
        for parameter, name in zip((layer.weight, layer.bias), node.input[1:3], strict=True):
            fill(parameter, torch.from_numpy(exported.constants[name].copy()))


def fill(parameter: Tensor | None, values: Tensor) -> None:
    """Raises ValueError where the shapes differ."""
    if parameter is None or parameter.shape != values.shape:
        wanted = None if parameter is None else tuple(parameter.shape)
        raise ValueError(f"the file holds {tuple(values.shape)} where this architecture has {wanted}")
    parameter.data.copy_(values)


def lengthened(values: Tensor, axis: int, length: int) -> Tensor:
    """Places that the file lacks, taken over from its last one. Values that are long enough stay as they are."""
    missing = length - values.shape[axis]
    if missing <= 0:
        return values
    last = values.narrow(axis, values.shape[axis] - 1, 1)
    return torch.cat([values, *[last] * missing], axis)


def with_classes(values: Tensor, classes: int, kept_last: int, like: slice, bias: bool) -> Tensor:
    """A classifier's rows, or its biases, with classes that the file lacks put before its last `kept_last` ones.

    A new class begins as the mean of the rows `like`, with less bias than any: it has to be learnt, not to be guessed.
    """
    missing = classes - len(values)
    if missing <= 0:
        return values
    model = values[like].mean(0, keepdim=True) if not bias else values[like].min(0, keepdim=True).values - 1.0
    cut = len(values) - kept_last
    return torch.cat([values[:cut], *[model] * missing, values[cut:]])


def copy_named(net: nn.Module, exported: Exported, names: Sequence[str], matrices: Sequence[str]) -> None:
    """Fill parameters that the file has under their names, and linear layers' matrices wherever it has them.

    Raises ValueError for a file of another architecture.
    """
    parameters = dict(net.named_parameters())
    for name in names:
        fill(parameters[name], constant(name, exported))
    for name in matrices:
        fill(parameters[name], torch.from_numpy(matrix_of(name, tuple(parameters[name].shape), exported).copy()))


def constant(name: str, exported: Exported) -> Tensor:
    """What the file holds under this name."""
    return torch.from_numpy(exported.constants[name].copy())


def copy_classifier(layer: nn.Linear, exported: Exported, kept_last: int, like: slice) -> None:
    """Fill the layer "classify", which may have more classes than the file: see with_classes()."""
    bias = constant("classify.bias", exported)
    matrix = matrix_of("classify.weight", (len(bias), layer.in_features), exported)
    rows = with_classes(torch.from_numpy(matrix.copy()), layer.out_features, kept_last, like, False)
    fill(layer.weight, rows)
    fill(layer.bias, with_classes(bias, layer.out_features, kept_last, like, True))


def matrix_of(name: str, shape: tuple[int, ...], exported: Exported) -> Array:
    """A linear layer's matrix: under its name, or turned as the factor of a MatMul."""
    constants = exported.constants
    if name in constants:
        return constants[name]
    products = exported.nodes_of("MatMul")
    factors = [constants[given] for node in products for given in node.input if given in constants]
    fitting = [factor for factor in factors if factor.shape == shape[::-1]]
    if len(fitting) != 1:
        raise ValueError(f"{name}: the file has {len(fitting)} matrices of shape {shape[::-1]}")
    return fitting[0].T


@torch.no_grad()
def unfold(net: nn.Module, run: Callable[[], object]) -> None:
    """Give each normalisation the statistics that its features have while `run` calls the network once.

    Front to back and without changing what comes out, so that training begins where the exported network stood.
    """
    norms = [m for m in net.modules() if isinstance(m, nn.BatchNorm2d)]
    hooks = [norm.register_forward_pre_hook(_settle) for norm in norms]
    run()
    for hook in hooks:
        hook.remove()


def _norms_behind(net: nn.Module) -> dict[nn.Module, nn.BatchNorm2d]:
    """Convolution -> the normalisation behind it, set to identity."""
    pairs: dict[nn.Module, nn.BatchNorm2d] = {
        layer: behind
        for block in net.modules()
        if isinstance(block, nn.Sequential)
        for layer, behind in pairwise(block)
        if isinstance(layer, nn.Conv2d) and isinstance(behind, nn.BatchNorm2d)
    }
    for norm in pairs.values():
        norm.weight.data.fill_(float(np.sqrt(1 + norm.eps)))
    return pairs


def _settle(norm: nn.Module, given: tuple[Tensor, ...]) -> None:
    assert isinstance(norm, nn.BatchNorm2d)
    assert norm.running_mean is not None
    assert norm.running_var is not None
    mean, variance = given[0].mean((0, 2, 3)), given[0].var((0, 2, 3))
    norm.running_mean.copy_(mean)
    norm.running_var.copy_(variance)
    norm.weight.copy_((variance + norm.eps).sqrt())
    norm.bias.add_(mean)
