"""Training samples of the second recogniser: grey strips with what can be seen of each place, and what cannot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from models.geometry import layout_of
from models.grammar import FORMATS, MAX_CHARACTERS, PlateFormat, formats_of
from models.rectify import Band, band_matrix, warp_bands
from models.second_opinion import BANDS, HIDDEN, STRIP_HEIGHT, STRIP_WIDTH
from models.training.data.realdata import RealCrop
from models.training.drawing.degrade import boxed_quad, corners_for, jittered_bands, leaning_quad, tight_quad
from models.training.drawing.plates import DrawnPlate, alike_text, draw_plate, pick_later
from models.training.recogniser.samples import TILTED_SOURCES, blank_sample, classes_of, swap_province
from models.training.second.lookalikes import mistakable
from models.training.second.spoil import Boxes, Floats, Rng, seen_shares, spoil

Image = NDArray[np.uint8]
IGNORED = -100
"""The class of a place that is neither clearly seen nor clearly hidden: it teaches nothing."""

SPOILT_SHARE = 0.42
GONE, GONE_FIRST, THERE = 0.55, 0.68, 0.86
"""Share that is seen: hidden below the first (the province below the second), seen above the third."""
BOXED_SHARE = 0.25
BESIDE_SHARE = 0.15
"""Cuts that begin or end a character too late or too early, as a finder's do where something covers the end."""
BEHIND_SHARE = 0.16
"""Plates whose upper or lower edge is behind a bumper."""
FOLLOWED_SHARE = 0.75
"""How many of those are cut out at the bumper's edge, as a finder does that takes what it sees for the whole plate."""
TINY_SHARE = 0.02
"""Strips so coarse that nothing on them can be read."""
NEW_PLATE_SHARE = 0.25
"""How many drawn samples show a plate drawn anew; the others one out of the pool, seen otherwise."""
POOL = 5000


@dataclass(frozen=True)
class SecondSample:
    """A grey strip (48, 160), classes (9,) and the columns' shares of the characters' centres (9,), NaN if unknown."""

    strip: Image
    classes: NDArray[np.int64]
    centres: Floats


class Pool:
    """Drawn plates, some of them replaced by new ones all the time: drawing costs more than looking again."""

    def __init__(self, size: int = POOL) -> None:
        self._plates: list[DrawnPlate] = []
        self._size = size

    def plate(self, rng: Rng) -> DrawnPlate:
        """One of the pool, or a new one."""
        if self._plates and rng.random() > NEW_PLATE_SHARE:
            return self._plates[int(rng.integers(len(self._plates)))]
        plate = draw_plate(rng, pick_later(rng))
        if rng.random() < 0.4:
            plate = draw_plate(rng, plate.kind, alike_text(rng, plate.plate_format))
        if len(self._plates) < self._size:
            self._plates.append(plate)
        else:
            self._plates[int(rng.integers(self._size))] = plate
        return plate


def drawn_second(rng: Rng, pool: Pool) -> SecondSample:
    """A drawn plate on a ground, cut out by an imperfect finder."""
    plate = pool.plate(rng)
    height, width = plate.image.shape[:2]
    pad = round(0.16 * width)
    image = grounded(rng, plate.image, pad)
    corners = np.asarray([[pad, pad], [pad + width, pad], [pad + width, pad + height], [pad, pad + height]], np.float32)
    corners -= np.float32(0.5)
    quad = _askew(rng, plate.rows, rng.random() < BOXED_SHARE)
    return _finished(rng, image, corners, quad, plate.text, plate.plate_format, exact=True)


def real_second(rng: Rng, crop: RealCrop) -> SecondSample:
    """A real crop, lightly warped, often with another province."""
    image, text = crop.image, crop.text
    height, width = image.shape[:2]
    edges = np.asarray([[0, 0], [width, 0], [width, height], [0, height]], np.float32) - np.float32(0.5)
    corners = edges if crop.corners is None else crop.corners
    tilted = crop.source in TILTED_SOURCES
    plate_format = format_of(text, crop.rows)
    if crop.rows == 1 and not tilted and rng.random() < 0.5 and text[0] in plate_format.places[0]:
        image, text = swap_province(rng, image, corners, text)
    side = float(np.linalg.norm(corners[3] - corners[0]))
    factor = min(1.0, 80.0 * crop.rows / max(side, 1.0))
    if factor < 0.8:
        image = np.asarray(cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA), np.uint8)
        corners = corners * np.float32(factor)
    if tilted:
        quad = leaning_quad(rng) if rng.random() < 0.3 else tight_quad(rng, 0.02)
    else:
        quad = _askew(rng, crop.rows, crop.corners is None and rng.random() < BOXED_SHARE)
    return _finished(rng, image, corners, quad, text, plate_format, exact=not tilted, strength=0.5)


