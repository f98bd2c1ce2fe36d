"""Simulated visits of crops, as the second recogniser is judged on them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np

from controller.records import CharacterRead, Colour, PlateRead, Reading
from models.grammar import ALPHABET
from models.second_opinion import CLASSES, HIDDEN
from models.training.commands.visits import visit_table
from models.training.data.realdata import RealCrop
from models.training.evaluation.opinion import Case, heard_visits, rows_of, visit_rows

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


def agreeing(hidden: float) -> np.ndarray:
    """The plate's text, so far as it is not hidden."""
    shares = np.zeros((8, CLASSES), np.float32)
    shares[:, HIDDEN] = hidden
    for place in range(8):
        shares[place, 1 + ALPHABET.index(TEXT[place]) if place < len(TEXT) else 0] = 1 - hidden
    return shares


def answered(hidden: float) -> dict[str, Any]:
    knowing = cast(Any, Knowing(agreeing(hidden)))
    crop = RealCrop(np.full((44, 139, 3), 90, np.uint8), TEXT, "easypr")
    (row,) = visit_rows(heard_visits(knowing, knowing, [crop], []))
    return row


def test_a_crop_that_nobody_had_to_find_is_believed_as_if_it_had_been_found() -> None:
    """Its close-up's network is not sure of a plate without surroundings; the lane's bound is for finds."""
    assert (answered(0.1)["answered_before"], answered(0.1)["answered"]) == (1, 1)


def test_what_the_second_recogniser_clears_counts() -> None:
    """A picture little like drawn characters, which both networks read alike: without the second it stays in doubt."""
    doubted = replace(PLATE, doubts=("covered", "spacing"))
    case = Case("crops", TEXT, doubted, True, agreeing(0.0))
    assert rows_of([case]) == [{"group": "crops", "wrong_before": 0, "wrong": 0, "right_before": 0, "right": 1}]
    assert rows_of([replace(case, shares=agreeing(0.3))])[0]["right"] == 0


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
