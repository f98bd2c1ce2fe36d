"""Reads the characters of rectified plate strips, each with the probability that it is right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from controller.errors import ReaderError
from controller.records import CharacterRead
from models.decoding import decode
from models.engines import FloatArray, Network, input_layout
from models.engines.pixels import Pixels, levels
from models.grammar import ALPHABET

Strip = NDArray[np.uint8]


class Recogniser:
    """Holds one network; one thread at a time."""

    def __init__(self, network: Network, manifest_section: Mapping[str, Any]) -> None:
        """manifest_section: the manifest's section "recogniser". Raises ReaderError when it lacks a value."""
        try:
            self._alphabet = str(manifest_section["alphabet"])
            shape = manifest_section["input"]
            self._height, self._width = int(shape["height"]), int(shape["width"])
            values = levels(shape)
        except (KeyError, TypeError, ValueError) as error:
            raise ReaderError(f"The manifest's section of the recogniser is incomplete ({error!r}).") from error
        if not (self._alphabet and ALPHABET.startswith(self._alphabet)):
            raise ReaderError("The recogniser's weights are for other characters.")
        self._network = network
        self._pixels = Pixels(input_layout(network), values)

    def read(self, strips: Sequence[Strip]) -> list[tuple[CharacterRead, ...]]:
        """The characters of each strip from left to right; an empty tuple for a strip that shows no plate.

        strips: BGR uint8 (32, 128, 3) from models.rectify. Raises ValueError for another shape, ReaderError when the
        engine fails or answers for another alphabet.
        """
        if not strips:
            return []
        (logits,) = self._network.run(self._as_input(strips))
        if logits.ndim != 3 or logits.shape[0] != len(strips) or logits.shape[2] != 1 + len(self._alphabet):
            raise ReaderError(f"The recogniser answered with shape {logits.shape}: weights and manifest do not match.")
        return [decode(plate, self._alphabet) for plate in logits]

    def _as_input(self, strips: Sequence[Strip]) -> FloatArray:
        for strip in strips:
            if strip.shape != (self._height, self._width, 3):
                raise ValueError(f"a strip is {self._height}x{self._width}x3, not {strip.shape}")
        return self._pixels.fill(strips)
