"""The second opinion: another network, trained differently, has to see the same text before a read is certain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from controller.errors import ReaderError
from controller.records import PlateRead
from models.doubts import Doubt
from models.engines import FloatArray, Network, input_layout
from models.engines.pixels import Pixels, levels
from models.grammar import ALPHABET, MAX_CHARACTERS
from models.manifest import check_bounds, check_strip, check_values
from models.rectify import Band, Corners, Image, cut_bands

Grey = NDArray[np.uint8]

STRIP_WIDTH, STRIP_HEIGHT = 160, 48
CLASSES = 2 + len(ALPHABET)
HIDDEN = CLASSES - 1
"""The last class: here stands a character, but it cannot be seen. Class 0 is blank: here stands none."""

UPPER_COLUMNS = 52
BANDS: dict[int, tuple[Band, ...]] = {
    1: (Band(-0.04, -0.1, 1.04, 1.1, 0, STRIP_WIDTH),),
    2: (
        Band(0.14, -0.02, 0.86, 0.385, 0, UPPER_COLUMNS),
        Band(-0.03, 0.36, 1.03, 0.98, UPPER_COLUMNS, STRIP_WIDTH),
    ),
}
"""Rows -> what of the plate is shown where. More of its surroundings than the first recogniser sees: what covers a
character goes on beside the plate."""


@dataclass(frozen=True)
class Bounds:
    """seen: each character has to be seen by the network itself at this probability, as far as the plate is whole.
    partly: where something hides part of the plate at this one, every character may be another one."""

    seen: float = 0.75
    partly: float = 0.6


SHIPPED = Bounds()
"""Chosen on covered plates of the calibration part, like the other bounds here (docs/reader-method.md)."""

LEFT_OVER = "FKU"
"""What a hidden edge leaves of E, R and 0, which are commoner: a plate with one of them has to be seen more surely."""
UNSEEN_LEFT_OVER = 0.2
"""From this probability on of being hidden, for those."""

WHOLE = 0.1
"""Up to this probability of being partly hidden nothing lies over the plate."""

CLEARED = frozenset({Doubt.COVERED, Doubt.SPACING})
"""Doubts that are cleared where the network sees the text and the plate is whole: that the picture is little like drawn
characters is then blur, few pixels or a tilted cut."""


def coloured_strip(image: Image, corners: Corners, rows: int) -> Image:
    """The plate and a little around it, BGR (48, 160, 3). Arguments and errors as for rectify()."""
    return cut_bands(image, corners, rows, BANDS[rows], STRIP_HEIGHT)


def greyed(strip: Image) -> Grey:
    """A BGR strip without its colours."""
    return np.asarray(cv2.cvtColor(strip, cv2.COLOR_BGR2GRAY), np.uint8)


class JudgesWholeness(Protocol):
    """What the second opinion needs of a judge of wholeness."""

    def partly_hidden(self, strips: Sequence[Image]) -> FloatArray: ...


class SecondOpinion:
    """Holds the second network; one thread at a time."""

    def __init__(
        self, network: Network, manifest_section: Mapping[str, Any], whole: JudgesWholeness | None = None
    ) -> None:
        """manifest_section: the manifest's section "second". whole: where it says that something hides part of a plate,
        every character may be another one. Older weights, with the first part of the alphabet and fewer places, say
        of what they lack that it is not there. Raises ReaderError when the section is not what is known here."""
        check_strip("the second recogniser", manifest_section, STRIP_HEIGHT, STRIP_WIDTH, "grey")
        alphabet, output = manifest_section.get("alphabet"), manifest_section.get("output")
        if not (isinstance(alphabet, str) and alphabet and ALPHABET.startswith(alphabet)):
            raise ReaderError("The second recogniser's weights are for other characters.")
        classes = 2 + len(alphabet)
        known = {"blank": 0, "classes": classes, "hidden": classes - 1}
        check_values("the second recogniser's output", output, known)
        check_bounds("the second recogniser's output", output, {"places": (1, MAX_CHARACTERS)})
        values = levels(manifest_section["input"])
        self._network, self._whole, self._written = network, whole, 1 + len(alphabet)
        self._pixels = Pixels(input_layout(network), values)

    def doubts(self, image: Image, plates: Sequence[PlateRead]) -> list[set[str]]:
        """What is left of the doubts of each read of this BGR picture, with the network's own. Raises ReaderError when
        the engine fails."""
        if not plates:
            return []
        shares = self.probabilities(image, plates)
        return [left_doubts(shown, plate) for shown, plate in zip(shares, plates, strict=True)]

    def probabilities(self, image: Image, plates: Sequence[PlateRead]) -> FloatArray:
        """What stands in each place of each plate, (plates, 9, classes); hidden where the plate is not whole."""
        strips = [coloured_strip(image, plate.corners, plate.rows) for plate in plates]
        shares = self.shares([greyed(strip) for strip in strips])
        return shares if self._whole is None else veiled(shares, self._whole.partly_hidden(strips))

    def shares(self, strips: Sequence[Grey]) -> FloatArray:
        """Probabilities (N, 9, classes) of what stands in each place of these strips."""
        (logits,) = self._network.run(self._pixels.fill(strips))
        if logits.ndim != 3 or logits.shape[0] != len(strips) or logits.shape[2] != self._written + 1:
            raise ReaderError(f"The second recogniser answered with shape {logits.shape}, not with the expected one.")
        raised = np.exp(logits - logits.max(2, keepdims=True))
        return completed(np.asarray(raised / raised.sum(2, keepdims=True), np.float32))


def completed(shares: FloatArray) -> FloatArray:
    """Probabilities (N, 9, classes) of a network that may have fewer places and characters: those are never there."""
    count, places, classes = shares.shape
    whole = np.zeros((count, max(places, MAX_CHARACTERS), CLASSES), np.float32)
    whole[:, places:, 0] = 1.0
    whole[:, :places, : classes - 1] = shares[:, :, :-1]
    whole[:, :places, HIDDEN] = shares[:, :, -1]
    return whole


def veiled(shares: FloatArray, hidden: FloatArray) -> FloatArray:
    """Probabilities (N, 9, classes) of plates that are partly hidden with these probabilities (N,)."""
    left: FloatArray = shares * (1 - hidden)[:, None, None]
    left[:, :, HIDDEN] += hidden[:, None]
    return left


def left_doubts(shares: FloatArray, plate: PlateRead, bounds: Bounds = SHIPPED) -> set[str]:
    """The doubts of a read after the network was asked, which saw this (9, classes): more of them, or fewer."""
    against = objections(shares, plate.text, bounds)
    cleared = CLEARED if not against and partly_hidden(shares) <= WHOLE else frozenset()
    return {*plate.doubts, *against} - cleared


def partly_hidden(shares: FloatArray) -> float:
    """How probable it is that something hides part of a plate with these probabilities (9, classes): what veiled()
    added stands in every place."""
    return float(shares[:, HIDDEN].min())


def _own(shares: FloatArray, text: str) -> FloatArray:
    """The probability (9,) of what a text has in each place: its character, or nothing."""
    classes = np.zeros(len(shares), np.int64)
    classes[: len(text)] = [1 + ALPHABET.index(character) for character in text]
    return np.asarray(np.take_along_axis(shares, classes[:, None], 1)[:, 0], np.float32)


def objections(shares: FloatArray, text: str, bounds: Bounds = SHIPPED) -> set[Doubt]:
    """What one plate's probabilities (9, classes) say against a text.

    VETOED: something else than the text may well stand in some place. HIDDEN: a character of it may not be seen, or
    part of the plate is hidden; for a text with one of LEFT_OVER less is enough.
    """
    own, hidden, partly = _own(shares, text), shares[:, HIDDEN], partly_hidden(shares)
    unseen, covered = own < bounds.seen * (1.0 - partly), hidden >= 1.0 - own - hidden
    left_over = [place for place, character in enumerate(text) if character in LEFT_OVER]
    found: set[Doubt] = set()
    if (unseen & ~covered).any():
        found.add(Doubt.VETOED)
    if (unseen & covered).any() or partly >= bounds.partly or (hidden[left_over] >= UNSEEN_LEFT_OVER).any():
        found.add(Doubt.HIDDEN)
    return found