def nothing(rng: Rng, grounds: Sequence[Image]) -> SecondSample:
    """A strip that shows no plate."""
    strip = cv2.resize(blank_sample(rng, grounds).strip, (STRIP_WIDTH, STRIP_HEIGHT), interpolation=cv2.INTER_LINEAR)
    grey = np.asarray(cv2.cvtColor(strip, cv2.COLOR_BGR2GRAY), np.uint8)
    return SecondSample(grey, np.zeros(MAX_CHARACTERS, np.int64), np.full(MAX_CHARACTERS, np.nan, np.float32))


def format_of(text: str, rows: int) -> PlateFormat:
    """The format whose layout a text of these rows has; an ordinary one for texts that fit none."""
    fitting = [known for known in formats_of(text) if known.rows == rows] or [f for f in FORMATS if f.rows == rows]
    return min(fitting, key=lambda known: abs(len(known.places) - len(text)))


def _askew(rng: Rng, rows: int, boxed: bool) -> Floats:
    if boxed and rows == 1:
        return boxed_quad(rng)
    quad = tight_quad(rng, float(rng.choice([0.012, 0.025, 0.035])))
    if rng.random() < BESIDE_SHARE:
        first = rng.random() < 0.65
        quad[[0, 3] if first else [1, 2], 0] += (-1 if first else 1) * rng.uniform(0.04, 0.18)
    return quad


def grounded(rng: Rng, image: Image, pad: int) -> Image:
    """The plate on a body of one tone, or half of one and half of another, with some lines."""
    tone = rng.uniform(0, 1) ** 1.4 * 225 + rng.normal(0, 12, 3)
    framed = cv2.copyMakeBorder(image, pad, pad, pad, pad, cv2.BORDER_CONSTANT, value=[float(v) for v in tone])
    if rng.random() < 0.4:
        y = int(rng.integers(0, pad)) if rng.random() < 0.5 else framed.shape[0] - int(rng.integers(1, pad))
        part = slice(0, y) if y < pad else slice(y, None)
        framed[part] = np.clip(tone + rng.normal(0, 70), 0, 255).astype(np.uint8)
    if rng.random() < 0.3:
        x = int(rng.integers(0, pad)) if rng.random() < 0.5 else framed.shape[1] - int(rng.integers(1, pad))
        framed[:, max(x - 3, 0) : x + 3] = np.clip(rng.uniform(0, 255, 3), 0, 255).astype(np.uint8)
    return np.asarray(framed, np.uint8)


def _finished(
    rng: Rng,
    image: Image,
    corners: Floats,
    quad: Floats,
    text: str,
    plate_format: PlateFormat,
    exact: bool,
    strength: float = 1.0,
) -> SecondSample:
    """exact: whether the corners are the plate's own, so that its characters stand where the layout says."""
    bands = jittered_bands(rng, BANDS[plate_format.rows])
    ledge = behind(rng, image, corners, quad) if plate_format.rows == 1 and rng.random() < BEHIND_SHARE else None
    shown = corners_for(quad, corners)
    grey = _strip(image, shown, bands)
    boxes = character_boxes(plate_format, corners, shown, bands)[: len(text)]
    classes = classes_of(text)
    shares = np.ones(len(text), np.float32)
    if ledge is not None:
        hidden, cover = _strip(ledge[0], shown, bands), _strip(ledge[1], shown, bands) / np.float32(255)
        shares = doubtful(seen_shares(grey, hidden, cover, boxes), mistakable(text, plate_format, cover, boxes))
        grey = hidden
    elif rng.random() < SPOILT_SHARE:
        grey, shares, cover = spoil(rng, grey, boxes)
        shares = doubtful(shares, mistakable(text, plate_format, cover, boxes))
    if exact:
        shares = np.minimum(shares, _inside(boxes))
    mark(classes, shares, exact)
    centres = np.full(MAX_CHARACTERS, np.nan, np.float32)
    if exact:
        centres[: len(text)] = np.clip(((boxes[:, 0] + boxes[:, 2]) / 2 + 0.5) / STRIP_WIDTH, 0.0, 1.0)
    if rng.random() < TINY_SHARE:
        grey = shrunk(grey, int(rng.integers(10, 24)))
        classes[: len(text)] = HIDDEN
    return SecondSample(taken(rng, grey, strength), classes, centres)


