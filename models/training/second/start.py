"""Takes the shipped second recogniser up again: its ONNX file becomes a network that can be trained on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from models.grammar import MAX_CHARACTERS
from models.training.data.unfold import copy_convolutions, copy_named, fill, matrix_of, read_exported, unfold
from models.training.second.net import COLUMNS, SecondNet, as_input

NAMED = ("position", "place", "context.weight", "query.weight")
BIASES = ("context.bias", "query.bias", "look.bias", "hidden.bias", "classify.bias")
LINEAR = ("hidden.weight", "classify.weight")


def load_shipped(weights: Path, strips: Sequence[NDArray[np.uint8]]) -> SecondNet:
    """The network that reads as the ONNX file does, before temperature, in training form.

    strips (48, 160): a fair sample of what training will show, for the statistics that exporting folded away. Raises
    ValueError for a file of another architecture.
    """
    exported = read_exported(weights)
    net = SecondNet()
    net.eval()
    copy_convolutions(net.backbone, exported)
    copy_named(net, exported, NAMED + BIASES, LINEAR)
    look = matrix_of("look.weight", (MAX_CHARACTERS, 32), exported)
    fill(net.look.weight, torch.from_numpy(look.copy()).unsqueeze(2))
    (bias,) = (found for found in exported.constants.values() if found.shape == (1, COLUMNS, MAX_CHARACTERS))
    fill(net.bias, torch.from_numpy(bias.copy()).transpose(1, 2))
    unfold(net, lambda: net.forward_full(as_input(torch.from_numpy(np.stack(strips)))))
    return net
