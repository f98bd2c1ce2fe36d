"""Draws clean plates of every kind from the format table, the standard's geometry and the stored glyph masks."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from controller.records import Colour
from models.geometry import Box, layout_of
from models.glyphs import LEARNT, Mask, load_glyphs
from models.grammar import DIGITS, FORMATS, FROM_DRAWINGS, SERIAL, PlateFormat, PlateKind

Image = NDArray[np.uint8]
Rgb = tuple[float, float, float]

KIND_SHARES: dict[PlateKind, float] = {
    PlateKind.BLUE: 0.14,
    PlateKind.YELLOW: 0.07,
    PlateKind.YELLOW_TWO_ROW: 0.08,
    PlateKind.NEW_ENERGY_SMALL: 0.12,
    PlateKind.NEW_ENERGY_LARGE: 0.07,
    PlateKind.POLICE: 0.04,
    PlateKind.COACH: 0.03,
    PlateKind.TRAILER: 0.03,
    PlateKind.BLACK: 0.02,
    PlateKind.HONG_KONG_MACAU: 0.04,
    PlateKind.EMBASSY: 0.02,
    PlateKind.CONSULATE: 0.02,
    PlateKind.ARMED_POLICE: 0.02,
    PlateKind.ARMED_POLICE_TWO_ROW: 0.05,
    PlateKind.MILITARY: 0.02,
    PlateKind.MILITARY_TWO_ROW: 0.02,
    PlateKind.CIVIL_AVIATION: 0.03,
    PlateKind.EMERGENCY: 0.03,
    PlateKind.OLD_MILITARY: 0.02,
    PlateKind.OLD_ARMED_POLICE: 0.03,
    PlateKind.AGRICULTURAL: 0.03,
    PlateKind.TEST: 0.02,
    PlateKind.TEMPORARY: 0.03,
    PlateKind.LIGHT_MOTORCYCLE: 0.02,
}
"""How often each kind is drawn when none is asked for: frequent kinds more, rare ones enough to be learnt."""


LATER_SHARE = 0.35
"""How many of the drawn plates that train a recogniser are of kinds that no real crop shows."""

LOOK_ALIKES = "0DQCG8B36S5Z271T4AVYUHNMWKXFEPR"
"""Letters and digits that small pictures confuse; what tells them apart is a stroke."""


@dataclass(frozen=True)
class DrawnPlate:
    """A flat plate: BGR uint8 image (height, width, 3), text, format; kind, colour and rows are the format's."""

    image: Image
    text: str
    plate_format: PlateFormat

    @property
    def kind(self) -> PlateKind:
        return self.plate_format.kind

    @property
    def colour(self) -> Colour:
        return self.plate_format.colour

    @property
    def rows(self) -> int:
        return self.plate_format.rows

    @property
    def size_mm(self) -> tuple[int, int]:
        return self.plate_format.width_mm, self.plate_format.height_mm


def draw_plate(
    rng: np.random.Generator, kind: PlateKind | None = None, text: str | None = None, px_per_mm: float = 0.4
) -> DrawnPlate:
    """One plate with borders, dot, screws, frame, dirt and varied inks.

    kind: None draws one by KIND_SHARES. text: None draws one of the kind's format; a given text must fit the kind (else
    ValueError). px_per_mm: 0.4 makes a one-row plate 176x56 pixels; plates narrower than 440 mm come as wide.
    """
    plate_format = _pick_format(rng, kind, text)
    drawn = text if text is not None else random_text(rng, plate_format)
    scale = px_per_mm * max(1.0, 440 / plate_format.width_mm)
    alpha = _ink_mask(rng, plate_format, drawn, scale)
    ground, inks = _colours(rng, plate_format, alpha.shape[0], alpha.shape[1], scale)
    image = _compose(alpha, ground, inks, plate_format, scale)
    _add_wear(rng, image, px_per_mm)
    return DrawnPlate(np.clip(image, 0, 255).astype(np.uint8), drawn, plate_format)


def pick_later(rng: np.random.Generator) -> PlateKind | None:
    """For LATER_SHARE of the drawn training plates a kind that only drawings teach, else none."""
    kinds = sorted(FROM_DRAWINGS)
    return kinds[int(rng.integers(len(kinds)))] if rng.random() < LATER_SHARE else None


