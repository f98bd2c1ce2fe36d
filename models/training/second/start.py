"""Takes the shipped second recogniser up again: its ONNX file becomes a network that can be trained on."""

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
    matrix_of,
    read_exported,
    unfold,
)
from models.training.recogniser.start import SIGNS
from models.training.second.net import COLUMNS, SecondNet, as_input

NAMED = ("position", "context.weight", "query.weight", "context.bias", "query.bias", "hidden.bias")
LINEAR = ("hidden.weight",)


def load_shipped(weights: Path, strips: Sequence[NDArray[np.uint8]]) -> SecondNet:
    """The network that reads as the ONNX file does, before temperature, in training form.

    A file with fewer classes or places is widened: the new places begin as its last one. strips (48, 160): a fair
    sample of what training will show, for the statistics that exporting folded away. Raises ValueError for a file of
    another architecture.
    """
    exported = read_exported(weights)
    net = SecondNet()
    net.eval()
    copy_convolutions(net.backbone, exported)
    copy_named(net, exported, NAMED, LINEAR)
    copy_classifier(net.classify, exported, 1, SIGNS)
    fill(net.place, lengthened(constant("place", exported), 1, MAX_CHARACTERS))
    look_bias = constant("look.bias", exported)
    places = len(look_bias)
    look = torch.from_numpy(matrix_of("look.weight", (places, 32), exported).copy())
    fill(net.look.weight, lengthened(look, 0, MAX_CHARACTERS).unsqueeze(2))
    fill(net.look.bias, lengthened(look_bias, 0, MAX_CHARACTERS))
    (bias,) = (found for found in exported.constants.values() if found.shape == (1, COLUMNS, places))
    fill(net.bias, lengthened(torch.from_numpy(bias.copy()).transpose(1, 2), 1, MAX_CHARACTERS))
    unfold(net, lambda: net.forward_full(as_input(torch.from_numpy(np.stack(strips)))))
    return net
