"""Ways of hiding part of a plate in a real picture, to see whether the reader knows; training has ways of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from models.training.data.scenes import Picture, Scene, ScenePlate

Rng = np.random.Generator
Floats = NDArray[np.float32]
Box = tuple[float, float, float, float]
Way = Callable[[Rng, Picture, ScenePlate], Picture]


def box_of(plate: ScenePlate) -> Box:
    """Left, top, right and bottom of the upright box around a plate."""
    (left, top), (right, bottom) = plate.corners.min(0), plate.corners.max(0)
    return float(left), float(top), float(right), float(bottom)


def around(scene: Scene, plate: ScenePlate) -> Scene:
    """The scene cut to a lane's view of one plate: up to four of its widths to each side, three up and down."""
    left, top, right, bottom = box_of(plate)
    across, down = 4 * (right - left), 3 * (right - left)
    x0, y0 = max(0, int(left - across)), max(0, int(top - down))
    image = np.ascontiguousarray(scene.image[y0 : int(bottom + down) + 1, x0 : int(right + across) + 1])
    moved = np.asarray([x0, y0], np.float32)
    plates = tuple(replace(p, corners=p.corners - moved) for p in scene.plates)
    return replace(scene, image=image, plates=plates, unjudged=tuple(quad - moved for quad in scene.unjudged))


def plain(rng: Rng, image: Picture, plate: ScenePlate) -> Picture:
    return image


def grey(rng: Rng, image: Picture, plate: ScenePlate) -> Picture:
    """As at night under infrared light."""
    return np.asarray(cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR), np.uint8)


def glare(rng: Rng, image: Picture, plate: ScenePlate) -> Picture:
    """Two head lights beside the plate, blooming."""
    left, top, right, _ = box_of(plate)
    width = right - left
    y, x = np.mgrid[: image.shape[0], : image.shape[1]].astype(np.float32)
    lit = image.astype(np.float32)
    for middle in (left - 0.9 * width, right + 0.9 * width):
        away = ((x - middle) ** 2 + (y - (top - 0.3 * width)) ** 2) / (0.9 * width) ** 2
        lit += (520 * np.exp(-1.6 * away))[..., None]
    return np.asarray(np.clip(lit, 0, 255), np.uint8)


def drops(rng: Rng, image: Picture, plate: ScenePlate) -> Picture:
    """Fourteen drops of rain on the lens, around the plate."""
    left, top, right, bottom = box_of(plate)
    width = right - left
    mask = np.zeros(image.shape[:2], np.float32)
    for _ in range(14):
        middle = (int(rng.uniform(left - 0.3 * width, right + 0.3 * width)),)
        point = (middle[0], int(rng.uniform(top - 0.3 * width, bottom + 0.3 * width)))
        cv2.circle(mask, point, max(2, int(rng.uniform(0.03, 0.09) * width)), (1.0,), -1)
    share = cv2.GaussianBlur(mask, (0, 0), 1.2)[..., None]
    smooth = np.clip(cv2.GaussianBlur(image, (0, 0), max(2.0, 0.06 * width)) * 1.15 + 12, 0, 255)
    return np.asarray(image * (1 - share) + smooth * share, np.uint8)


def cut(characters: float, first: bool) -> Way:
    """The picture ends so many characters within the plate."""

    def way(rng: Rng, image: Picture, plate: ScenePlate) -> Picture:
        left, _, right, _ = box_of(plate)
        beyond = characters * (right - left) / 7
        part = image[:, round(left + beyond) :] if first else image[:, : max(16, round(right - beyond))]
        return np.ascontiguousarray(part)

    return way


def sleeve(characters: float, first: bool) -> Way:
    """A sleeve over the first or the last characters, so many of them, and what is beside."""

    def way(rng: Rng, image: Picture, plate: ScenePlate) -> Picture:
        left, _, right, _ = box_of(plate)
        width = right - left
        over = characters * width / len(plate.text)
        span = (left - 0.35 * width, left + over) if first else (right - over, right + 0.35 * width)
        return _cloth(rng, image, plate, span, rng.uniform(25, 200))

    return way


