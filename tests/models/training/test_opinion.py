"""Simulated visits of crops, as the second recogniser is judged on them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from controller.records import CharacterRead, Colour, PlateRead, Reading
from models.second_opinion import CLASSES, HIDDEN
from models.training.commands.visits import visit_table
from models.training.data.realdata import RealCrop
from models.training.evaluation.opinion import heard_visits, visit_rows

TEXT = "皖A12345"
PLATE = PlateRead(
    tuple(CharacterRead(character, 0.9999) for character in TEXT),
    ((0.0, 0.0), (139.0, 0.0), (139.0, 44.0), (0.0, 44.0)),
    Colour.BLUE,
    "blue",
    1,
    detection=0.01,
)


@dataclass
class Knowing:
    """Stands for reader and recorder: reads the same plate each time, and hears the same of it."""

    shares: np.ndarray

    def read_crop(self, image: object) -> Reading:
        return Reading((PLATE,), {})

    def taken(self) -> list[tuple[PlateRead, np.ndarray]]:
        return [(PLATE, self.shares)]


def answered(hidden: float) -> dict[str, Any]:
    shares = np.zeros((8, CLASSES), np.float32)
    shares[:, HIDDEN] = hidden
    shares[:, 0] = 1 - hidden
    knowing = cast(Any, Knowing(shares))
    crop = RealCrop(np.full((44, 139, 3), 90, np.uint8), TEXT, "easypr")
    (row,) = visit_rows(heard_visits(knowing, knowing, [crop], []), veto=2.0)
    return row


def test_a_crop_that_nobody_had_to_find_is_believed_as_if_it_had_been_found() -> None:
    """Its close-up's network is not sure of a plate without surroundings; the lane's bound is for finds."""
    assert (answered(0.1)["answered_before"], answered(0.1)["answered"]) == (1, 1)


def test_the_second_recogniser_still_objects_to_it() -> None:
    assert (answered(0.9)["answered_before"], answered(0.9)["answered"]) == (1, 0)


def test_visits_are_told_with_what_their_number_leaves_open() -> None:
    rows = [
        {"group": "crops", "visits": 10, "answered_before": 9, "answered": 6, "wrong_before": 0, "wrong": 0},
        {"group": "photos", "visits": 10, "answered_before": 9, "answered": 9, "wrong_before": 1, "wrong": 1},
    ]
    crops, photos, every = visit_table(rows).splitlines()[2:]
    assert crops == "| crops | 10 | 6 | 60.0 % | 0 | 500 in 1,000 | 9 | 0 |"
    assert photos == "| photos | 10 | 9 | 90.0 % | 1 |  | 9 | 1 |"
    assert every == "| all | 20 | 15 | 75.0 % | 1 |  | 18 | 1 |"
