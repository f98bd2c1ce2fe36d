"""Whether all of a plate's characters are wholly shown: a small network that looks for whatever lies over them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from controller.errors import ReaderError
from models.engines import FloatArray, Network, input_layout
from models.engines.pixels import Pixels, levels
from models.manifest import check_strip, check_values
from models.rectify import Image
from models.second_opinion import STRIP_HEIGHT, STRIP_WIDTH


class Wholeness:
    """Holds the network; one thread at a time."""

    def __init__(self, network: Network, manifest_section: Mapping[str, Any]) -> None:
        """Raises ReaderError when the manifest's section does not fit this code."""
        check_strip("the judge of wholeness", manifest_section, STRIP_HEIGHT, STRIP_WIDTH, "BGR")
        check_values("the judge of wholeness's output", manifest_section.get("output"), {"hidden": "above 0"})
        values = levels(manifest_section["input"])
        self._network = network
        self._pixels = Pixels(input_layout(network), values)

    def partly_hidden(self, strips: Sequence[Image]) -> FloatArray:
        """The probability (N,) that something hides part of a character. Raises ReaderError when the engine fails.

        strips: BGR (48, 160, 3); the second recogniser sees the same ones in grey (models/second_opinion.py).
        """
        (logits,) = self._network.run(self._pixels.fill(strips))
        if logits.shape != (len(strips), 1):
            raise ReaderError(f"The judge of wholeness answered with shape {logits.shape}, not with the expected one.")
        return np.asarray(1.0 / (1.0 + np.exp(-np.clip(logits[:, 0], -40, 40))), np.float32)
