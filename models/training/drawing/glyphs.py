"""Masks of every character: learnt from labelled real crops where enough exist, else rendered from public fonts.

The file glyphs.npz holds uint8 masks (characters, 64, 32), 0 to 255, one array per style; what a style
lacks is all zero. A learnt mask is the average of at least MIN_CROPS aligned training crops, never a single picture.
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from models.geometry import layout_of
from models.glyphs import FONT_STYLES, GLYPH_HEIGHT, GLYPH_WIDTH, LEARNT, GlyphSet, Mask
from models.grammar import ALPHABET, PlateKind, format_of_kind
from models.training.data.realdata import RealCrop

MIN_CROPS = 5
MAX_CROPS = 60
_NARROW = {"1": 0.42, "J": 0.85, "L": 0.9}


FONT_FOLDER = Path("/usr/share/fonts")


def missing_fonts(font_folder: Path = FONT_FOLDER) -> list[str]:
    """The files of FONT_STYLES that are nowhere under the folder, each once."""
    names = dict.fromkeys(name for pair in FONT_STYLES.values() for name in pair)
    return [name for name in names if next(font_folder.rglob(name), None) is None]


def render_font_masks(style: str, font_folder: Path = FONT_FOLDER) -> dict[str, Mask]:
    """Every character of one font style, its ink stretched over the box. Raises FileNotFoundError without the font."""
    from PIL import ImageFont  # type: ignore[import-not-found, unused-ignore]

    fonts = []
    for name in FONT_STYLES[style]:
        found = sorted(font_folder.rglob(name))
        if not found:
            raise FileNotFoundError(f"font {name} is not under {font_folder}")
        fonts.append(ImageFont.truetype(str(found[0]), 160))
    return {character: _render(fonts[0] if ord(character) > 127 else fonts[1], character) for character in ALPHABET}


def _render(font: object, character: str) -> Mask:
    from PIL import Image, ImageDraw  # type: ignore[import-not-found, unused-ignore]

    canvas = Image.new("L", (320, 320))
    ImageDraw.Draw(canvas).text((60, 40), character, fill=255, font=font)
    ink = canvas.crop(canvas.getbbox())
    width = round(GLYPH_WIDTH * _NARROW.get(character, 1.0))
    resized = np.asarray(ink.resize((width, GLYPH_HEIGHT), Image.Resampling.BOX))
    mask = np.zeros((GLYPH_HEIGHT, GLYPH_WIDTH), np.uint8)
    left = (GLYPH_WIDTH - width) // 2
    mask[:, left : left + width] = resized
    return mask


def learn_masks(crops: list[RealCrop], template_masks: dict[str, Mask], rounds: int = 2) -> dict[str, Mask]:
    """Average character masks of well-aligned one-row crops; those with fewer than MIN_CROPS good ones are left out."""
    masks = dict(template_masks)
    learnt: dict[str, Mask] = {}
    for _ in range(rounds):
        patches: dict[str, list[tuple[float, NDArray[np.float32]]]] = defaultdict(list)
        for crop in crops:
            _collect(crop, masks, patches)
        learnt = {character: _average(found) for character, found in patches.items() if len(found) >= MIN_CROPS}
        masks.update(learnt)
    return learnt


_PAD = 6
_SCALE_PX_PER_MM = 1.0
_ALIGN_PX_PER_MM = 0.5
_FORMAT = format_of_kind(PlateKind.BLUE)


def template_of(text: str, masks: dict[str, Mask], px_per_mm: float) -> NDArray[np.float32]:
    """A flat one-row plate as float32 (height, width), 0 ground to 1 ink, without border."""
    canvas = np.zeros((round(140 * px_per_mm), round(440 * px_per_mm)), np.float32)
    for character, box in zip(text, layout_of(_FORMAT).characters, strict=True):
        x, y = round(box.x * px_per_mm), round(box.y * px_per_mm)
        size = (round(box.width * px_per_mm), round(box.height * px_per_mm))
        canvas[y : y + size[1], x : x + size[0]] = (
            cv2.resize(masks[character], size, interpolation=cv2.INTER_AREA) / 255.0
        )
    return canvas


def ink_of(image: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Grey float32 with the ink bright: dark-on-light plates (yellow, red above blue) are inverted."""
    blue, _, red = image.reshape(-1, 3).mean(0)
    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY).astype(np.float32)
    return np.asarray(grey if blue >= red else 255 - grey, np.float32)


