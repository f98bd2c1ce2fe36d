"""Draws things on vehicles and in pictures that are not plates, as like to plates as such things come."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from models.glyphs import LEARNT, load_glyphs
from models.grammar import DIGITS, PROVINCES, SERIAL_LETTERS, is_valid
from models.training.drawing.lettering import CHINESE_TEXTS, load

Image = NDArray[np.uint8]
Mask = NDArray[np.uint8]
Rng = np.random.Generator

CHARACTER_PX = 40
_MARKS = {"-": (0.46, 0.54, 0.15, 0.85), ".": (0.84, 1.0, 0.35, 0.65), "/": None, ":": None, " ": None}
"""Bars as shares of a character's box (top, bottom, left, right) for what the glyphs lack."""

ORANGE, YELLOW, WHITE, BLUE, GREEN, BLACK, RED = (
    (30, 130, 250),
    (30, 190, 240),
    (238, 238, 238),
    (170, 80, 20),
    (90, 150, 60),
    (30, 30, 30),
    (40, 40, 200),
)


@dataclass(frozen=True)
class Nuisance:
    """One board or lettering: BGR image, its ink where only that is pasted (255 opaque) else None, and what it is.

    width_mm: about how wide it is beside a plate of 440 mm. burnt: part of the picture itself, upright and unlit.
    """

    image: Image
    alpha: Mask | None
    kind: str
    width_mm: float
    burnt: bool = False