def behind(rng: Rng, image: Image, corners: Floats, quad: Floats) -> tuple[Image, Image]:
    """The picture with a bumper over the plate's upper or lower edge, and the bumper alone, white on black.

    quad: where the plate is cut out, in shares of it, (4, 2); moved to the bumper's edge as a finder would.
    """
    upper = bool(rng.random() < 0.6)
    deep, tilt = rng.uniform(0.12, 0.44), rng.normal(0, 0.02)
    inner = np.asarray([deep - tilt, deep + tilt] if upper else [1 - deep + tilt, 1 - deep - tilt])
    outer = -1.0 if upper else 2.0
    edge = np.asarray([[[-0.4, inner[0]], [1.4, inner[1]], [1.4, outer], [-0.4, outer]]], np.float32)
    unit = np.asarray([[0, 0], [1, 0], [1, 1], [0, 1]], np.float32)
    place = cv2.perspectiveTransform(edge, cv2.getPerspectiveTransform(unit, np.asarray(corners, np.float32)))
    mask = np.zeros(image.shape, np.uint8)
    cv2.fillPoly(mask, [np.asarray(place[0]).round().astype(np.int32)], (255, 255, 255), cv2.LINE_AA)
    if rng.random() < FOLLOWED_SHARE:
        quad[[0, 1] if upper else [3, 2], 1] = inner + rng.uniform(-0.1, 0.03)
    tone = np.median(image[:3].reshape(-1, 3), 0) if rng.random() < 0.4 else rng.uniform(0, 1) ** 1.5 * 235
    filled = tone + rng.normal(0, 12, 3) + rng.normal(0, rng.uniform(1, 12), image.shape)
    share = cv2.GaussianBlur(mask, (0, 0), rng.uniform(0.3, 1.5)).astype(np.float32) / 255
    return np.clip(image + share * (filled - image), 0, 255).astype(np.uint8), mask


def _strip(image: Image, shown: Floats, bands: tuple[Band, ...]) -> Floats:
    return np.asarray(cv2.cvtColor(warp_bands(image, shown, bands, STRIP_HEIGHT), cv2.COLOR_BGR2GRAY), np.float32)


def mark(classes: NDArray[np.int64], shares: Floats, exact: bool) -> None:
    """Write hidden and ignored places into the classes. Without exact boxes only clear cases count."""
    for place, share in enumerate(shares):
        gone = (GONE_FIRST if place == 0 else GONE) if exact else 0.2
        if share < gone:
            classes[place] = HIDDEN
        elif share < (THERE if exact else 0.97):
            classes[place] = IGNORED


def doubtful(shares: Floats, other: NDArray[np.bool_]) -> Floats:
    """The shares, where what is left could be another character of the serial none, of the province half."""
    lowered = np.where(other, 0.0, shares)
    if other[0]:
        lowered[0] = min(shares[0], (GONE_FIRST + THERE) / 2)
    return np.asarray(lowered, np.float32)


def _inside(boxes: Boxes) -> Floats:
    """The share of each box that lies in the strip."""
    clipped = np.clip(boxes, 0, [STRIP_WIDTH, STRIP_HEIGHT, STRIP_WIDTH, STRIP_HEIGHT])
    area = (clipped[:, 2] - clipped[:, 0]) * (clipped[:, 3] - clipped[:, 1])
    whole = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    return np.asarray(area / np.maximum(whole, 1.0), np.float32)


