"""The plate reader of the lane: detector, rectification, recogniser and grammar in a row, each stage timed."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from controller.errors import ReaderError
from controller.records import NOISE, CharacterRead, PlateRead, Reading, Region
from models.detector import Detection, Detector
from models.doubts import Box, doubts_of, in_order
from models.fusion import fused
from models.grammar import formats_of, kind_of
from models.places import fit
from models.rectify import rectify
from models.second_reading import read_plate, reread

Picture = NDArray[np.uint8]

UNKNOWN = "unknown"

REGION_MARGIN = 0.06
"""How far, as a share of the frame, the look goes beyond the region: a plate whose centre lies inside may stick out."""

COLOUR_SURE = 0.9
"""Above this a colour may contradict a text, as when a green plate comes out with seven characters."""

LOOKS_LIKE_A_PLATE = 0.8
"""Detection confidence from which a find is reported though its text is not a plate's: the lane must know of it."""


class Recognising(Protocol):
    """What the reader needs of a recogniser."""

    def read(self, strips: Sequence[Picture]) -> list[tuple[CharacterRead, ...]]: ...


class Opinion(Protocol):
    """What the reader needs of a second recogniser."""

    def doubts(self, image: Picture, plates: Sequence[PlateRead]) -> list[set[str]]: ...


class OnDeviceReader:
    """Implements controller.ports.PlateReader with networks on this machine; one thread at a time."""

    def __init__(self, detector: Detector, recogniser: Recognising, name: str, second: Opinion | None = None) -> None:
        """second: asked about every read that at most noise keeps from being certain; says what doubts are left."""
        self._detector = detector
        self._second = second
        self._recogniser = recogniser
        self._name = name

    @property
    def name(self) -> str:
        return self._name

    def read(self, image: object, region: Region | None = None) -> Reading:
        """Plates of a BGR uint8 picture (height, width, 3), the largest and surest first.

        Only plates whose centre lies in region. ms: "detect", "rectify", "recognise", "doubt". Raises ReaderError for
        anything that is not such a picture.
        """
        picture = checked(image)
        start = time.perf_counter()
        found = self._found(picture, region)
        detected = time.perf_counter()
        strips = [rectify(picture, plate.corners, plate.rows) for plate in found]
        rectified = time.perf_counter()
        texts = self._recogniser.read(strips) if strips else []
        texts = [self._sure(picture, plate, characters) for plate, characters in zip(found, texts, strict=True)]
        plates = [(plate, plate_read(plate, text)) for plate, text in zip(found, texts, strict=True)]
        recognised = time.perf_counter()
        box = searched_box(picture, region)
        told = [toned(picture, plate, read) for plate, read in plates if is_reportable(read)]
        doubted = self._doubted(picture, told, box)
        checked_s = time.perf_counter()
        kept = sorted(doubted, key=prominence, reverse=True)
        return Reading(tuple(kept), _milliseconds(start, detected, rectified, recognised, checked_s))

    def read_crop(self, image: object) -> Reading:
        """The plate of a picture that is nothing but one plate, edge to edge. Times and errors as in read()."""
        picture = checked(image)
        start = time.perf_counter()
        plate = self._detector.look(picture)
        looked = time.perf_counter()
        strip = rectify(picture, plate.corners, plate.rows)
        rectified = time.perf_counter()
        characters = self._sure(picture, plate, self._recogniser.read([strip])[0])
        recognised = time.perf_counter()
        read = toned(picture, plate, plate_read(plate, characters))
        plates = self._doubted(picture, [read] if characters else [], None)
        done = time.perf_counter()
        return Reading(tuple(plates), _milliseconds(start, looked, rectified, recognised, done))

    def cut_out(self, image: object, plate: PlateRead) -> tuple[Picture, PlateRead]:
        """A copy of the picture around a plate, half its width to each side, and the plate where it lies in that."""
        picture, corners = checked(image), np.asarray(plate.corners)
        left, top = np.maximum(corners.min(0) - plate.width_px / 2, 0).astype(int)
        right, bottom = (corners.max(0) + plate.width_px / 2).astype(int) + 1
        a, b, c, d = ((float(x), float(y)) for x, y in corners - [left, top])
        return picture[top:bottom, left:right].copy(), replace(plate, corners=(a, b, c, d))

    def read_together(self, views: Sequence[tuple[object, PlateRead]]) -> PlateRead | None:
        """The newest of several reads of one standing plate (pictures as in read()), made of all of them as one.

        None where the pictures do not lie on each other or say another text together. Never clears what the newest read
        is doubted for because something may be hidden.
        """
        newest = views[-1][1]
        try:
            one = fused([(checked(image), plate.corners) for image, plate in views], newest.rows)
        except ValueError:  # corners without area: that plate was no more than a guess
            return None
        if one is None:
            return None
        characters = read_plate(self._recogniser.read, one.picture, one.corners, newest.rows)
        a, b, c, d = ((float(x), float(y)) for x, y in one.corners)
        plate = replace(newest, characters=characters, corners=(a, b, c, d), doubts=())
        if plate.text != newest.text:
            return None
        (judged,) = self._doubted(one.picture, [plate], None)
        kept = in_order({*judged.doubts, *(set(newest.doubts) - NOISE)})
        return replace(judged, corners=newest.corners, doubts=kept, frames=one.frames)

    def _doubted(self, picture: Picture, plates: Sequence[PlateRead], searched: Box | None) -> list[PlateRead]:
        """The reads with what is to be doubted about them; the second recogniser speaks last, of those still open."""
        judged = [replace(plate, doubts=doubts_of(picture, plate, searched)) for plate in plates]
        if self._second is None:
            return judged
        still_open = [number for number, plate in enumerate(judged) if plate.valid and not set(plate.doubts) - NOISE]
        left = self._second.doubts(picture, [judged[number] for number in still_open])
        for number, doubts in zip(still_open, left, strict=True):
            judged[number] = replace(judged[number], doubts=in_order(doubts))
        return judged

    def _sure(
        self, picture: Picture, plate: Detection, characters: tuple[CharacterRead, ...]
    ) -> tuple[CharacterRead, ...]:
        """The characters, read again from other cuts where they are unsure."""
        return reread(self._recogniser.read, picture, plate.corners, plate.rows, characters)

    def _found(self, picture: Picture, region: Region | None) -> list[Detection]:
        if region is None:
            return self._detector.detect(picture)
        height, width = picture.shape[:2]
        left, top, right, bottom = searched_box(picture, region)
        found = self._detector.detect(np.ascontiguousarray(picture[top:bottom, left:right]))
        moved = [shifted(plate, left, top) for plate in found]
        return [plate for plate in moved if region.holds(*centre(plate), width, height)]


