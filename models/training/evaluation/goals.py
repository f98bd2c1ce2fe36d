"""Where the reader stands against its goals: held-out crops and pictures, each group beside what it should reach."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from controller.records import PlateRead, Reading
from models.closeups import quad_size
from models.training.data.marks import Box
from models.training.data.realdata import RealCrop
from models.training.data.scenes import Picture, Scene
from models.training.evaluation.counts import reliable_range
from models.training.evaluation.page import percent, table
from models.training.evaluation.scenes import judge

CROP_GOALS = {"ccpd": ("crops of parked cars (CCPD)", 0.994), "easypr": ("crops from toll gates and roads", 0.997)}
"""A crop's source -> its line in the table, and the goal."""

SCENES, PHOTOS, STREET = "scenes, main plate", "photos", "street frames"
DRAWN_ON, GREEN_CUTS = "street frames, boxes and captions drawn", "cuts of green frames"

Read = Callable[[Picture], Reading]


@dataclass(frozen=True)
class GoalPlate:
    """One labelled plate and what came out of it. wrong: a read that counts as certain and is not the plate."""

    group: str
    exact: bool
    found: bool
    certain: bool
    wrong: bool


@dataclass(frozen=True)
class GoalLine:
    """Counts of one group beside its goal, a share; none where the group has no goal of its own."""

    group: str
    goal: float | None
    plates: int
    found: int
    exact: int
    certain: int
    wrong: int

    def facts(self) -> dict[str, Any]:
        return dict(self.__dict__)

    def cells(self) -> list[object]:
        """The line as the table shows it."""
        low, high = reliable_range(self.exact / self.plates, self.plates)
        return [
            self.group,
            "" if self.goal is None else percent(self.goal),
            f"{self.exact} of {self.plates} ({percent(self.exact / self.plates)})",
            f"{100 * low:.1f} to {100 * high:.1f} %",
            self.found,
            self.certain,
            self.wrong,
        ]


def crop_plates(read: Read, crops: Iterable[RealCrop], goals: Mapping[str, tuple[str, float]]) -> list[GoalPlate]:
    """Crops that are one plate, edge to edge, through the whole reader."""
    judged = []
    for crop in crops:
        if crop.source in goals and crop.corners is None:
            seen = next(iter(read(crop.image).plates), None)
            judged.append(_judged(goals[crop.source][0], seen, crop.text))
    return judged


def scene_plates(read: Read, group: str, scenes: Sequence[Scene]) -> list[GoalPlate]:
    """The plates of whole pictures; of scenes that are named after one plate, that one."""
    mains_only = group == SCENES
    plates = [one for one in judge(scenes, read).plates if one.truth.main or not mains_only]
    return [
        _judged(name, one.read, one.truth.text)
        for one in plates
        for name in names_of(group, quad_size(one.truth.corners)[0], one.truth.colour, one.truth.rows)
    ]


def names_of(group: str, width_px: float, colour: str, rows: int) -> list[str]:
    """The lines of the table to which a plate belongs."""
    if group == STREET:
        band = "90 px and wider" if width_px >= 90 else "70-89 px" if width_px >= 70 else "under 70 px"
        return [f"{group}, {band}"]
    if group == PHOTOS:
        green = ["photos, green plates"] if colour == "green" else []
        rare = ["photos, rarer kinds"] if colour != "blue" or rows == 2 else []
        return ["photos, all", *green, *rare]
    return [group]


GOAL_OF = {
    **dict(CROP_GOALS.values()),
    SCENES: 0.985,
    "photos, rarer kinds": 0.97,
    "photos, green plates": 1.0,
    GREEN_CUTS: 1.0,
    DRAWN_ON: 0.75,
    f"{STREET}, 90 px and wider": 0.95,
    f"{STREET}, 70-89 px": 0.85,
}
"""The table's lines -> the share that should come out exactly; lines without a goal follow."""


def _judged(group: str, read: PlateRead | None, text: str) -> GoalPlate:
    exact, certain = read is not None and read.text == text, read is not None and read.certain
    return GoalPlate(group, exact, read is not None, certain, certain and not exact)


def lines_of(plates: Sequence[GoalPlate]) -> list[GoalLine]:
    """A line for every group with plates, those with a goal first."""
    groups = [*GOAL_OF, *dict.fromkeys(plate.group for plate in plates if plate.group not in GOAL_OF)]
    mine = {group: [plate for plate in plates if plate.group == group] for group in groups}
    return [
        GoalLine(
            group,
            GOAL_OF.get(group),
            len(those),
            *(sum(getattr(plate, name) for plate in those) for name in ("found", "exact", "certain", "wrong")),
        )
        for group, those in mine.items()
        if those
    ]


def cut_around(picture: Picture, box: Box, widths: float = 1.0) -> Picture:
    """A picture around a box, so many of its widths to each side."""
    left, top, right, bottom = box
    pad = widths * (right - left)
    low, high = max(0, int(left - pad)), int(right + pad) + 1
    return np.ascontiguousarray(picture[max(0, int(top - pad)) : int(bottom + pad) + 1, low:high])


def foreign_lines(read: Read, pictures: Iterable[tuple[str, Picture]]) -> list[list[object]]:
    """Single pictures of kinds that were never learnt from pictures: what came out, and whether it is certain."""
    rows: list[list[object]] = []
    for text, picture in pictures:
        reads = read(picture).plates
        shown = ", ".join(f"{one.text} ({one.kind})" for one in reads) or "nothing"
        rows.append([text, shown, sum(one.certain for one in reads)])
    return rows


FOREIGN_HEADS = ("real plate of a kind learnt from drawings alone", "comes out as", "certain")


def goals_table(lines: Sequence[GoalLine]) -> str:
    """All lines in Markdown."""
    heads = ["held out", "goal", "read exactly", "95 % interval", "found", "certain", "certain and wrong"]
    return table(heads, [line.cells() for line in lines])
