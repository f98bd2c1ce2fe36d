"""What becomes of plates of unknown kinds: how many end as some valid plate, and how many of these are certain."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from controller.records import Reading
from models.training.data.scenes import Picture
from models.training.drawing.foreign import KINDS, draw_foreign, scene_of

WIDTHS_PX = (110, 220)
HEADS = ("drawn plates of a kind that is not read", "plates", "found", "comes out as some valid plate", "certain")


def drawn_rows(read: Callable[[Picture], Reading], per_kind: int, seed: int = 41) -> list[list[Any]]:
    """A line for each kind: plates of so many widths on plain fronts, single pictures."""
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
