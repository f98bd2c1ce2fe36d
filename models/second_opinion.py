"""The second opinion: another network, trained differently, has to see the same text before a read is certain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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

SEEN = 0.6
"""The network has to see each character of a text itself, at this probability: chosen on covered plates of the
calibration part, of which it leaves 2 wrong reads of 68 (docs/reader-method.md)."""

LEFT_OVER = "FKU"
"""What a hidden edge leaves of E, R and 0, which are commoner: a plate with one of them has to be seen more surely."""
UNSEEN_LEFT_OVER = 0.2
"""From this probability on of being hidden, for those: the judge's logit where 8 % of the whole plates of the
calibration part are called hidden."""

CLEARED = frozenset({Doubt.COVERED, Doubt.SPACING})
"""Doubts that are cleared where the network sees the text clearly and the plate is whole: that the picture is little
like drawn characters is then blur, few pixels or a tilted cut."""

CLEARLY, WHOLE = 0.9, 0.05
"""Each character at the first probability at least, something that hides part of the plate at the second at most. A
character that a sleeve's edge makes up, or one with a drop over most of it, was seen at less."""


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


def left_doubts(shares: FloatArray, plate: PlateRead, seen: float = SEEN) -> set[str]:
    """The doubts of a read after the network was asked, which saw this (9, classes): more of them, or fewer."""
    against = objections(shares, plate.text, seen)
    cleared = CLEARED if not against and is_clear(shares, plate.text) else frozenset()
    return {*plate.doubts, *against} - cleared


def is_clear(shares: FloatArray, text: str) -> bool:
    """Whether one plate's probabilities (9, classes) leave hardly room for another text or for something over it."""
    least_hidden = float(shares[:, HIDDEN].min())  # what veiled() added stands in every place
    return bool((_own(shares, text) >= CLEARLY).all()) and least_hidden <= WHOLE


def _own(shares: FloatArray, text: str) -> FloatArray:
    """The probability (9,) of what a text has in each place: its character, or nothing."""
    classes = np.zeros(len(shares), np.int64)
    classes[: len(text)] = [1 + ALPHABET.index(character) for character in text]
    return np.asarray(np.take_along_axis(shares, classes[:, None], 1)[:, 0], np.float32)


def objections(shares: FloatArray, text: str, seen: float = SEEN) -> set[Doubt]:
    """What one plate's probabilities (9, classes) say against a text.

    VETOED: something else than the text may well stand in some place. HIDDEN: a character of it may not be seen; for
    one of LEFT_OVER less is enough.
    """
    own, hidden = _own(shares, text), shares[:, HIDDEN]
    unseen, covered = own < seen, hidden >= 1.0 - own - hidden
    left_over = [place for place, character in enumerate(text) if character in LEFT_OVER]
    found: set[Doubt] = set()
    if (unseen & ~covered).any():
        found.add(Doubt.VETOED)
    if (unseen & covered).any() or (hidden[left_over] >= UNSEEN_LEFT_OVER).any():
        found.add(Doubt.HIDDEN)
    return found
