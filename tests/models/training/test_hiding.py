"""Ways of hiding part of a plate: over part of one character only, and in pictures in which the plate is small."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from controller.records import CharacterRead, Colour, PlateRead
from models.training.data.scenes import Scene, ScenePlate
from models.training.evaluation.hiding import WAYS, around, far, sticker, strip
from models.training.evaluation.opinion import scene_cases

TEXT = "皖A12345"
CORNERS = np.asarray([[200, 150], [410, 150], [410, 216], [200, 216]], np.float32)
PLATE = ScenePlate(TEXT, CORNERS, "blue", 1, main=True)
ONE = 30
"""Width of one character with its gap."""


def picture() -> np.ndarray:
    return np.random.default_rng(1).integers(60, 120, (400, 600, 3)).astype(np.uint8)


@pytest.mark.parametrize("way", [strip, sticker])
def test_a_strip_or_sticker_lies_over_one_character_and_hardly_beside_it(way: Any) -> None:
    rng, before, covered = np.random.default_rng(2), picture(), []
    for _ in range(40):
        columns = np.flatnonzero((way(rng, before, PLATE) != before).any(2)[150:216].any(0))
        covered.append(np.ptp(columns))
        assert columns.min() > 200 - ONE
        assert columns.max() < 410 + ONE
    assert max(covered) < 2 * ONE


def test_a_plate_far_away_is_60_to_110_px_wide_and_one_that_is_so_already_is_not_enlarged() -> None:
    rng, before = np.random.default_rng(3), picture()
    for _ in range(20):
        shown = far(strip)(rng, before, PLATE)
        assert 60 <= 210 * shown.shape[1] / before.shape[1] <= 111
    small = replace(PLATE, corners=CORNERS * np.float32(0.2))
    assert far(strip)(rng, before, small).shape == before.shape


class HalfAsLarge:
    """Stands for reader and recorder: reads the scene's plate where it lies in a picture of half the size."""

    def __init__(self, corners: np.ndarray) -> None:
        a, b, c, d = ((float(x), float(y)) for x, y in corners / 2)
        characters = tuple(CharacterRead(character, 0.999) for character in TEXT)
        self.plate = PlateRead(characters, (a, b, c, d), Colour.BLUE, "blue", 1, 0.9)

    def read(self, image: object) -> None:
        pass

    def taken(self) -> list[tuple[PlateRead, np.ndarray]]:
        return [(self.plate, np.zeros(0))]


def test_a_read_in_the_smaller_picture_is_judged_by_the_plate_that_lies_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(WAYS, "half as large", lambda rng, image, plate: image[::2, ::2].copy())
    scene = Scene(Path("x.jpg"), picture(), (PLATE,))
    reads = cast(Any, HalfAsLarge(around(scene, PLATE).plates[0].corners))
    (case,) = scene_cases(reads, reads, [scene], ["half as large"])
    assert case.right
