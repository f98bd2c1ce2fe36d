"""Draws plates of kinds that the reader does not know, to show that none is taken for a certain one of another kind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from controller.records import Colour
from models.geometry import Box, Layout, layout_of
from models.glyphs import Mask, load_glyphs
from models.grammar import PROVINCES, PlateKind, format_of_kind

Image = NDArray[np.uint8]
Bgr = tuple[float, float, float]
Rng = np.random.Generator

STORE = Path(__file__).with_name("foreign.npz")
"""Masks of the characters that the reader has no class for, by `python -m models.training.drawing.foreign`."""

LACKING = "海空沈济成消超"
FONT = Path("/usr/share/fonts/opentype/noto/NotoSansCJK-Bold.ttc")
PX_PER_MM = 0.8
BORDER_MM = 4.0

BLACK, GREEN, WHITE, YELLOW = (28.0, 28.0, 28.0), (90.0, 130.0, 30.0), (232.0, 232.0, 232.0), (25.0, 175.0, 240.0)
COLOURS = {BLACK: Colour.BLACK, GREEN: Colour.GREEN, WHITE: Colour.WHITE, YELLOW: Colour.YELLOW}
LIGHT, DARK = (245.0, 245.0, 245.0), (25.0, 25.0, 25.0)


@dataclass(frozen=True)
class ForeignKind:
    """places: each a character or a pool of them; boxes: where they stand, mm. Colours are BGR."""

    name: str
    places: tuple[str, ...]
    layout: Layout
    size_mm: tuple[int, int]
    ground: Bgr
    ink: Bgr


def _layout(kind: PlateKind) -> Layout:
    return layout_of(format_of_kind(kind))


DIGITS, LETTERS = "0123456789", "ABCDEFGHJKLMNPQRSTUVWXYZ"
ORDINARY, OLD_FIRE = _layout(PlateKind.BLUE), _layout(PlateKind.OLD_ARMED_POLICE)
SIX = Layout(ORDINARY.characters[1:], None)

KINDS = (
    ForeignKind("old military, of a force", ("海空沈济成", LETTERS, *[DIGITS] * 5), ORDINARY, (440, 140), WHITE, DARK),
    ForeignKind("old fire brigade", ("W", "J", *[DIGITS] * 2, "消", *[DIGITS] * 4), OLD_FIRE, (440, 140), WHITE, DARK),
    ForeignKind("oversize", (PROVINCES, LETTERS, *[DIGITS] * 4, "超"), ORDINARY, (440, 140), WHITE, DARK),
    ForeignKind("of 1986", (*[DIGITS] * 7,), ORDINARY, (440, 140), GREEN, LIGHT),
    ForeignKind("Hong Kong", (*[LETTERS] * 2, *[DIGITS] * 4), SIX, (440, 140), WHITE, DARK),
    ForeignKind("Hong Kong, yellow", (*[LETTERS] * 2, *[DIGITS] * 4), SIX, (440, 140), YELLOW, DARK),
    ForeignKind("Macau", ("M", LETTERS, *[DIGITS] * 4), SIX, (440, 140), BLACK, LIGHT),
    ForeignKind("abroad", (*[LETTERS] * 2, *[DIGITS] * 2, *[LETTERS] * 2), SIX, (440, 140), WHITE, DARK),
)
"""Colours and places as pictures show them. The armed forces' first characters are red, which is left out."""


@dataclass(frozen=True)
class ForeignPlate:
    """A flat plate of an unknown kind as the detector learns it: BGR image (height, width, 3), its colour and sides."""

    image: Image
    text: str
    colour: Colour
    size_mm: tuple[int, int]
    rows: int = 1


def foreign_plate(rng: Rng) -> ForeignPlate:
    """One of any kind: the reader has to see that there is a plate to say that it does not know it."""
    kind = KINDS[int(rng.integers(len(KINDS)))]
    image, text = draw_foreign(rng, kind)
    return ForeignPlate(image, text, COLOURS[kind.ground], kind.size_mm)


