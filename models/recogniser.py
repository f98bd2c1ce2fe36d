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
from models.grammar import ALPHABET, MAX_CHARACTERS
from models.manifest import check_bounds, check_strip, check_values
from models.rectify import STRIP_HEIGHT, STRIP_WIDTH

Strip = NDArray[np.uint8]


class Recogniser:
    """Holds one network; one thread at a time."""

    def __init__(self, network: Network, manifest_section: Mapping[str, Any]) -> None:
        """manifest_section: the manifest's section "recogniser". Raises ReaderError for another than is known here."""
        self._alphabet = checked_alphabet(manifest_section)
        values = levels(manifest_section["input"])
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
            if strip.shape != (STRIP_HEIGHT, STRIP_WIDTH, 3):
                raise ValueError(f"a strip is {STRIP_HEIGHT}x{STRIP_WIDTH}x3, not {strip.shape}")
        return self._pixels.fill(strips)


def checked_alphabet(section: Mapping[str, Any]) -> str:
    """The characters of the manifest's section "recogniser". Raises ReaderError when it is not what is known here."""
    check_strip("the recogniser", section, STRIP_HEIGHT, STRIP_WIDTH, "BGR")
    alphabet, output = section.get("alphabet"), section.get("output")
    if not (isinstance(alphabet, str) and alphabet and ALPHABET.startswith(alphabet)):
        raise ReaderError("The recogniser's weights are for other characters.")
    check_values("the recogniser's output", output, {"blank": 0, "classes": 1 + len(alphabet)})
    check_bounds("the recogniser's output", output, {"places": (1, MAX_CHARACTERS)})
    return alphabet
