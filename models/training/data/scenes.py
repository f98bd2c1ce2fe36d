"""Labelled photographs of whole scenes: loading them, ordering their corners, dividing them by the hold-out rule."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from models.closeups import quad_size
from models.training.data.holdout import is_held_out
from wire.errors import GreenlaneError
from wire.files import read_regular

Picture = NDArray[np.uint8]
Quad = NDArray[np.float32]

TWO_ROW_ASPECT = 2.2
"""Width by height under which a yellow plate counts as two-row: 440x220 mm is 2.0, 440x140 mm is 3.1 (GA 36)."""

LARGEST_BYTES = 1 << 28
"""Of one picture."""

EXACT_ASPECTS = (2.4, 4.5)
"""A one-row label of another aspect is a loose box."""


UNLABELLED: dict[str, tuple[tuple[float, float, float, float], ...]] = {
    "津E14579.jpg": ((190, 485, 305, 535), (1055, 280, 1142, 322)),
    "湘A2991D.jpg": ((1460, 475, 1556, 517),),
    "湘A07G31.jpg": ((1325, 510, 1402, 547),),
    "湘ATL269.jpg": ((838, 628, 950, 671),),
    "津DTG667.jpg": ((988, 105, 1072, 142), (460, 217, 525, 250)),
    "粤AV0U41.jpg": ((140, 535, 222, 582),),
    "粤SD050L.jpg": ((60, 658, 136, 700),),
}
"""Boxes (left, top, right, bottom) of plates that scenes show and their labels leave out, found by looking at early
detectors' false finds: nothing is learnt there, and a find there is neither right nor wrong."""


@dataclass(frozen=True)
class ScenePlate:
    """One labelled plate: corners (4, 2) in pixels clockwise from the plate's own top left.

    exact_corners: False where the label is a mere box around a tilted plate, which must not teach corners.
    """

    text: str
    corners: Quad
    colour: str
    rows: int
    main: bool = False
    exact_corners: bool = True


@dataclass(frozen=True)
class Scene:
    """One photograph, uint8 (height, width, 3) BGR, with its plates and the corners of unlabelled ones."""

    path: Path
    image: Picture
    plates: tuple[ScenePlate, ...]
    unjudged: tuple[Quad, ...] = ()

    @property
    def main(self) -> ScenePlate:
        return next(plate for plate in self.plates if plate.main)

    @property
    def held_out(self) -> bool:
        """A scene is held out with the plate it is named after; one named after none, with any of its plates."""
        named = [plate for plate in self.plates if plate.main] or self.plates
        return any(is_held_out(plate.text) for plate in named)


def order_corners(points: Iterable[Sequence[float]]) -> Quad:
    """Four corners in any cyclic order -> (4, 2) clockwise from top left, the long side on top, read left to right."""
    quad = np.asarray(list(points), np.float32)
    if cv2.contourArea(quad, True) < 0:
        quad = quad[::-1]
    sides = np.linalg.norm(np.roll(quad, -1, 0) - quad, axis=1)
    start = 0 if sides[0] + sides[2] >= sides[1] + sides[3] else 1
    quad = np.roll(quad, -start, 0)
    if quad[1, 0] < quad[0, 0]:
        quad = np.roll(quad, -2, 0)
    return np.ascontiguousarray(quad)


class PictureMissing(GreenlaneError):
    """A list of pictures names one that cannot be had: figures of the others would be of another set."""


def read_picture(path: Path) -> Picture:
    """Decode a picture whose path may hold any character. Raises PictureMissing when there is none."""
    try:
        data = read_regular(path, LARGEST_BYTES)
    except OSError as error:
        raise PictureMissing(f"{path}: cannot be opened: {error.strerror}") from error
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) if data else None
    if image is None:
        raise PictureMissing(f"{path}: not a picture")
    return np.asarray(image, np.uint8)


def load_scenes(data: Path, held_out: bool | None = None, largest_side: int | None = None) -> list[Scene]:
    """The scenes of data/scenes.json, in file order.

    held_out: only that part; None gives both. largest_side: pictures above it are shrunk, labels with them.
    """
    records = json.loads((data / "scenes.json").read_text(encoding="utf-8"))
    scenes = []
    for record in records:
        plates = tuple(_plate(plate) for plate in record["plates"])
        path = data / record["file"]
        unjudged = tuple(_box_corners(box) for box in UNLABELLED.get(path.name, ()))
        scene = Scene(path, np.empty((0, 0, 3), np.uint8), plates, unjudged)
        if held_out is None or scene.held_out == held_out:
            scenes.append(shrink(replace(scene, image=read_picture(scene.path)), largest_side))
    return scenes


def shrink(scene: Scene, largest_side: int | None) -> Scene:
    """The scene at most so large; labels follow."""
    longest = max(scene.image.shape[:2])
    if largest_side is None or longest <= largest_side:
        return scene
    scale = largest_side / longest
    image = cv2.resize(scene.image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    factor = np.asarray(np.divide(image.shape[1::-1], scene.image.shape[1::-1]), np.float32)
    plates = tuple(replace(plate, corners=_scaled(plate.corners, factor)) for plate in scene.plates)
    unjudged = tuple(_scaled(quad, factor) for quad in scene.unjudged)
    return replace(scene, image=np.asarray(image, np.uint8), plates=plates, unjudged=unjudged)


def pyramid(image: Picture, smallest_side: int = 48) -> list[Picture]:
    """The picture and its halvings by area, so that a strong reduction does not alias."""
    levels = [image]
    while min(levels[-1].shape[:2]) >= 2 * smallest_side:
        levels.append(np.asarray(cv2.resize(levels[-1], None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), np.uint8))
    return levels


def pyramid_level(levels: Sequence[Picture], scale: float) -> tuple[Picture, float]:
    """The smallest level that still has to shrink, and its size as a share of the first one's."""
    index = min(len(levels) - 1, max(0, math.floor(-math.log2(max(scale, 1e-6)))))
    return levels[index], levels[index].shape[1] / levels[0].shape[1]


def _scaled(quad: Quad, factor: Quad) -> Quad:
    return np.asarray(quad * factor, np.float32)


def _box_corners(box: tuple[float, float, float, float]) -> Quad:
    left, top, right, bottom = box
    return np.array([[left, top], [right, top], [right, bottom], [left, bottom]], np.float32)


def _plate(record: dict[str, Any]) -> ScenePlate:
    corners = order_corners(record["corners"])
    width, height = quad_size(corners)
    aspect = width / height
    rows = 2 if record["colour"] == "yellow" and aspect < TWO_ROW_ASPECT else 1
    return ScenePlate(
        text=record["text"],
        corners=corners,
        colour=record["colour"],
        rows=rows,
        main=record["main"],
        exact_corners=rows == 2 or EXACT_ASPECTS[0] <= aspect <= EXACT_ASPECTS[1],
    )
