"""Several frames of one standing plate as one picture: laid on each other, averaged, and read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np
import pytest

from controller.records import CharacterRead, Colour, Corners, PlateRead
from models.build import build_reader
from models.detector import Detection
from models.fusion import FEWEST, fused
from models.grammar import PlateKind
from models.reader import OnDeviceReader, Picture
from models.rectify import rectify
from models.training.drawing.plates import draw_plate

TEXT = "川AM1186"
View = tuple[Picture, Corners]


def view(
    rng: np.random.Generator, text: str = TEXT, noise: float = 30.0, width: float = 75.0, off: float = 1.0
) -> View:
    """A frame in which the plate stands, with sensor noise; it has moved, and corners were found, by `off` pixels."""
    drawn = draw_plate(np.random.default_rng(6), PlateKind.BLUE, text).image
    height, across = drawn.shape[:2]
    left, top = 60 + off * rng.uniform(-4, 4), 50 + off * rng.uniform(-4, 4)
    tall = width * height / across
    plate = np.array([[left, top], [left + width, top], [left + width, top + tall], [left, top + tall]], np.float32)
    flat = np.array([[0, 0], [across, 0], [across, height], [0, height]], np.float32) - np.float32(0.5)
    small = cv2.GaussianBlur(drawn, (0, 0), 0.4 * across / width)
    ground = np.full((140, 200, 3), 90, np.uint8)
    matrix = cv2.getPerspectiveTransform(flat, plate)
    cv2.warpPerspective(small, matrix, (200, 140), dst=ground, borderMode=cv2.BORDER_TRANSPARENT)
    noisy = np.clip(ground + rng.normal(0, noise, ground.shape), 0, 255).astype(np.uint8)
    a, b, c, d = ((float(x), float(y)) for x, y in plate + off * rng.normal(0, 0.7, (4, 2)))
    return noisy, (a, b, c, d)


def views(count: int, text: str = TEXT) -> list[View]:
    rng = np.random.default_rng(3)
    return [view(rng, text) for _ in range(count)]


def read_as(text: str, corners: Corners, *doubts: str) -> PlateRead:
    return PlateRead(tuple(CharacterRead(c, 0.9) for c in text), corners, Colour.BLUE, "blue", 1, 0.9, doubts)


class Fixed:
    """A recogniser that reads one text."""

    def __init__(self, text: str) -> None:
        self.text = text

    def read(self, strips: Sequence[Picture]) -> list[tuple[CharacterRead, ...]]:
        return [tuple(CharacterRead(character, 0.99) for character in self.text) for _ in strips]


class Nowhere:
    def detect(self, image: Picture) -> list[Detection]:
        return []


def test_the_mean_is_nearer_to_the_plate_than_any_of_its_frames() -> None:
    rng = np.random.default_rng(3)
    moving = [view(rng, off=1.0) for _ in range(5)]
    newest, clean = view(rng, off=0.0), view(rng, noise=0.0, off=0.0)
    one = fused([*moving, newest], 1)
    assert one is not None
    assert one.frames == 6
    truth = rectify(*clean, 1).astype(float)
    single = np.abs(rectify(*newest, 1) - truth).mean()
    assert np.abs(rectify(one.picture, one.corners, 1) - truth).mean() < 0.6 * single


def test_too_few_frames_or_another_plate_are_not_one() -> None:
    assert fused(views(FEWEST - 1), 1) is None
    assert fused([*views(5, "粤B52PQ7"), *views(2)], 1) is None


def test_shipped_networks_tell_together_what_hardly_a_frame_tells() -> None:
    reader = build_reader()
    rng = np.random.default_rng(9)
    seen = [view(rng, noise=45.0, width=68.0) for _ in range(6)]
    alone = [reader.read_together([(p, read_as(TEXT, at))] * FEWEST) for p, at in seen]
    assert sum(read is not None and read.certain for read in alone) <= 2
    together = reader.read_together([(picture, read_as(TEXT, at)) for picture, at in seen])
    assert together is not None
    assert (together.text, together.certain, together.frames >= FEWEST) == (TEXT, True, True)
    assert together.corners == seen[-1][1]


@pytest.mark.parametrize(("doubt", "stays"), [("hidden", True), ("vetoed", True), ("edge", True), ("covered", False)])
def test_noise_is_cleared_and_what_may_hide_something_is_not(doubt: str, stays: bool) -> None:
    reader = OnDeviceReader(Nowhere(), Fixed(TEXT), "")  # type: ignore[arg-type]
    seen = [(picture, read_as(TEXT, at)) for picture, at in views(6)]
    together = reader.read_together([*seen[:-1], (seen[-1][0], replace(seen[-1][1], doubts=(doubt,)))])
    assert together is not None
    assert (doubt in together.doubts) is stays


def test_another_text_is_not_made() -> None:
    reader = OnDeviceReader(Nowhere(), Fixed("川AM1188"), "")  # type: ignore[arg-type]
    assert reader.read_together([(picture, read_as(TEXT, at)) for picture, at in views(6)]) is None


@pytest.mark.parametrize("bad", [float("nan"), 0.0])
def test_corners_without_area_are_not_read_together(bad: float) -> None:
    reader = OnDeviceReader(Nowhere(), Fixed(TEXT), "")  # type: ignore[arg-type]
    seen = [(picture, read_as(TEXT, at)) for picture, at in views(6)]
    nowhere = replace(seen[2][1], corners=((bad, bad),) * 4)
    assert reader.read_together([*seen[:2], (seen[2][0], nowhere), *seen[3:]]) is None


def test_what_is_kept_of_a_frame_is_read_as_the_frame_is() -> None:
    reader = OnDeviceReader(Nowhere(), Fixed(TEXT), "")  # type: ignore[arg-type]
    picture, at = views(1)[0]
    frame = cv2.copyMakeBorder(picture, 300, 500, 400, 700, cv2.BORDER_CONSTANT)
    a, b, c, d = ((x + 400, y + 300) for x, y in at)
    part, shown = reader.cut_out(frame, read_as(TEXT, (a, b, c, d)))
    assert part.size < 0.3 * frame.size
    kept, whole = rectify(part, shown.corners, 1).astype(int), rectify(picture, at, 1).astype(int)
    assert np.abs(kept - whole).max() <= 4