def pole(place: int | None, wide: float) -> Way:
    """A pole in front of one character, place counted from the left, None any; `wide` characters across."""

    def way(rng: Rng, image: Picture, plate: ScenePlate) -> Picture:
        left, _, right, _ = box_of(plate)
        one = (right - left) / len(plate.text)
        at = int(rng.integers(len(plate.text))) if place is None else place
        middle = left + (at + 0.5 + rng.uniform(-0.2, 0.2)) * one
        return _cloth(rng, image, plate, (middle - wide * one / 2, middle + wide * one / 2), rng.uniform(25, 230))

    return way


def bumper(share: float, upper: bool) -> Way:
    """A bumper, a tow bar or a spoiler over this share of the plate's height, from above or from below."""

    def way(rng: Rng, image: Picture, plate: ScenePlate) -> Picture:
        left, top, right, bottom = box_of(plate)
        width, over = right - left, share * (bottom - top)
        rows = (top - 0.8 * (bottom - top), top + over) if upper else (bottom - over, bottom + 0.8 * (bottom - top))
        return _laid(rng, image, (left - 0.3 * width, right + 0.3 * width), rows, rng.uniform(20, 220))

    return way


def chain(least: float, most: float) -> Way:
    """A chain, a rope or a thin post in front of the plate, this wide in characters, leaning a little."""

    def way(rng: Rng, image: Picture, plate: ScenePlate) -> Picture:
        left, top, right, bottom = box_of(plate)
        one, height = (right - left) / len(plate.text), bottom - top
        middle, lean, wide = rng.uniform(left, right), rng.uniform(-0.5, 0.5) * one, rng.uniform(least, most) * one
        quad = [[middle - lean, top - 3 * height], [middle - lean + wide, top - 3 * height]]
        quad += [[middle + lean + wide, bottom + 3 * height], [middle + lean, bottom + 3 * height]]
        hidden = image.copy()
        tone = rng.uniform(25, 220)
        cv2.fillPoly(hidden, [np.asarray(quad).round().astype(np.int32)], (tone, tone, tone), cv2.LINE_AA)
        return hidden

    return way


def bow(upper: bool) -> Way:
    """A bumper or a bar with a bent edge over a tenth to four tenths of the plate's height."""
    return lambda rng, image, plate: _surfaced(rng, image, plate, _bent(rng, box_of(plate), upper))


def _bent(rng: Rng, box: Box, upper: bool) -> list[tuple[float, float]]:
    left, top, right, bottom = box
    width, height = right - left, bottom - top
    across = np.linspace(-1.1, 1.1, 25)
    bend = rng.normal(0, 0.04) * width * across + rng.normal(0, 0.04) * height * (4 * across**2 - 1)
    deep, beyond = rng.uniform(0.1, 0.42) * height, rng.uniform(0.3, 2) * height
    edge, far = (top + deep, top - beyond) if upper else (bottom - deep, bottom + beyond)
    x = (left + right) / 2 + width * across
    return [*zip(x, edge + bend, strict=True), (x[-1], far), (x[0], far)]


def cable(rng: Rng, image: Picture, plate: ScenePlate) -> Picture:
    """A cable in a bow before some character, a fiftieth to a twentieth of the plate wide."""
    left, top, right, bottom = box_of(plate)
    width, height = right - left, bottom - top
    y, share = np.linspace(top - 4 * height, bottom + 4 * height, 30), np.linspace(-1, 1, 30)
    x = rng.uniform(left, right) + rng.normal(0, 0.15) * width * share + rng.uniform(-0.1, 0.1) * width * share**2
    wide = max(1.0, rng.uniform(0.02, 0.05) * width)
    return _surfaced(rng, image, plate, [*zip(x, y, strict=True), *zip(x[::-1] + wide, y[::-1], strict=True)])


def cord(rng: Rng, image: Picture, plate: ScenePlate) -> Picture:
    """A cord or a thin bar along the row, askew."""
    left, top, right, bottom = box_of(plate)
    width, height = right - left, bottom - top
    middle, lean = rng.uniform(top + 0.05 * height, bottom - 0.05 * height), rng.normal(0, 0.08) * width
    thick, x0, x1 = max(1.0, rng.uniform(0.05, 0.14) * height), left - 0.7 * width, right + 0.7 * width
    upper, lower = middle - thick / 2, middle + thick / 2
    return _surfaced(
        rng, image, plate, [(x0, upper - lean), (x1, upper + lean), (x1, lower + lean), (x0, lower - lean)]
    )