def checked(image: object) -> Picture:
    """The image as the reader takes it. Raises ReaderError for another shape, type or no area."""
    if not isinstance(image, np.ndarray) or image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        shape = getattr(image, "shape", None)
        raise ReaderError(f"The reader wants uint8 pictures (height, width, 3), not {type(image).__name__} {shape}.")
    if min(image.shape[:2]) < 8:
        raise ReaderError(f"A picture of {image.shape[1]}x{image.shape[0]} pixels is too small to hold a plate.")
    return image


def plate_read(plate: Detection, characters: tuple[CharacterRead, ...]) -> PlateRead:
    """The find with its characters and the kind that text, rows and, where it is sure, colour agree on; of a grey
    picture, which has none, the first kind in table order."""
    text = "".join(character.character for character in characters)
    kind = kind_of(text, plate.colour, plate.rows) if plate.colour_certainty else None
    colour = plate.colour
    if kind is None and plate.colour_certainty < COLOUR_SURE:
        kind = kind_of(text, None, plate.rows)
        colour = next((f.colour for f in formats_of(text) if f.kind == kind), colour)
    return PlateRead(characters, plate.corners, colour, str(kind) if kind else UNKNOWN, plate.rows, plate.confidence)


def toned(picture: Picture, found: Detection, plate: PlateRead) -> PlateRead:
    """Where the colour is not sure, as in a grey picture: of the kinds that have this text, one whose characters are
    lighter, or darker, than its ground as these are."""
    fitting = [known for known in formats_of(plate.text) if known.rows == plate.rows]
    if found.colour_certainty >= COLOUR_SURE or len({known.light_on_dark for known in fitting}) < 2:
        return plate
    light = fit(picture, plate.corners, plate.text, fitting[0]).light
    alike = [known for known in fitting if known.light_on_dark is light]
    if plate.kind in [str(known.kind) for known in alike]:
        return plate
    return replace(plate, kind=str(alike[0].kind), colour=alike[0].colour)


def is_reportable(plate: PlateRead) -> bool:
    """Whether a find goes out: a plate's text, or something that looks so like a plate that it has to be known."""
    return plate.detection >= LOOKS_LIKE_A_PLATE or (plate.valid and plate.readable)


def prominence(plate: PlateRead) -> float:
    """Order of plates in a reading: large and surely detected ones first."""
    return plate.width_px * plate.detection


def centre(plate: Detection) -> tuple[float, float]:
    """Mean of the corners, in pixels."""
    xs, ys = zip(*plate.corners, strict=True)
    return sum(xs) / 4, sum(ys) / 4


def shifted(plate: Detection, left: int, top: int) -> Detection:
    """The find in a larger picture in which the searched one begins at (left, top)."""
    a, b, c, d = ((x + left, y + top) for x, y in plate.corners)
    return Detection((a, b, c, d), plate.colour, plate.rows, plate.confidence, plate.colour_certainty)


def _milliseconds(
    start: float, detected: float, rectified: float, recognised: float, doubted: float
) -> dict[str, float]:
    """Moments in seconds -> milliseconds per stage."""
    return {
        "detect": 1e3 * (detected - start),
        "rectify": 1e3 * (rectified - detected),
        "recognise": 1e3 * (recognised - rectified),
        "doubt": 1e3 * (doubted - recognised),
    }


def searched_box(picture: Picture, region: Region | None) -> Box:
    """The part of a picture that is searched for plates of a region."""
    height, width = picture.shape[:2]
    if region is None:
        return 0, 0, width, height
    left, right = _span(region.left, region.right, width)
    top, bottom = _span(region.top, region.bottom, height)
    return left, top, right, bottom


def _span(low: float, high: float, size: int) -> tuple[int, int]:
    start = max(0, int((low - REGION_MARGIN) * size))
    return start, max(start + 8, min(size, int((high + REGION_MARGIN) * size) + 1))