def line_of(rng: Rng, words: str, style: str | None = None) -> Mask:
    """A line of characters as a mask (CHARACTER_PX high), 255 where there is ink."""
    glyphs = load_glyphs()
    styles = [name for name in glyphs.masks if name != LEARNT]
    chosen = style or styles[int(rng.integers(len(styles)))]
    gap = int(rng.integers(2, 9))
    pieces = []
    for character in words:
        if character in _MARKS:
            mask = _mark(character)
        else:
            wide = round(CHARACTER_PX * (0.95 if ord(character) > 127 else rng.uniform(0.48, 0.55)))
            mask = np.asarray(
                cv2.resize(glyphs.masks[chosen][character], (wide, CHARACTER_PX), interpolation=cv2.INTER_AREA)
            )
        pieces.append(np.pad(mask, ((0, 0), (gap // 2, gap - gap // 2))))
    return np.asarray(np.hstack(pieces), np.uint8)


def _mark(character: str) -> Mask:
    mask = np.zeros((CHARACTER_PX, CHARACTER_PX // 3), np.uint8)
    box = _MARKS[character]
    if character == ":":
        for middle in (0.3, 0.75):
            cv2.circle(mask, (CHARACTER_PX // 6, round(middle * CHARACTER_PX)), 3, 255, -1)
    elif character == "/":
        cv2.line(mask, (2, CHARACTER_PX - 2), (CHARACTER_PX // 3 - 2, 2), 255, 3)
    elif box is not None:
        top, bottom, left, right = (round(share * CHARACTER_PX) for share in box)
        mask[top:bottom, left // 3 : right // 3] = 255
    return mask


def written(phrase: str) -> Mask:
    """A phrase of scenes_lettering at CHARACTER_PX."""
    mask = load()[CHINESE_TEXTS.index(phrase)]
    wide = round(mask.shape[1] * CHARACTER_PX / mask.shape[0])
    return np.asarray(cv2.resize(mask, (wide, CHARACTER_PX), interpolation=cv2.INTER_AREA), np.uint8)


def digits(rng: Rng, count: int) -> str:
    return "".join(DIGITS[int(rng.integers(10))] for _ in range(count))


def danger_board(rng: Rng) -> Nuisance:
    """The orange board of dangerous goods: hazard number above substance number, or empty of the first."""
    numbers = [digits(rng, int(rng.integers(2, 4))), digits(rng, 4)][int(rng.random() < 0.2) :]
    rows = [line_of(rng, number) for number in numbers]
    width = max(row.shape[1] for row in rows) + 24
    padded = [np.pad(row, ((8, 8), ((width - row.shape[1]) // 2, -(-(width - row.shape[1]) // 2)))) for row in rows]
    image = _painted(np.vstack(padded), ORANGE, BLACK)
    for row in range(1, len(rows)):
        cv2.line(image, (0, row * (CHARACTER_PX + 16)), (width, row * (CHARACTER_PX + 16)), BLACK, 3)
    cv2.rectangle(image, (0, 0), (image.shape[1] - 1, image.shape[0] - 1), BLACK, 4)
    return Nuisance(image, None, "danger board", 400)


def danger_lettering(rng: Rng) -> Nuisance:
    """危险品, 爆 and their like on a board, now and then with a class number."""
    phrases = ("危险品", "危险", "易燃液体", "腐蚀", "毒", "爆", "禁止烟火", "严禁超载")
    mask = written(phrases[int(rng.integers(len(phrases)))])
    if rng.random() < 0.4:
        mask = np.hstack([mask, line_of(rng, f" {digits(rng, int(rng.integers(1, 5)))}")])
    ground, ink = ((YELLOW, RED), (YELLOW, BLACK), (WHITE, RED), (RED, WHITE))[int(rng.integers(4))]
    return Nuisance(_board(rng, mask, ground, ink), None, "danger lettering", float(rng.uniform(400, 1200)))


def phone_number(rng: Rng) -> Nuisance:
    """A telephone number on a door or a board: mobile, local, or free of charge."""
    number = (
        f"1{digits(rng, 10)}",
        f"{digits(rng, 4)} {digits(rng, 4)}",
        f"0{digits(rng, 3)}-{digits(rng, 7)}",
        f"400-{digits(rng, 3)}-{digits(rng, 4)}",
        digits(rng, 7),
    )[int(rng.integers(5))]
    return _on_the_body(rng, line_of(rng, number), "phone number", float(rng.uniform(350, 1600)))


def company_name(rng: Rng) -> Nuisance:
    """A haulier's name, often with a fleet number."""
    names = ("物流", "顺丰速运", "中通快递", "德邦物流", "苏运集团", "江苏快运", "中国石油", "货运", "校车", "工程车")
    mask = written(names[int(rng.integers(len(names)))])
    if rng.random() < 0.6:
        fleet = f" {SERIAL_LETTERS[int(rng.integers(24))]}{digits(rng, int(rng.integers(2, 6)))}"
        mask = np.hstack([mask, line_of(rng, fleet)])
    return _on_the_body(rng, mask, "company name", float(rng.uniform(500, 2400)))


def fleet_number(rng: Rng) -> Nuisance:
    """A province character and a few characters that make no plate: too short, too long, or digits alone."""
    words = (
        PROVINCES[int(rng.integers(len(PROVINCES)))]
        + (
            digits(rng, int(rng.integers(3, 6))),
            f"{SERIAL_LETTERS[int(rng.integers(24))]} {digits(rng, 3)}",
            digits(rng, 8),
            f"{digits(rng, 2)}-{digits(rng, 4)}",
        )[int(rng.integers(4))]
    )
    assert not is_valid(words)
    return _on_the_body(rng, line_of(rng, words), "fleet number", float(rng.uniform(350, 900)))


def badge(rng: Rng) -> Nuisance:
    """A model's name in chrome: a letter or two and a few digits."""
    letters = "".join(SERIAL_LETTERS[int(rng.integers(24))] for _ in range(int(rng.integers(1, 4))))
    words = (
        f"{letters}{digits(rng, int(rng.integers(1, 4)))}",
        f"{digits(rng, 1)}.{digits(rng, 1)}{letters}",
        f"{digits(rng, 3)}{letters[0]}",
    )[int(rng.integers(3))]
    mask = line_of(rng, words)
    shade = float(rng.uniform(150, 235))
    return Nuisance(_painted(mask, (shade,) * 3, (shade,) * 3), mask, "badge", float(rng.uniform(90, 260)))


def clock(rng: Rng) -> Nuisance:
    """Date, time or a camera's name burnt into the picture, with or without a dark bar."""
    date = f"20{digits(rng, 2)}-0{digits(rng, 1)}-1{digits(rng, 1)}"
    time = f"1{digits(rng, 1)}:{digits(rng, 2)}:{digits(rng, 2)}"
    words = (
        f"{date} {time}",
        time,
        date.replace("-", "/"),
        f"CAM{digits(rng, 2)}",
        f"CH-0{digits(rng, 1)} {time}",
        f"LANE {digits(rng, 2)}",
        digits(rng, int(rng.integers(7, 9))),
    )[int(rng.integers(7))]
    mask = np.pad(line_of(rng, words), 6)
    ink = (WHITE, YELLOW, GREEN)[int(rng.integers(3))]
    bar = rng.random() < 0.5
    outline = np.asarray(cv2.dilate(mask, np.ones((5, 5), np.uint8)), np.uint8)
    return Nuisance(_painted(mask, BLACK, ink), None if bar else outline, "clock or caption", 0.0, burnt=True)


KINDS: tuple[Callable[[Rng], Nuisance], ...] = (
    danger_board,
    danger_lettering,
    phone_number,
    company_name,
    fleet_number,
    badge,
    clock,
)


def draw_nuisance(rng: Rng) -> Nuisance:
    """One of any kind."""
    return KINDS[int(rng.integers(len(KINDS)))](rng)


def _on_the_body(rng: Rng, mask: Mask, kind: str, width_mm: float) -> Nuisance:
    """Painted on a board of its own, plate colours among them, or straight onto the vehicle."""
    if rng.random() < 0.6:
        pairs = ((BLUE, WHITE), (YELLOW, BLACK), (WHITE, BLACK), (WHITE, RED), (GREEN, WHITE), (BLACK, WHITE))
        ground, ink = pairs[int(rng.integers(len(pairs)))]
        return Nuisance(_board(rng, mask, ground, ink), None, kind, width_mm)
    ink = (WHITE, RED, BLACK, YELLOW)[int(rng.integers(4))]
    return Nuisance(_painted(mask, ink, ink), mask, kind, width_mm)


def _board(rng: Rng, mask: Mask, ground: tuple[float, ...], ink: tuple[float, ...]) -> Image:
    pad = int(rng.integers(5, 16))
    image = _painted(np.pad(mask, ((pad, pad), (pad, pad))), ground, ink)
    if rng.random() < 0.5:
        cv2.rectangle(image, (2, 2), (image.shape[1] - 3, image.shape[0] - 3), ink, 2)
    return image


def _painted(mask: Mask, ground: tuple[float, ...], ink: tuple[float, ...]) -> Image:
    share = mask[:, :, None] / 255.0
    return np.asarray(share * np.asarray(ink) + (1 - share) * np.asarray(ground), np.uint8)
