"""Plates of every kind put into plateless pictures, to see text, kind and rows come through the whole reader."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import cv2
import numpy as np
from tqdm import tqdm

from controller.records import PlateRead, Reading
from models.grammar import PlateKind
from models.training.data.scenes import Picture, Quad, ScenePlate
from models.training.detector.compose import blend
from models.training.drawing.plates import DrawnPlate, draw_plate
from models.training.evaluation.scenes import same_place
from models.training.evaluation.scenes_stress import aged

Rng = np.random.Generator

WIDTHS_PX = (90.0, 220.0)
HOLDER = (70, 70, 75)
PX_PER_MM = 0.6


def with_plate(rng: Rng, ground: Picture, kind: PlateKind) -> tuple[Picture, DrawnPlate, Quad]:
    """A copy of the ground with a fresh plate in a dark holder, a few degrees off level, and its corners."""
    plate = draw_plate(rng, kind, px_per_mm=PX_PER_MM)
    height, width = ground.shape[:2]
    across = min(float(rng.uniform(*WIDTHS_PX)), 0.5 * width)
    half = np.asarray([across, across * plate.plate_format.height_mm / plate.plate_format.width_mm]) / 2
    centre = rng.uniform(1.2 * half, (width, height) - 1.2 * half)
    angle = np.deg2rad(rng.normal(0, 3))
    turn = np.asarray([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    quad = np.asarray([[-1, -1], [1, -1], [1, 1], [-1, 1]] * half @ turn + centre, np.float32)
    image = ground.copy()
    holder = np.round(((quad - centre) * (1.06, 1.15) + centre) * 16).astype(np.int32)
    cv2.fillConvexPoly(image, holder, HOLDER, cv2.LINE_AA, 4)
    blend(image, plate.image, quad, float(np.exp(rng.normal(0, 0.1))), None)
    return np.asarray(cv2.GaussianBlur(image, (0, 0), 0.6), np.uint8), plate, quad


def judge_kinds(
    read: Callable[[Picture], Reading], grounds: Sequence[Picture], per_kind: int, seed: int = 40
) -> dict[str, dict[str, int]]:
    """Per kind: plates, and how many were found, read exactly, and given the right kind and number of rows."""
    rng = np.random.default_rng(seed)
    table: dict[str, dict[str, int]] = {}
    for kind in tqdm(PlateKind, desc="kinds in scenes", unit="kind"):
        row = {"plates": per_kind, "found": 0, "exact": 0, "kind_right": 0, "rows_right": 0, "wrong_but_known": 0}
        for number in range(per_kind):
            image, plate, quad = with_plate(rng, grounds[number % len(grounds)], kind)
            _count(row, plate, _on(read(aged(rng, image)), plate, quad))
        table[str(kind)] = row
    return table


def _on(reading: Reading, plate: DrawnPlate, quad: Quad) -> PlateRead | None:
    """The find that lies on the plate."""
    labelled = ScenePlate(plate.text, quad, str(plate.colour), plate.rows)
    return next((find for find in reading.plates if same_place(find, labelled)), None)


def _count(row: dict[str, int], plate: DrawnPlate, find: PlateRead | None) -> None:
    if find is None:
        return
    row["found"] += 1
    row["exact"] += find.text == plate.text
    row["kind_right"] += find.kind == str(plate.kind)
    row["rows_right"] += find.rows == plate.rows
    row["wrong_but_known"] += find.valid and find.kind != str(plate.kind)
