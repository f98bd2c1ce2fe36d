"""Held-out pictures turned as if the camera stood aside, above or askew: what is found and read at which angle."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from controller.records import Reading
from models.closeups import quad_size
from models.training.data.scenes import Picture, Scene
from models.training.evaluation.hiding import around
from models.training.evaluation.scenes import judge

DEGREES = (0, 15, 30, 40, 45, 60)

GOALS = {30: 0.95, 45: 0.9}
"""Angle -> the share of plates that should be found."""

AWAY = 8.0
"""How far the camera is from the plate, in widths of the plate: 3.5 m."""

NARROWEST_PX = 70.0
"""Plates narrower than this as they are, before turning, are left out: what is lost there is lost by size."""

GROUND = (114, 114, 114)
"""What lies beyond the turned picture."""

Matrix = NDArray[np.float64]


def aside(degrees: float) -> Matrix:
    """The camera moved to the side, the plate turned about its upright axis; in widths of the plate, middle at 0."""
    turn = np.deg2rad(degrees)
    return np.array([[np.cos(turn), 0, 0], [0, 1, 0], [np.sin(turn) / AWAY, 0, 1]])


def above(degrees: float) -> Matrix:
    """The camera moved upwards, the plate turned about its level axis."""
    turn = np.deg2rad(degrees)
    return np.array([[1, 0, 0], [0, np.cos(turn), 0], [0, -np.sin(turn) / AWAY, 1]])


def askew(degrees: float) -> Matrix:
    """The camera tilted, the picture turned in its own plane."""
    turn = np.deg2rad(degrees)
    return np.array([[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1]])


SLANTS: dict[str, tuple[Callable[[float], Matrix], tuple[int, ...]]] = {
    "from the side": (aside, (1, -1)),
    "from above": (above, (1,)),
    "tilted": (askew, (1, -1)),
}
"""Name -> how a picture is turned, and which ways round."""


@dataclass(frozen=True)
class SlantLine:
    """Counts of one slant at one angle."""

    slant: str
    degrees: int
    plates: int
    found: int
    exact: int
    certain: int
    wrong: int

    def cells(self) -> list[object]:
        """The line as the table shows it."""
        goal = GOALS.get(self.degrees)
        counted = [f"{count} ({100 * count / max(1, self.plates):.1f} %)" for count in (self.found, self.exact)]
        wanted = "" if goal is None else f"{100 * goal:.0f} %"
        return [self.slant, self.degrees, self.plates, wanted, *counted, self.certain, self.wrong]

    def facts(self) -> dict[str, Any]:
        return dict(self.__dict__)


HEADS = ("camera", "degrees", "plates", "goal, found", "found", "read exactly", "certain", "certain and wrong")


def views(scenes: Iterable[Scene]) -> Iterator[Scene]:
    """A lane's view of each plate that is wide enough, with that plate alone as what should be read."""
    for scene in scenes:
        for number, plate in enumerate(scene.plates):
            if quad_size(plate.corners)[0] >= NARROWEST_PX:
                seen = around(scene, plate)
                yield replace(seen, plates=seen.plates[number : number + 1])


def turned(scene: Scene, matrix: Matrix) -> Scene:
    """A view of one plate, turned about the plate's middle, on a picture that holds all of it."""
    (plate,) = scene.plates
    width = quad_size(plate.corners)[0]
    middle = plate.corners.mean(0)
    into = np.array([[1 / width, 0, -middle[0] / width], [0, 1 / width, -middle[1] / width], [0, 0, 1.0]])
    out = np.array([[width, 0, 0], [0, width, 0], [0, 0, 1.0]])
    moved = out @ matrix @ into
    height, across = scene.image.shape[:2]
    edge = _mapped(np.array([[0, 0], [across, 0], [across, height], [0, height]], np.float32), moved)
    low = np.floor(edge.min(0))
    size = np.ceil(edge.max(0) - low).astype(int)
    placed = np.array([[1, 0, -low[0]], [0, 1, -low[1]], [0, 0, 1.0]]) @ moved
    image = cv2.warpPerspective(scene.image, placed, (int(size[0]), int(size[1])), borderValue=GROUND)
    return replace(
        scene, image=np.asarray(image, np.uint8), plates=(replace(plate, corners=_mapped(plate.corners, placed)),)
    )


def _mapped(points: NDArray[np.float32], matrix: Matrix) -> NDArray[np.float32]:
    return np.asarray(cv2.perspectiveTransform(points[None], matrix)[0], np.float32)


def measured(read: Callable[[Picture], Reading], scenes: Sequence[Scene]) -> Iterator[SlantLine]:
    """A line for each slant and angle; none turned counts once, under every slant."""
    for slant, (turn, ways) in SLANTS.items():
        for degrees in DEGREES:
            plates = [
                one
                for way in (ways if degrees else (1,))
                for scene in scenes
                for one in judge([turned(scene, turn(way * degrees))], read).plates
            ]
            certain = [one for one in plates if one.read is not None and one.read.certain]
            yield SlantLine(
                slant,
                degrees,
                len(plates),
                sum(one.read is not None for one in plates),
                sum(one.exact for one in plates),
                len(certain),
                sum(not one.exact for one in certain),
            )
