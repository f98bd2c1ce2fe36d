"""Takes shipped weights up again: an ONNX recogniser becomes a network that can be trained on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from models.grammar import MAX_CHARACTERS
from models.training.data.unfold import (
    constant,
    copy_classifier,
    copy_convolutions,
    copy_named,
    fill,
    lengthened,
    read_exported,
    unfold,
)
from models.training.recogniser.net import RecogniserNet, as_input

NAMED = ("position", "hidden.bias", "context.bias")
LINEAR = ("context.weight", "hidden.weight")
SIGNS = slice(1, 32)
"""Classes of the provinces: what a new Chinese character is likeliest to resemble."""


def load_shipped(weights: Path, strips: Sequence[NDArray[np.uint8]]) -> RecogniserNet:
    """The network that reads as the ONNX file does, before temperature, in training form.

    A file with fewer classes or places is widened: the new places begin as its last one. strips (32, 128, 3): a fair
    sample of what training will show, for the statistics that exporting folded away. Raises ValueError for a file of
    another architecture.
    """
    exported = read_exported(weights)
    net = RecogniserNet()
    net.eval()
    copy_convolutions(net, exported, (net.attention,))
    copy_named(net, exported, NAMED, LINEAR)
    copy_classifier(net.classify, exported, 0, SIGNS)
    for name, parameter in (("bias", net.bias), ("place", net.place)):
        fill(parameter, lengthened(constant(name, exported), 1, MAX_CHARACTERS))
    unfold(net, lambda: net.forward_full(as_input(torch.from_numpy(np.stack(strips)))))
    return net
