"""Training samples of the recogniser: drawn plates, real crops, swapped provinces, and strips that are not plates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from models.geometry import layout_of
from models.glyphs import LEARNT, load_glyphs
from models.grammar import (
    ALPHABET,
    DIGITS,
    LATER,
    MAX_CHARACTERS,
    OFFICE_LETTERS,
    PROVINCES,
    SUFFIXES,
    PlateKind,
    is_valid,
)
from models.rectify import STRIP_HEIGHT, STRIP_WIDTH, Band, band_matrix, bands_of, rectify, warp_bands
from models.training.data.realdata import RealCrop
from models.training.drawing.conditions import pick, varied
from models.training.drawing.degrade import boxed_quad, corners_for, degrade, jittered_bands, leaning_quad, tight_quad
from models.training.drawing.outline import SHARE as OUTLINED_SHARE
from models.training.drawing.outline import outlined
from models.training.drawing.photograph import FINE_PX_PER_MM, photograph
from models.training.drawing.plates import DrawnPlate, alike_text, draw_plate

Image = NDArray[np.uint8]
BOXED_SHARE = 0.4
"""How many one-row plates, drawn ones and upright real crops, are shown askew, tilted as far as any."""
CCPD_CROP_PX = (94, 24)
TILTED_SOURCES = ("ccpd", "loose", "mosaic")
"""Crops that are upright boxes around plates which may stand askew."""
ASKEW_SHARE = 0.4
"""How many photographed plates are surely taken as crops of parked cars, the harder ones; of the rest it is half."""
LIT_SHARE = 0.5
"""How many photographed plates get more changes of light than their condition has."""
PLATE_COLOURS = (((180, 70, 20), (240, 240, 240)), ((20, 180, 240), (20, 20, 20)), ((240, 240, 240), (20, 20, 20)))
"""Ground and ink, BGR, of boards that look like plates at a glance."""
CLASS_OF = {character: index + 1 for index, character in enumerate(ALPHABET)}


@dataclass(frozen=True)
class Sample:
    """One strip (32, 128, 3) uint8 BGR, its classes (9,) int64 with 0 for blank, and the characters' centres (9, 2) as
    shares of the strip, NaN where unknown."""

    strip: Image
    classes: NDArray[np.int64]
    centres: NDArray[np.float32]


def classes_of(text: str) -> NDArray[np.int64]:
    """Class numbers (9,) of a text, blank-filled at the end. Raises KeyError for a foreign character."""
    classes = np.zeros(MAX_CHARACTERS, np.int64)
    classes[: len(text)] = [CLASS_OF[character] for character in text]
    return classes


def unknown_centres() -> NDArray[np.float32]:
    return np.full((MAX_CHARACTERS, 2), np.nan, np.float32)


def drawn_sample(rng: np.random.Generator, kind: PlateKind | None = None) -> Sample:
    """A drawn plate as a camera and an imperfect detector would give it."""
    return drawn_with_text(rng, kind)[0]


def alike_sample(rng: np.random.Generator, kind: PlateKind | None = None) -> Sample:
    """A drawn sample of characters that are taken for one another."""
    plate = draw_plate(rng, kind)
    return _sample_of(rng, draw_plate(rng, plate.kind, alike_text(rng, plate.plate_format)))


def photographed_sample(rng: np.random.Generator, kind: PlateKind | None = None) -> Sample:
    """A drawn plate taken the way some real training crop was; where none is asked for, all kinds alike often."""
    kinds = (kind,) if kind else tuple(PlateKind)
    plate = draw_plate(rng, kinds[int(rng.integers(len(kinds)))], px_per_mm=FINE_PX_PER_MM)
    source = "ccpd" if rng.random() < ASKEW_SHARE else None
    photo = photograph(rng, plate, varied(rng, pick(rng, source)))
    strip = warp_bands(photo.image, photo.corners, jittered_bands(rng, bands_of(plate.rows)))
    if rng.random() < LIT_SHARE:
        strip = degrade(rng, strip, 0.3)
    return Sample(strip, classes_of(plate.text), unknown_centres())


def drawn_with_text(rng: np.random.Generator, kind: PlateKind | None = None) -> tuple[Sample, str]:
    """A drawn sample and the text on it."""
    plate = draw_plate(rng, kind)
    return _sample_of(rng, plate), plate.text


def _sample_of(rng: np.random.Generator, plate: DrawnPlate) -> Sample:
    image, corners = _surrounded(rng, plate.image)
    if rng.random() < OUTLINED_SHARE:
        image = outlined(rng, image, corners)
    boxed = plate.rows == 1 and rng.random() < BOXED_SHARE
    quad = boxed_quad(rng) if boxed else tight_quad(rng, rng.choice([0.012, 0.025, 0.035]))
    shown = corners_for(quad, corners)
    bands = jittered_bands(rng, bands_of(plate.rows))
    strip = warp_bands(_antialiased(image), shown, bands)
    if boxed and rng.random() < 0.5:
        strip = _through(strip, CCPD_CROP_PX)
    return Sample(degrade(rng, strip), classes_of(plate.text), _centres(plate, corners, shown, bands))


def _antialiased(image: Image) -> Image:
    return np.asarray(cv2.blur(image, (2, 2)) if image.shape[0] > 40 else image, np.uint8)


def _surrounded(rng: np.random.Generator, image: Image) -> tuple[Image, NDArray[np.float32]]:
    """The plate on a larger ground of one random tone, and its corners there."""
    height, width = image.shape[:2]
    pad = round(0.12 * width)
    tone = rng.uniform(0, 1) ** 1.5 * 220 + rng.normal(0, 12, 3)
    framed = cv2.copyMakeBorder(image, pad, pad, pad, pad, cv2.BORDER_CONSTANT, value=[float(v) for v in tone])
    corners = np.asarray([[pad, pad], [pad + width, pad], [pad + width, pad + height], [pad, pad + height]], np.float32)
    return np.asarray(framed, np.uint8), corners - 0.5


def _centres(
    plate: DrawnPlate, corners: NDArray[np.float32], shown: NDArray[np.float32], bands: tuple[Band, ...]
) -> NDArray[np.float32]:
    form = plate.plate_format
    scale = (corners[2] - corners[0]) / np.asarray([form.width_mm, form.height_mm], np.float32)
    centres = unknown_centres()
    matrices = [band_matrix(shown, band) for band in bands]
    for place, box in enumerate(layout_of(form).characters):
        index = 0 if place < form.upper_characters or len(bands) == 1 else 1
        point = corners[0] + np.asarray(box.centre, np.float32) * scale
        x, y, w = matrices[index] @ np.asarray([point[0], point[1], 1.0])
        centres[place] = ((x / w + bands[index].start) / STRIP_WIDTH, y / w / STRIP_HEIGHT)
    return centres


def plain_strip(crop: RealCrop) -> Image:
    """The strip of a real crop as the finished reader would see it."""
    if crop.corners is not None:
        return rectify(crop.image, crop.corners, crop.rows)
    return np.asarray(cv2.resize(crop.image, (STRIP_WIDTH, STRIP_HEIGHT), interpolation=cv2.INTER_LINEAR), np.uint8)


def real_sample(rng: np.random.Generator, crop: RealCrop) -> Sample:
    """A real crop with light warps, lighting changes and blur; sometimes with another province character."""
    image, corners = crop.image, crop.corners
    height, width = image.shape[:2]
    if corners is None:
        corners = np.asarray([[0, 0], [width, 0], [width, height], [0, height]], np.float32) - 0.5
    rows, text = crop.rows, crop.text
    tilted = crop.source in TILTED_SOURCES
    if rows == 1 and not tilted and rng.random() < 0.35:
        image, text = swap_province(rng, image, corners, text)
    if rows == 2 or crop.corners is not None or (height > 48 and not tilted):
        bands = jittered_bands(rng, bands_of(rows))
        strip = _scene_strip(rng, image, corners, rows, bands)
    else:
        strip = _tilted_strip(rng, image, corners, tilted)
    return Sample(degrade(rng, strip, 0.45), classes_of(text), unknown_centres())


def _tilted_strip(rng: np.random.Generator, image: Image, corners: NDArray[np.float32], tilted: bool) -> Image:
    """A small crop with some tilt of its own, or more; upright ones are also shown as the CCPD crops come: the upright
    box around a plate that stands askew, in 94x24 pixels."""
    choice = rng.random()
    if not tilted and choice < BOXED_SHARE:
        strip = warp_bands(image, corners_for(boxed_quad(rng), corners), bands_of(1))
        return _through(strip, CCPD_CROP_PX) if rng.random() < 0.6 else strip
    leaning = choice < (0.5 if tilted else BOXED_SHARE + 0.15)
    quad = leaning_quad(rng) if leaning else tight_quad(rng, 0.02)
    return warp_bands(image, corners_for(quad, corners), bands_of(1))


def _through(strip: Image, size: tuple[int, int]) -> Image:
    """The strip made smaller and back again."""
    small = cv2.resize(strip, size, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(small, (STRIP_WIDTH, STRIP_HEIGHT), interpolation=cv2.INTER_LINEAR), np.uint8)


def _scene_strip(
    rng: np.random.Generator, image: Image, corners: NDArray[np.float32], rows: int, bands: tuple[Band, ...]
) -> Image:
    shown = corners_for(tight_quad(rng, 0.025), corners)
    side = float(np.linalg.norm(shown[3] - shown[0]))
    factor = min(1.0, 56.0 * rows / max(side, 1.0))
    if factor < 0.8:
        image = np.asarray(cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA), np.uint8)
        shown = shown * np.float32(factor)
    return warp_bands(image, shown, bands)


_PROVINCE_BOX = np.asarray([[9, 16], [67, 16], [67, 124], [9, 124]], np.float32) / np.asarray([440, 140], np.float32)


def swap_province(rng: np.random.Generator, image: Image, corners: NDArray[np.float32], text: str) -> tuple[Image, str]:
    """Paint another province over the first character of an upright one-row plate in its own ground, ink and blur."""
    character = PROVINCES[int(rng.integers(len(PROVINCES)))]
    matrix = cv2.getPerspectiveTransform(np.asarray([[0, 0], [1, 0], [1, 1], [0, 1]], np.float32), corners)
    quad = cv2.perspectiveTransform(_PROVINCE_BOX[None], matrix)[0]
    x0, y0 = np.maximum(np.floor(quad.min(0)), 0).astype(int)
    x1, y1 = np.minimum(np.ceil(quad.max(0)), [image.shape[1], image.shape[0]]).astype(int)
    if x1 - x0 < 6 or y1 - y0 < 10:
        return image, text
    area = image[y0:y1, x0:x1].astype(np.float32)
    ground, ink = _two_tones(area)
    mask = _blurred_mask(rng, character, x1 - x0, y1 - y0)
    painted = ground + mask[:, :, None] * (ink - ground) + rng.normal(0, 3, area.shape)
    feather = cv2.GaussianBlur(
        cv2.copyMakeBorder(np.ones((y1 - y0 - 4, x1 - x0 - 4), np.float32), 2, 2, 2, 2, 0), (3, 3), 0
    )
    result = image.copy()
    result[y0:y1, x0:x1] = np.clip(area + feather[:, :, None] * (painted - area), 0, 255)
    return result, character + text[1:]


def _two_tones(area: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Ground and ink colour (3,) of a character's surroundings: the ink is the rarer of light and dark."""
    pixels = area.reshape(-1, 3)
    grey = pixels.mean(1)
    low, middle, high = np.percentile(grey, (10, 50, 90))
    if high - middle >= middle - low:
        return pixels[grey <= middle].mean(0), pixels[grey >= high].mean(0)
    return pixels[grey >= middle].mean(0), pixels[grey <= low].mean(0)