def draw_foreign(rng: Rng, kind: ForeignKind) -> tuple[Image, str]:
    """One flat plate, BGR, and the text on it."""
    text = "".join(place[int(rng.integers(len(place)))] for place in kind.places)
    height, width = (round(side * PX_PER_MM) for side in kind.size_mm[::-1])
    ink = np.zeros((height, width), np.uint8)
    inset, line = round(BORDER_MM * PX_PER_MM), max(1, round(2.5 * PX_PER_MM))
    cv2.rectangle(ink, (inset, inset), (width - 1 - inset, height - 1 - inset), (220,), line, cv2.LINE_AA)
    for character, box in zip(text, kind.layout.characters, strict=True):
        _stamp(ink, mask_of(character), box)
    if kind.layout.dot:
        x, y = (round(at * PX_PER_MM) for at in kind.layout.dot)
        cv2.circle(ink, (x, y), round(5 * PX_PER_MM), (255,), -1, cv2.LINE_AA)
    spread = rng.uniform(-20, 20, 3)
    share = ink[:, :, None].astype(np.float32) / 255.0
    ground, tone = np.asarray(kind.ground) + spread, np.asarray(kind.ink)
    return np.clip(ground + share * (tone - ground), 0, 255).astype(np.uint8), text


def scene_of(rng: Rng, plate: Image, width_px: int, size: tuple[int, int] = (640, 360)) -> Image:
    """A plain vehicle's front of that size (width, height) with the plate, so wide and a little askew, softened."""
    across, down = size
    ground = cv2.resize(rng.normal(95, 10, (down // 8, across // 8)).astype(np.float32), size)
    picture = np.repeat(ground[:, :, None], 3, axis=2)
    high = width_px * plate.shape[0] / plate.shape[1]
    lean = rng.uniform(-0.06, 0.06) * width_px
    x, y = rng.uniform(0.2, 0.5) * across, rng.uniform(0.4, 0.6) * down
    there = np.asarray([[x, y], [x + width_px, y + lean], [x + width_px, y + lean + high], [x, y + high]], np.float32)
    flat = np.asarray([[0, 0], [1, 0], [1, 1], [0, 1]], np.float32) * plate.shape[1::-1] - np.float32(0.5)
    factor = min(1.0, 1.6 * width_px / plate.shape[1])
    small = cv2.resize(plate, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    matrix = cv2.getPerspectiveTransform(flat.astype(np.float32) * np.float32(factor), there)
    cover = cv2.warpPerspective(np.ones(small.shape[:2], np.float32), matrix, size)[:, :, None]
    picture += cover * (cv2.warpPerspective(small, matrix, size).astype(np.float32) - picture)
    soft = cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.5, 0.9)) + rng.normal(0, 2, picture.shape)
    return np.asarray(np.clip(soft, 0, 255), np.uint8)


def mask_of(character: str) -> Mask:
    """The character's mask, 255 where there is ink."""
    glyphs = load_glyphs()
    styles = glyphs.styles_of(character)
    return np.asarray(glyphs.masks[styles[0]][character] if styles else _lacking()[character], np.uint8)


def _stamp(ink: Mask, mask: Mask, box: Box) -> None:
    width, height = max(2, round(box.width * PX_PER_MM)), max(2, round(box.height * PX_PER_MM))
    x, y = round(box.x * PX_PER_MM), round(box.y * PX_PER_MM)
    area = ink[y : y + height, x : x + width]
    scaled = cv2.resize(mask, (width, height), interpolation=cv2.INTER_AREA)
    np.maximum(area, scaled[: area.shape[0], : area.shape[1]], out=area)


@cache
def _lacking() -> dict[str, Mask]:
    with np.load(STORE) as stored:
        return dict(zip(LACKING, np.asarray(stored["masks"], np.uint8), strict=True))


def render(path: Path = STORE) -> None:
    """Draw the characters that the reader lacks with FONT (Debian's fonts-noto-cjk) into the file."""
    from PIL import Image as Pictures
    from PIL import ImageDraw, ImageFont

    font = ImageFont.truetype(str(FONT), 96)
    masks: Sequence[Mask] = []
    for character in LACKING:
        left, top, right, bottom = font.getbbox(character)
        canvas = Pictures.new("L", (int(right - left), int(bottom - top)))
        ImageDraw.Draw(canvas).text((-left, -top), character, font=font, fill=255)
        masks = [*masks, np.asarray(cv2.resize(np.asarray(canvas), (45, 90), interpolation=cv2.INTER_AREA), np.uint8)]
    np.savez_compressed(path, masks=np.stack(masks))


if __name__ == "__main__":
    render()