def spots(rng: Rng, image: Picture, plate: ScenePlate) -> Picture:
    """Up to three round spots: mud, stickers, screws that are too large."""
    for _ in range(int(rng.integers(1, 4))):
        image = _surfaced(rng, image, plate, _spot(rng, plate))
    return image


def _spot(rng: Rng, plate: ScenePlate) -> list[tuple[float, float]]:
    left, top, right, bottom = box_of(plate)
    turn = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    x, y = rng.uniform(left, right), rng.choice([top, bottom, rng.uniform(top, bottom)])
    wide, high = rng.uniform(0.03, 0.09) * (right - left), rng.uniform(0.1, 0.35) * (bottom - top)
    return [*zip(x + wide * np.cos(turn), y + high * np.sin(turn), strict=True)]


def strip(rng: Rng, image: Picture, plate: ScenePlate) -> Picture:
    """A tape, a strap or a post over a quarter to seven tenths of one character and the gap on that side of it."""
    left, top, one, height = _character(rng, plate)
    wide, gap, lean = rng.uniform(0.25, 0.7) * one, rng.uniform(0, 0.2) * one, rng.normal(0, 0.03) * one
    x0, x1 = (left - gap, left + wide) if rng.random() < 0.5 else (left + one - wide, left + one + gap)
    y0, y1 = top - rng.uniform(-0.1, 0.5) * height, top + rng.uniform(0.9, 1.5) * height
    return _surfaced(rng, image, plate, [(x0 + lean, y0), (x1 + lean, y0), (x1 - lean, y1), (x0 - lean, y1)])


def sticker(rng: Rng, image: Picture, plate: ScenePlate) -> Picture:
    """A sticker over the upper or the lower part of one character, or a quarter of it."""
    left, top, one, height = _character(rng, plate)
    deep, wide = rng.uniform(0.3, 0.65) * height, rng.uniform(0.5, 1.1) * one
    x0 = left + rng.uniform(-0.1, 1.05) * one - (wide if rng.random() < 0.5 else 0)
    y0, y1 = (top - 0.05 * height, top + deep) if rng.random() < 0.5 else (top + height - deep, top + 1.05 * height)
    return _surfaced(rng, image, plate, [(x0, y0), (x0 + wide, y0), (x0 + wide, y1), (x0, y1)])


def _character(rng: Rng, plate: ScenePlate) -> Box:
    """Left and top of one of the characters, about, its width and the plate's height."""
    left, top, right, bottom = box_of(plate)
    one = (right - left) / len(plate.text)
    return left + int(rng.integers(len(plate.text))) * one, top, one, bottom - top