def random_text(rng: np.random.Generator, plate_format: PlateFormat) -> str:
    """A text of the format: provinces and letters balanced, serials with more digits than letters, as issued."""
    characters = []
    for place in plate_format.places:
        pool = DIGITS if place == SERIAL and rng.random() < 0.55 else place
        characters.append(pool[int(rng.integers(len(pool)))])
    if "O" in plate_format.places[1] and rng.random() < 0.05:
        characters[1] = "O"
    return "".join(characters)


def alike_text(rng: np.random.Generator, plate_format: PlateFormat) -> str:
    """A text of the format, of characters that are taken for one another where the place allows them."""
    characters = list(random_text(rng, plate_format))
    for place, allowed in enumerate(plate_format.places):
        pool = [character for character in LOOK_ALIKES if character in allowed]
        if place > 0 and pool and rng.random() < 0.7:
            characters[place] = pool[int(rng.integers(len(pool)))]
    return "".join(characters)


def _pick_format(rng: np.random.Generator, kind: PlateKind | None, text: str | None) -> PlateFormat:
    if kind is None:
        kinds, shares = _kind_table()
        kind = kinds[min(int(np.searchsorted(shares, rng.random(), side="right")), len(kinds) - 1)]
    fitting = [f for f in FORMATS if f.kind == kind and (text is None or f.fits(text))]
    if not fitting:
        raise ValueError(f"{text!r} does not fit the kind {kind}")
    return fitting[int(rng.integers(len(fitting)))]


@cache
def _kind_table() -> tuple[tuple[PlateKind, ...], NDArray[np.float64]]:
    shares = np.cumsum(list(KIND_SHARES.values()))
    return tuple(KIND_SHARES), shares / shares[-1]


def _mask_of(rng: np.random.Generator, character: str, style: str) -> tuple[str, str]:
    """Style and character of the mask to draw: the wished style where it has the character, else any."""
    glyphs = load_glyphs()
    if character == "O" and rng.random() < 0.5:
        character = "0"
    styles = glyphs.styles_of(character)
    if style in styles:
        return style, character
    return styles[int(rng.integers(len(styles)))], character