def _blurred_mask(rng: np.random.Generator, character: str, width: int, height: int) -> NDArray[np.float32]:
    glyphs = load_glyphs()
    styles = glyphs.styles_of(character)
    style = styles[0] if styles[0] == LEARNT and rng.random() < 0.5 else styles[int(rng.integers(len(styles)))]
    inner = (max(round(width * 45 / 58), 3), max(round(height * 90 / 108), 5))
    glyph = cv2.resize(glyphs.masks[style][character], inner, interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    mask = np.zeros((height, width), np.float32)
    y, x = (height - inner[1]) // 2, (width - inner[0]) // 2
    mask[y : y + inner[1], x : x + inner[0]] = glyph
    return np.asarray(cv2.GaussianBlur(mask, (0, 0), rng.uniform(0.02, 0.05) * height / 2 + 0.3), np.float32)


def blank_sample(rng: np.random.Generator, grounds: Sequence[Image]) -> Sample:
    """A strip without a readable plate: half a plate, other lettering, or a piece of background."""
    choice = rng.random()
    if choice < 0.35:
        strip = _part_of_plate(rng)
    elif choice < 0.6 or not grounds:
        strip = _lettering(rng)
    else:
        strip = _background(rng, grounds[int(rng.integers(len(grounds)))])
    return Sample(degrade(rng, strip, 0.8), np.zeros(MAX_CHARACTERS, np.int64), unknown_centres())


def _part_of_plate(rng: np.random.Generator) -> Image:
    """A plate of which at least a third lies outside the strip, or seen far too small."""
    plate = draw_plate(rng)
    image, corners = _surrounded(rng, plate.image)
    quad = tight_quad(rng, 0.02)
    case = int(rng.integers(4))
    if case == 0:
        quad[:, 0] += rng.choice([-1, 1]) * rng.uniform(0.33, 0.8)
    elif case == 1:
        quad[:, 1] += rng.choice([-1, 1]) * rng.uniform(0.5, 0.8)
    elif case == 2:
        quad = (quad - 0.5) * np.float32(rng.uniform(0.15, 0.4)) + rng.uniform(0.35, 0.65, (1, 2)).astype(np.float32)
    else:
        quad = (quad - 0.5) * np.float32(rng.uniform(1.8, 4)) + rng.uniform(0.2, 0.8, (1, 2)).astype(np.float32)
    return warp_bands(image, corners_for(np.asarray(quad, np.float32), corners), bands_of(1))


def _lettering(rng: np.random.Generator) -> Image:
    """Characters in numbers and places that no plate has: phone numbers, danger-goods boards, company names."""
    glyphs = load_glyphs()
    styles = tuple(glyphs.masks)
    ground, ink = rng.uniform(0, 255, 3), rng.uniform(0, 255, 3)
    if rng.random() < 0.4:
        ground, ink = (np.asarray(colour, float) for colour in PLATE_COLOURS[int(rng.integers(len(PLATE_COLOURS)))])
    strip = np.empty((STRIP_HEIGHT, STRIP_WIDTH, 3), np.float32)
    strip[:] = ground
    text = _no_plate_text(rng)
    count = len(text)
    height = int(rng.integers(14, 30))
    width = min(int(120 / count), int(height * rng.uniform(0.5, 1.1)))
    left, top = int(rng.integers(0, STRIP_WIDTH - width * count)), int(rng.integers(0, STRIP_HEIGHT - height + 1))
    for place, character in enumerate(text):
        masks = glyphs.masks[styles[int(rng.integers(len(styles)))]]
        if character not in masks or width < 3:
            continue
        alpha = (
            cv2.resize(masks[character], (max(width - 1, 2), height), interpolation=cv2.INTER_AREA)[:, :, None] / 255.0
        )
        area = strip[top : top + height, left + place * width : left + place * width + alpha.shape[1]]
        area += alpha * (ink - area)
    return np.clip(strip, 0, 255).astype(np.uint8)


def _no_plate_text(rng: np.random.Generator) -> str:
    """One to twelve characters that no format allows: words, numbers, a province character with too few behind it."""
    count = int(rng.choice([1, 2, 3, 4, 5, 6, 9, 10, 11, 12]))
    letters, words = DIGITS + OFFICE_LETTERS, PROVINCES + SUFFIXES + LATER
    while True:
        pool = words if count < 6 and rng.random() < 0.5 else letters if rng.random() < 0.5 else DIGITS
        text = "".join(pool[int(rng.integers(len(pool)))] for _ in range(count))
        if count in (5, 6) and rng.random() < 0.5:
            text = PROVINCES[int(rng.integers(len(PROVINCES)))] + text[1:]
        if not is_valid(text):
            return text


def _background(rng: np.random.Generator, ground: Image) -> Image:
    """A random quadrilateral of a picture without plates."""
    height, width = ground.shape[:2]
    across = rng.uniform(0.08, 0.6) * width
    size = np.asarray([across, across * rng.uniform(0.2, 0.5)])
    corner = rng.uniform(0, 1, 2) * np.maximum([width, height] - size, 1)
    quad = corner + np.asarray([[0, 0], [1, 0], [1, 1], [0, 1]]) * size + rng.normal(0, 0.04, (4, 2)) * size
    return rectify(ground, quad.astype(np.float32), 1)
