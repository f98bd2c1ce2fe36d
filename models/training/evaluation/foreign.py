"""What becomes of drawn plates: of kinds that the reader does not know, and of those learnt from drawings alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from controller.records import Reading
from models.grammar import FROM_DRAWINGS, PlateKind
from models.training.data.scenes import Picture
from models.training.drawing.foreign import KINDS, draw_foreign, scene_of
from models.training.drawing.plates import draw_plate

WIDTHS_PX = (110, 220)
HEADS = ("drawn plates of a kind that is not read", "plates", "found", "comes out as some valid plate", "certain")
LEARNT_HEADS = (
    "drawn plates of a kind learnt from drawings alone",
    "plates",
    "found",
    "read exactly",
    "certain",
    "certain and wrong",
)

Read = Callable[[Picture], Reading]


def drawn_rows(read: Read, per_kind: int, seed: int = 41) -> list[list[Any]]:
    """A line for each unknown kind: plates of so many widths on plain fronts, single pictures."""
    rng = np.random.default_rng(seed)
    rows: list[list[Any]] = []
    for kind in KINDS:
        found = valid = certain = 0
        for _ in range(per_kind):
            plate, _ = draw_foreign(rng, kind)
            reads = read(scene_of(rng, plate, int(rng.integers(*WIDTHS_PX)))).plates
            found += bool(reads)
            valid += any(one.valid for one in reads)
            certain += any(one.certain for one in reads)
        rows.append([kind.name, per_kind, found, valid, certain])
    return rows


def learnt_rows(read: Read, per_kind: int, seed: int = 43) -> list[list[Any]]:
    """The same for kinds that were learnt from drawings alone, drawn anew."""
    rng = np.random.default_rng(seed)
    rows: list[list[Any]] = []
    for kind in (known for known in PlateKind if known in FROM_DRAWINGS):
        found = exact = certain = wrong = 0
        for _ in range(per_kind):
            plate = draw_plate(rng, kind, px_per_mm=0.8)
            reads = read(scene_of(rng, plate.image, int(rng.integers(*WIDTHS_PX)))).plates
            found += bool(reads)
            exact += any(one.text == plate.text for one in reads)
            certain += any(one.certain and one.text == plate.text for one in reads)
            wrong += any(one.certain and one.text != plate.text for one in reads)
        rows.append([str(kind), per_kind, found, exact, certain, wrong])
    return rows
