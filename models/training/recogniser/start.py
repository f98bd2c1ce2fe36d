"""Takes shipped weights up again: an ONNX recogniser becomes a network that can be trained on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from models.training.data.unfold import copy_convolutions, copy_named, read_exported, unfold
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
    copy_named(net, exported, NAMED, LINEAR)
    unfold(net, lambda: net.forward_full(as_input(torch.from_numpy(np.stack(strips)))))
    return net
