"""Takes shipped weights up again: an ONNX recogniser becomes a network that can be trained on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from models.training.data.unfold import Array, Exported, copy_convolutions, fill, read_exported, unfold
from models.training.recogniser.net import RecogniserNet, as_input

NAMED = ("position", "bias", "place", "hidden.bias", "classify.bias", "context.bias")
LINEAR = ("context.weight", "hidden.weight", "classify.weight")


def load_shipped(weights: Path, strips: Sequence[NDArray[np.uint8]]) -> RecogniserNet:
    """The network that reads as the ONNX file does, before temperature, in training form.

    strips (32, 128, 3): a fair sample of what training will show, for the statistics that exporting folded away. Raises
    ValueError for a file of another architecture.
    """
    exported = read_exported(weights)
    net = RecogniserNet()
    net.eval()
    copy_convolutions(net, exported)
    named = dict(net.named_parameters())
    for name in NAMED:
        fill(named[name], torch.from_numpy(exported.constants[name].copy()))
    for name in LINEAR:
        fill(named[name], torch.from_numpy(_matrix(name, tuple(named[name].shape), exported).copy()))
    unfold(net, lambda: net.forward_full(as_input(torch.from_numpy(np.stack(strips)))))
    return net


def _matrix(name: str, shape: tuple[int, ...], exported: Exported) -> Array:
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