def character_boxes(plate_format: PlateFormat, corners: Floats, shown: Floats, bands: tuple[Band, ...]) -> Boxes:
    """Where each character of the format stands in the strip."""
    unit = np.asarray([[0, 0], [1, 0], [1, 1], [0, 1]], np.float32)
    to_image = cv2.getPerspectiveTransform(unit, corners)
    flat = _flat_boxes(plate_format)
    split = plate_format.upper_characters if len(bands) > 1 else len(flat)
    boxes = []
    for band, part in zip(bands, (flat[:split], flat[split:]), strict=False):
        matrix = band_matrix(shown, band, STRIP_HEIGHT) @ to_image
        points = cv2.perspectiveTransform(part.reshape(1, -1, 2), matrix).reshape(-1, 4, 2)
        points[..., 0] += band.start
        boxes.append(np.hstack([points.min(1), points.max(1)]))
    return np.asarray(np.concatenate(boxes), np.float32)


@cache
def _flat_boxes(plate_format: PlateFormat) -> Floats:
    """The corners of a format's characters as shares of the plate, (characters, 4, 2)."""
    unit = np.asarray([[0, 0], [1, 0], [1, 1], [0, 1]], np.float32)
    corners = [np.asarray([b.x, b.y]) + unit * (b.width, b.height) for b in layout_of(plate_format).characters]
    return np.asarray(np.stack(corners) / (plate_format.width_mm, plate_format.height_mm), np.float32)


def shrunk(grey: Floats, width: int) -> Floats:
    """A strip, of any channels, that was only so many pixels wide."""
    small = cv2.resize(grey, (width, max(round(width * 0.3), 4)), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(small, (STRIP_WIDTH, STRIP_HEIGHT), interpolation=cv2.INTER_LINEAR), np.float32)


def taken(rng: Rng, grey: Floats, strength: float) -> Image:
    """A grey strip through a camera: coarse, soft, dim, noisy, compressed; strength 1 for drawn ones."""
    return recorded(rng, _lit(rng, blurred(rng, grey, strength), strength), strength)


def blurred(rng: Rng, strip: Floats, strength: float) -> Floats:
    """A strip, of any channels, sometimes coarse and sometimes soft."""
    if rng.random() < 0.5 * strength:
        strip = shrunk(strip, int(rng.integers(46, 130)))
    if rng.random() < 0.5 * strength:
        strip = _softened(rng, strip, strength)
    return strip


def recorded(rng: Rng, lit: Floats, strength: float) -> Image:
    """A strip, of any channels, as a camera hands it on: sometimes noisy, sometimes compressed."""
    if rng.random() < 0.6:
        lit = lit + rng.standard_normal(lit.shape, np.float32) * np.float32(rng.uniform(0.5, 12) * strength)
    image = np.clip(lit, 0, 255).astype(np.uint8)
    if rng.random() < 0.25:
        _, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(25, 85))])
        image = np.asarray(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE if lit.ndim == 2 else cv2.IMREAD_COLOR), np.uint8)
    return image


def _softened(rng: Rng, grey: Floats, strength: float) -> Floats:
    """A strip, of any channels, out of focus or moved."""
    if rng.random() < 0.65:
        return np.asarray(cv2.GaussianBlur(grey, (0, 0), rng.uniform(0.4, 0.6 + 1.5 * strength)), np.float32)
    length = int(rng.integers(2, 3 + round(7 * strength)))
    kernel = np.full((1, length), 1 / length, np.float32)
    return np.asarray(cv2.filter2D(grey, -1, kernel if rng.random() < 0.7 else kernel.T), np.float32)


def _lit(rng: Rng, grey: Floats, strength: float) -> Floats:
    if rng.random() < 0.3:
        grey = np.asarray(255 * (np.clip(grey, 0, 255) / 255) ** np.exp(rng.normal(0, 0.35 * strength)), np.float32)
    contrast, pivot = np.exp(rng.normal(-0.2, 0.4 * strength)), rng.uniform(0, 200)
    grey = (grey - pivot) * np.float32(contrast) + np.float32(pivot * np.exp(rng.normal(-0.1, 0.3 * strength)))
    if rng.random() < 0.3:
        slope = np.linspace(rng.uniform(0.45, 1.0), rng.uniform(0.7, 1.4), STRIP_WIDTH, dtype=np.float32)
        grey = grey * (slope if rng.random() < 0.5 else slope[::-1])[None, :]
    if rng.random() < 0.12:
        edge = int(rng.integers(6, STRIP_HEIGHT - 6))
        part = slice(0, edge) if rng.random() < 0.5 else slice(edge, STRIP_HEIGHT)
        grey = grey.copy()
        grey[part] *= np.float32(rng.uniform(0.4, 0.8))
    return np.asarray(grey, np.float32)
