"""Photographs drawn plates the way real crops were: the same size, blur, contrast, level, noise, tilt and lean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from models.grammar import PlateKind
from models.training.drawing.degrade import UNIT, corners_for, tight_quad
from models.training.drawing.measures import as_grey, contrast, lean_slope, tilt_slope
from models.training.drawing.plates import DrawnPlate, draw_plate

Image = NDArray[np.uint8]
Quad = NDArray[np.float32]

ONE_ROW_MM, CHARACTER_MM = 140.0, 90.0
FINE_PX_PER_MM = 0.6
"""Plates are drawn about twice as fine as real crops are, so that drawing softens nothing."""

CORNERS_OFF = 0.02
"""How far a cutter's corners are off, as a share of the plate: the spread that training takes for real crops."""


@dataclass(frozen=True)
class Condition:
    """How one real crop was taken. width_px, height_px: a crop of a one-row plate. focus_px, grain: Gaussian blur and
    noise that give a drawn plate the crop's measured edge width and noise; the rest as in measures.Measures."""

    width_px: int
    height_px: int
    focus_px: float
    grain: float
    contrast: float
    level: float
    tilt_degrees: float
    lean_degrees: float
    character_height: float


@dataclass(frozen=True)
class Photo:
    """A picture (height, width, 3) of one plate, and the corners (4, 2) that whoever found it hands on."""

    image: Image
    corners: Quad


def photograph(rng: np.random.Generator, plate: DrawnPlate, condition: Condition) -> Photo:
    """The plate under a condition: a one-row plate as a crop to be read edge to edge, as real crops are.

    Two-row plates do not come as crops of that kind. They keep the condition's pixels per mm, are wholly in the
    picture, and their corners are off as a finder's are.
    """
    size, quad, corners = _cropped(rng, condition) if plate.rows == 1 else _found(rng, plate, condition)
    taken = _taken(rng, plate.image, size, quad)
    if condition.focus_px > 0.05:
        taken = np.asarray(cv2.GaussianBlur(taken, (0, 0), condition.focus_px), np.float32)
    lit = _exposed(rng, taken, condition)
    lit += condition.grain * (rng.standard_normal((*lit.shape[:2], 1)) + 0.5 * rng.standard_normal(lit.shape))
    return Photo(np.asarray(np.clip(lit + 0.5, 0, 255), np.uint8), corners)


def edges_of(width: int, height: int) -> Quad:
    """The corners (4, 2) of a picture that is one plate, edge to edge."""
    return np.asarray(UNIT * np.asarray([width, height]) - 0.5, np.float32)


def reference_plate(rng: np.random.Generator) -> DrawnPlate:
    """A blue plate, the kind that most real crops show."""
    return draw_plate(rng, PlateKind.BLUE, px_per_mm=FINE_PX_PER_MM)


Placed = tuple[tuple[int, int], Quad, Quad]
"""Size of the picture, the plate's corners in it and the corners handed on, in pixels."""


def _cropped(rng: np.random.Generator, condition: Condition) -> Placed:
    """The corners of a tilted plate are often cut off by its crop."""
    size = (condition.width_px, condition.height_px)
    fall, lean = _slants(condition)
    upright = condition.character_height * ONE_ROW_MM / CHARACTER_MM
    across, down = condition.width_px - abs(lean) * condition.height_px, upright * condition.height_px
    quad = _slanted((tight_quad(rng, CORNERS_OFF) - 0.5) * (across, down), fall * size[0], lean * size[1])
    return size, _centred(quad, size), edges_of(*size)


def _found(rng: np.random.Generator, plate: DrawnPlate, condition: Condition) -> Placed:
    fall, lean = _slants(condition)
    across, form = float(condition.width_px), plate.plate_format
    down = condition.height_px * condition.character_height * form.height_mm * 440 / (form.width_mm * CHARACTER_MM)
    quad = _slanted((UNIT - 0.5) * (across, down), fall * across, lean * down)
    width, height = (int(side) for side in np.ceil(np.ptp(quad, axis=0) * 1.16))
    quad = _centred(quad, (width, height))
    return (width, height), quad, corners_for(tight_quad(rng, CORNERS_OFF), quad)


def _slants(condition: Condition) -> tuple[float, float]:
    """Pixels down per pixel across, and pixels across per pixel down."""
    width, height = condition.width_px, condition.height_px
    return tilt_slope(condition.tilt_degrees, width, height), lean_slope(condition.lean_degrees, width, height)


def _slanted(quad: NDArray[Any], fall_px: float, lean_px: float) -> Quad:
    """Corners around the middle, sheared: the right side fall_px lower, the foot lean_px to the right."""
    across, down = (UNIT - 0.5).T
    return np.asarray(quad + np.stack([down * lean_px, across * fall_px], 1), np.float32)


def _centred(quad: Quad, size: tuple[int, int]) -> Quad:
    return np.asarray(quad + np.asarray(size) / 2 - 0.5, np.float32)


def _taken(rng: np.random.Generator, image: Image, size: tuple[int, int], quad: Quad) -> NDArray[np.float32]:
    """The flat plate in its picture on a ground of one tone, every pixel the mean of what it covers."""
    fine = 2
    source = np.asarray(UNIT * image.shape[1::-1] - 0.5, np.float32)
    target = np.asarray((quad + 0.5) * fine - 0.5, np.float32)
    tone = float(rng.uniform(0, 1) ** 1.5 * 220)
    large = cv2.warpPerspective(
        image,
        cv2.getPerspectiveTransform(source, target),
        (fine * size[0], fine * size[1]),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=(tone, tone, tone),
    )
    return np.asarray(cv2.resize(large, size, interpolation=cv2.INTER_AREA), np.float32)


def _exposed(rng: np.random.Generator, crop: NDArray[np.float32], condition: Condition) -> NDArray[np.float32]:
    """The crop with the condition's contrast and mean level, and a slight cast."""
    cast = np.exp(rng.normal(0, 0.08, 3)).astype(np.float32)
    coloured = crop * cast
    grey = as_grey(coloured)
    gain = condition.contrast / max(contrast(grey), 1.0)
    return np.asarray((coloured - grey.mean()) * gain + condition.level, np.float32)