def _collect(
    crop: RealCrop, masks: dict[str, Mask], patches: dict[str, list[tuple[float, NDArray[np.float32]]]]
) -> None:
    template = cv2.GaussianBlur(template_of(crop.text, masks, _ALIGN_PX_PER_MM), (0, 0), 1.5)
    height, width = template.shape
    grey = cv2.resize(ink_of(crop.image), (width, height), interpolation=cv2.INTER_CUBIC)
    warp = np.eye(2, 3, dtype=np.float32)
    criteria = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 60, 1e-4)
    try:
        score, found = cv2.findTransformECC(template, grey, warp, cv2.MOTION_AFFINE, criteria, None, 5)
    except cv2.error:
        return  # the optimiser did not converge: this crop teaches nothing
    if score < 0.75:
        return
    factor = _SCALE_PX_PER_MM / _ALIGN_PX_PER_MM
    found = np.asarray(found, np.float32).copy()
    found[:, 2] *= factor
    large = cv2.resize(grey, None, fx=factor, fy=factor, interpolation=cv2.INTER_CUBIC)
    flat = cv2.warpAffine(
        large, found, (440, 140), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REPLICATE
    )
    for character, box in zip(crop.text, layout_of(_FORMAT).characters, strict=True):
        patches[character].append((score, _patch(flat, character, masks, box.x, box.y)))


def _patch(
    flat: NDArray[np.float32], character: str, masks: dict[str, Mask], x_mm: float, y_mm: float
) -> NDArray[np.float32]:
    """The character's box moved to where it fits the mask best, its ground at 0 and its ink at 1."""
    x, y = round(x_mm), round(y_mm)
    mask = cv2.GaussianBlur(cv2.resize(masks[character], (45, 90)), (0, 0), 2).astype(np.float32)
    area = flat[y - _PAD : y + 90 + _PAD, x - _PAD : x + 45 + _PAD]
    _, _, _, (dx, dy) = cv2.minMaxLoc(cv2.matchTemplate(area, mask, cv2.TM_CCOEFF_NORMED))
    patch = area[dy : dy + 90, dx : dx + 45]
    low, high = np.percentile(patch, (15, 92))
    return np.asarray((patch - low) / max(high - low, 8.0), np.float32)


def _average(found: list[tuple[float, NDArray[np.float32]]]) -> Mask:
    """The mean of the best-aligned patches, sharpened against the blur of averaging."""
    best = [patch for _, patch in sorted(found, key=lambda item: -item[0])[:MAX_CROPS]]
    mean = np.clip(np.stack(best), -0.3, 1.3).mean(0)
    sharp = mean + 1.5 * (mean - cv2.GaussianBlur(mean, (0, 0), 3.0))
    ink = np.clip((sharp - 0.5) * 2.2 + 0.5, 0, 1)
    resized = cv2.resize(ink, (GLYPH_WIDTH, GLYPH_HEIGHT), interpolation=cv2.INTER_AREA)
    return np.asarray(np.round(resized * 255), np.uint8)


def make_glyphs(train_crops: list[RealCrop], font_folder: Path = FONT_FOLDER) -> GlyphSet:
    """All font styles plus the learnt one, which takes the first font style as its first template."""
    fonts = {style: render_font_masks(style, font_folder) for style in FONT_STYLES}
    learnt = learn_masks([c for c in train_crops if len(c.text) == 7], fonts["noto_bold"])
    return GlyphSet({LEARNT: learnt, **fonts})