def far(way: Way) -> Way:
    """The same, with the plate only 60 to 110 px wide in the picture."""

    def smaller(rng: Rng, image: Picture, plate: ScenePlate) -> Picture:
        left, _, right, _ = box_of(plate)
        hidden, scale = way(rng, image, plate), min(1.0, rng.uniform(60, 110) / (right - left))
        return np.asarray(cv2.resize(hidden, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)

    return smaller


def _surfaced(rng: Rng, image: Picture, plate: ScenePlate, outline: list[tuple[float, float]]) -> Picture:
    """The picture with something rough over an outline: grey, coloured or as bright as the plate, ribbed or not."""
    _, top, _, bottom = box_of(plate)
    laid = np.tile(_tone(rng, image, plate), (*image.shape[:2], 1)) + _roughness(rng, image)
    if rng.random() < 0.5:
        laid += _ribs(rng, image, bottom - top)
    share = _softly_filled(rng, image, outline)
    return np.asarray(np.clip(image * (1 - share) + laid * share, 0, 255), np.uint8)


def _softly_filled(rng: Rng, image: Picture, outline: list[tuple[float, float]]) -> Floats:
    mask = np.zeros(image.shape[:2], np.uint8)
    cv2.fillPoly(mask, [np.asarray(outline).round().astype(np.int32)], (255,), cv2.LINE_AA)
    return np.asarray(cv2.GaussianBlur(mask, (0, 0), rng.uniform(0.4, 1.1))[..., None] / 255, np.float32)


def _tone(rng: Rng, image: Picture, plate: ScenePlate) -> Floats:
    """BGR: of the plate, of what is below it, some grey or some colour."""
    choice, grey = rng.random(), np.full(3, rng.uniform(10, 235)) + rng.normal(0, 6, 3)
    if choice < 0.4:
        return _seen(image, plate, rng.random(), 0.5 if choice < 0.2 else 2.0) + np.float32(rng.normal(0, 8))
    return np.asarray(grey if choice < 0.8 else rng.uniform(0, 255, 3), np.float32)


def _seen(image: Picture, plate: ScenePlate, across: float, down: float) -> Floats:
    """The picture's colour at a place given in shares of the plate's width and height."""
    left, top, right, bottom = box_of(plate)
    x = np.clip(left + across * (right - left), 0, image.shape[1] - 1)
    y = np.clip(top + down * (bottom - top), 0, image.shape[0] - 1)
    return np.asarray(image[int(y), int(x)], np.float32)


def _ribs(rng: Rng, image: Picture, tall: float) -> Floats:
    rows = np.arange(image.shape[0]) / max(tall, 1.0) * rng.uniform(1, 6)
    return np.asarray(np.sin(rows)[:, None, None] * rng.uniform(5, 40), np.float32)


def _roughness(rng: Rng, image: Picture) -> Floats:
    rough = rng.standard_normal(image.shape[:2], np.float32) * np.float32(rng.uniform(2, 25))
    return np.asarray(cv2.GaussianBlur(rough, (0, 0), rng.uniform(0.6, 2))[..., None], np.float32)


def _cloth(rng: Rng, image: Picture, plate: ScenePlate, span: tuple[float, float], tone: float) -> Picture:
    _, top, _, bottom = box_of(plate)
    return _laid(rng, image, span, (top - 2.5 * (bottom - top), bottom + 2.5 * (bottom - top)), tone)


def _laid(rng: Rng, image: Picture, columns: tuple[float, float], rows: tuple[float, float], tone: float) -> Picture:
    """The picture with something rough of one tone over a rectangle."""
    x0, x1 = (int(np.clip(x, 0, image.shape[1])) for x in columns)
    y0, y1 = (int(np.clip(y, 0, image.shape[0])) for y in rows)
    hidden = image.copy()
    if x1 > x0 and y1 > y0:
        rough: NDArray[np.float32] = rng.normal(tone, 14, (y1 - y0, x1 - x0, 1)).astype(np.float32)
        hidden[y0:y1, x0:x1] = np.clip(cv2.GaussianBlur(np.repeat(rough, 3, 2), (0, 0), 1.5), 0, 255)
    return hidden


WAYS: dict[str, Way] = {
    "as they are": plain,
    "grey": grey,
    "glare": glare,
    "drops": drops,
    "cut left, 1 character": cut(1, True),
    "cut left, half": cut(0.5, True),
    "cut right, 1 character": cut(1, False),
    "cut right, half": cut(0.5, False),
    "first behind a sleeve": sleeve(1.02, True),
    "two thirds of the first": sleeve(0.67, True),
    "half of the first": sleeve(0.45, True),
    "last behind a sleeve": sleeve(1.02, False),
    "half of the last": sleeve(0.5, False),
    "pole before the first": pole(0, 0.7),
    "pole before any": pole(None, 0.8),
    "chain before any": chain(0.12, 0.35),
    "bumper over the upper 22 %": bumper(0.22, True),
    "bumper over the upper 30 %": bumper(0.3, True),
    "bumper over the upper 40 %": bumper(0.4, True),
    "bumper over the lower 22 %": bumper(0.22, False),
    "bumper over the lower 30 %": bumper(0.3, False),
    "bent bar above": bow(True),
    "bent bar below": bow(False),
    "cable before any": cable,
    "cord along the row": cord,
    "round spots": spots,
    "strip over part of one": strip,
    "strip, plate 60 to 110 px": far(strip),
    "sticker on part of one": sticker,
    "sticker, plate 60 to 110 px": far(sticker),
}