@cache
def _scaled(style: str, character: str, width: int, height: int) -> Mask:
    mask = load_glyphs().masks[style][character]
    return np.asarray(cv2.resize(mask, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def _ink_mask(rng: np.random.Generator, plate_format: PlateFormat, text: str, scale: float) -> NDArray[np.float32]:
    """Share of ink per pixel, 0 to 1, with border, dot and a random stroke width."""
    canvas = _border_mask(plate_format.width_mm, plate_format.height_mm, scale, int(rng.integers(3))).copy()
    layout = layout_of(plate_format)
    thin = scale * min(1.0, layout.characters[-1].height / 90)
    style = _pick_style(rng)
    province_style = style if rng.random() < 0.5 else _pick_style(rng)
    for character, box in zip(text, layout.characters, strict=True):
        chosen = _mask_of(rng, character, province_style if ord(character) > 127 else style)
        _stamp(canvas, chosen, box, scale, rng)
    if layout.dot and rng.random() < 0.85:
        centre = (round(layout.dot[0] * scale), round(layout.dot[1] * scale))
        cv2.circle(canvas, centre, max(1, round(5 * thin)), 255, -1, cv2.LINE_AA)
    _add_marks(rng, canvas, plate_format.kind, scale)
    alpha = canvas.astype(np.float32) * (1 / 255.0)
    if rng.random() < 0.6:
        sigma = rng.uniform(1.2, 3.2) * thin
        alpha = cv2.GaussianBlur(alpha, (0, 0), sigma)
        alpha = np.clip((alpha - rng.uniform(0.3, 0.66)) * rng.uniform(2.0, 4.0) + 0.5, 0, 1)
    return np.asarray(alpha, np.float32)


def _add_marks(rng: np.random.Generator, canvas: NDArray[np.uint8], kind: PlateKind, scale: float) -> None:
    """What else is printed: the emblem over the small digits of the old armed police, a temporary plate's last day."""
    if kind == PlateKind.OLD_ARMED_POLICE and rng.random() < 0.8:
        cv2.circle(canvas, (round(127 * scale), round(43 * scale)), round(9 * scale), 200, -1, cv2.LINE_AA)
    if kind == PlateKind.TEMPORARY and rng.random() < 0.8:
        style = _pick_style(rng)
        for place in range(int(rng.integers(8, 13))):
            digit = str(int(rng.integers(10)))
            _stamp(canvas, _mask_of(rng, digit, style), Box(40 + 12 * place, 104, 8, 14), scale, rng)


def _pick_style(rng: np.random.Generator) -> str:
    styles = tuple(load_glyphs().masks)
    if LEARNT in styles and rng.random() < 0.6:
        return LEARNT
    return styles[int(rng.integers(len(styles)))]


def _stamp(
    canvas: NDArray[np.uint8], chosen: tuple[str, str], box: Box, scale: float, rng: np.random.Generator
) -> None:
    stretch = 1.0 + (0.06 * (rng.random() - 0.5))
    width, height = max(round(box.width * scale * stretch), 2), max(round(box.height * scale), 2)
    mask = _scaled(chosen[0], chosen[1], width, height)
    x = int(box.x * scale + rng.random() * 1.2 * 2 * scale + 0.5 - 1.2 * scale)
    y = int(box.y * scale + rng.random() * 2 * scale + 0.5 - scale)
    x, y = min(max(x, 0), canvas.shape[1] - width), min(max(y, 0), canvas.shape[0] - height)
    area = canvas[y : y + height, x : x + width]
    np.maximum(area, mask, out=area)


@cache
def _border_mask(width_mm: int, height_mm: int, scale: float, variant: int) -> NDArray[np.uint8]:
    """A rounded frame line a few mm inside the edge, thin or thick, or none."""
    canvas = np.zeros((round(height_mm * scale), round(width_mm * scale)), np.uint8)
    if variant == 0:
        return canvas
    inset, line = (round(4 * scale), max(1, round((1.5 + variant) * scale)))
    bottom_right = (canvas.shape[1] - 1 - inset, canvas.shape[0] - 1 - inset)
    cv2.rectangle(canvas, (inset, inset), bottom_right, 230, line, cv2.LINE_AA)
    return canvas


_GROUNDS: dict[Colour, tuple[Rgb, Rgb]] = {
    Colour.BLUE: ((20, 70, 170), (245, 245, 245)),
    Colour.YELLOW: ((240, 175, 25), (25, 22, 20)),
    Colour.GREEN: ((90, 195, 120), (20, 25, 20)),
    Colour.WHITE: ((232, 232, 230), (25, 25, 28)),
    Colour.BLACK: ((28, 28, 32), (235, 235, 235)),
}
_WHITE: Rgb = (242, 244, 240)
_OWN_GROUNDS: dict[tuple[PlateKind, Colour], tuple[tuple[Rgb, ...], Rgb]] = {
    (PlateKind.CIVIL_AVIATION, Colour.GREEN): (((20, 120, 75), (40, 150, 110), (70, 170, 165)), _WHITE),
    (PlateKind.AGRICULTURAL, Colour.GREEN): (((15, 95, 60), (40, 125, 80), (80, 125, 105)), _WHITE),
    (PlateKind.TEMPORARY, Colour.WHITE): (((205, 222, 232), (228, 230, 226), (190, 212, 228)), (25, 25, 28)),
    (PlateKind.TEMPORARY, Colour.YELLOW): (((226, 205, 150), (215, 190, 140)), (25, 25, 28)),
}
"""Grounds, one of which is drawn, and ink of kinds that look otherwise than their colour's others."""
_RED: Rgb = (200, 25, 30)


def _colours(
    rng: np.random.Generator, plate_format: PlateFormat, height: int, width: int, scale: float
) -> tuple[NDArray[np.float32], tuple[Rgb, Rgb]]:
    """The ground as float32 (height, width, 3) BGR and the two inks (main, red) in BGR."""
    plain = _GROUNDS[plate_format.colour]
    grounds, ink_rgb = _OWN_GROUNDS.get((plate_format.kind, plate_format.colour), ((plain[0],), plain[1]))
    ground_rgb = grounds[int(rng.integers(len(grounds)))]
    spread = rng.uniform(-22, 22, (3, 3))
    ground_bgr = (np.asarray(ground_rgb) + spread[0])[::-1]
    ground = np.empty((height, width, 3), np.float32)
    ground[:] = ground_bgr
    if plate_format.kind == PlateKind.NEW_ENERGY_SMALL:
        fade = np.linspace(rng.uniform(0.6, 1.0), rng.uniform(-0.2, 0.1), height, dtype=np.float32).clip(0, 1)
        ground += fade[:, None, None] * (np.asarray([240, 245, 240], np.float32) - ground)
    if plate_format.kind == PlateKind.NEW_ENERGY_LARGE:
        yellow = (np.asarray(_GROUNDS[Colour.YELLOW][0]) + spread[1])[::-1]
        ground[:, : round(130 * scale)] = yellow
    ink, red = (tuple(float(v) for v in (np.asarray(rgb) + spread[2])[::-1]) for rgb in (ink_rgb, _RED))
    return ground, ((ink[0], ink[1], ink[2]), (red[0], red[1], red[2]))


_RED_CHARACTERS: dict[PlateKind, slice] = {
    PlateKind.POLICE: slice(6, 7),
    PlateKind.ARMED_POLICE: slice(0, 3),
    PlateKind.ARMED_POLICE_TWO_ROW: slice(0, 3),
    PlateKind.MILITARY: slice(0, 2),
    PlateKind.MILITARY_TWO_ROW: slice(0, 2),
    PlateKind.CONSULATE: slice(6, 7),
    PlateKind.OLD_MILITARY: slice(0, 2),
    PlateKind.OLD_ARMED_POLICE: slice(0, 4),
    PlateKind.EMERGENCY: slice(6, 8),
}


def _compose(
    alpha: NDArray[np.float32],
    ground: NDArray[np.float32],
    inks: tuple[Rgb, Rgb],
    plate_format: PlateFormat,
    scale: float,
) -> NDArray[np.float32]:
    """Ground and ink mixed; the characters that this kind prints in red are red."""
    reds = layout_of(plate_format).characters[_RED_CHARACTERS.get(plate_format.kind, slice(0, 0))]
    if not reds:
        return ground + alpha[:, :, None] * (np.asarray(inks[0], np.float32) - ground)
    ink = np.empty_like(ground)
    ink[:] = inks[0]
    for box in reds:
        rows = slice(int((box.y - 6) * scale), int((box.y + box.height + 6) * scale))
        ink[rows, int((box.x - 4) * scale) : int((box.x + box.width + 4) * scale)] = inks[1]
    return ground + alpha[:, :, None] * (ink - ground)


def _add_wear(rng: np.random.Generator, image: NDArray[np.float32], scale: float) -> None:
    """Screws, a holder that covers the rim, dirt; in place."""
    height, width = image.shape[:2]
    if rng.random() < 0.5:
        tone = rng.uniform(20, 235)
        for share in (0.25, 0.75):
            for y in (0.09, 0.91):
                if rng.random() < 0.6:
                    centre = (round((share + rng.uniform(-0.02, 0.02)) * width), round(y * height))
                    cv2.circle(image, centre, max(1, round(rng.uniform(4, 8) * scale)), (tone, tone, tone), -1)
    if rng.random() < 0.25:
        rim = max(1, round(rng.uniform(2, 9) * scale))
        tone = rng.choice([15.0, 40.0, 180.0, 225.0])
        cv2.rectangle(image, (0, 0), (width - 1, height - 1), (tone, tone, tone), rim)
    if rng.random() < 0.25:
        small = rng.uniform(0, 1, (5, 12)).astype(np.float32)
        dirt = cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)
        cover = np.clip((dirt - rng.uniform(0.55, 0.9)) * 2, 0, 0.8)[:, :, None]
        image += cover * (np.asarray(rng.uniform(40, 150, 3), np.float32) - image)
