"""What the detector's networks should answer for a composed picture, and how wrong an answer is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from models.closeups import quad_size
from models.detector import COLOURS, OFFSET_UNIT_PX, PIXEL_MEAN, PIXEL_SCALE, STRIDE
from models.training.data.scenes import Quad, ScenePlate
from models.training.detector.compose import Composed

MIN_WIDTH_PX = 11.0
"""Plates narrower than this in the network's picture are neither asked for nor forbidden."""

FloatArray = NDArray[np.float32]


@dataclass(frozen=True)
class FinderTarget:
    """For one picture, on the grid (H/4, W/4).

    heat: 1 at a plate's centre cell, falling off around it. judged: 0 where nothing is to be learnt.
    corners (8, h, w) in units of OFFSET_UNIT_PX; weight (h, w): how much a cell's corners count, already divided by
    the plate's size; colour and rows (h, w): class, -1 where unknown.
    """

    heat: FloatArray
    judged: FloatArray
    corners: FloatArray
    weight: FloatArray
    colour: NDArray[np.int64]
    rows: NDArray[np.int64]


def finder_target(composed: Composed) -> FinderTarget:
    """The grids that a composed picture asks for."""
    height, width = composed.image.shape[0] // STRIDE, composed.image.shape[1] // STRIDE
    target = FinderTarget(
        heat=np.zeros((height, width), np.float32),
        judged=np.ones((height, width), np.float32),
        corners=np.zeros((8, height, width), np.float32),
        weight=np.zeros((height, width), np.float32),
        colour=np.full((height, width), -1, np.int64),
        rows=np.full((height, width), -1, np.int64),
    )
    for quad in composed.unjudged:
        _mask_out(target, quad)
    for plate in composed.plates:
        if quad_size(plate.corners)[0] < MIN_WIDTH_PX:
            _mask_out(target, plate.corners)
        else:
            _put(target, plate, composed.coloured)
    return target


def finder_loss(output: Tensor, target: dict[str, Tensor]) -> dict[str, Tensor]:
    """Losses by name for an output (N, 16, h, w); their sum is what training lowers."""
    heat, judged = target["heat"], target["judged"]
    probability = output[:, 0].sigmoid().clamp(1e-4, 1 - 1e-4)
    peak = (heat == 1).float()
    hit = -((1 - probability) ** 2) * probability.log() * peak
    miss = -((1 - heat) ** 4) * probability**2 * (1 - probability).log() * (1 - peak) * judged
    plates = peak.sum().clamp(min=1)
    weight = target["weight"]
    distance = (output[:, 1:9] - target["corners"]).abs().mean(1)
    known = weight > 0
    return {
        "heat": (hit + miss).sum() / plates,
        "corners": 2.0 * (distance * weight).sum() / plates,
        "colour": _class_loss(output[:, 9 : 9 + len(COLOURS)], target["colour"], known),
        "rows": _class_loss(output[:, 9 + len(COLOURS) :], target["rows"], known),
    }


def finder_batch(pictures: Sequence[Composed]) -> tuple[Tensor, dict[str, Tensor]]:
    """Network input (N, 3, H, W) and targets of one batch."""
    targets = [finder_target(picture) for picture in pictures]
    names = FinderTarget.__dataclass_fields__
    stacked = {name: torch.from_numpy(np.stack([getattr(target, name) for target in targets])) for name in names}
    return to_input([picture.image for picture in pictures]), stacked


def to_input(images: Sequence[NDArray[np.uint8]]) -> Tensor:
    """uint8 BGR pictures of one size -> (N, 3, H, W) as both networks expect them."""
    batch = torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2)
    return (batch.float() - PIXEL_MEAN) * PIXEL_SCALE


def _class_loss(logits: Tensor, target: Tensor, known: Tensor) -> Tensor:
    picked = known & (target >= 0)
    if not bool(picked.any()):
        return logits.sum() * 0.0
    return 0.3 * functional.cross_entropy(logits.permute(0, 2, 3, 1)[picked], target[picked])


def _mask_out(target: FinderTarget, quad: Quad) -> None:
    x0, y0 = np.floor(np.maximum(quad.min(0), 0) / STRIDE).astype(int)
    x1, y1 = np.ceil(np.maximum(quad.max(0), 0) / STRIDE).astype(int) + 1
    target.judged[y0:y1, x0:x1] = 0.0


def _put(target: FinderTarget, plate: ScenePlate, coloured: bool) -> None:
    """Write one plate: an elliptic bump along the plate's axes, its corners where the bump is high."""
    rows, columns = target.heat.shape
    centre = crossing(plate.corners)
    cell = np.clip((centre / STRIDE).astype(int), 0, (columns - 1, rows - 1))
    width, height = quad_size(plate.corners)
    along = (plate.corners[1] - plate.corners[0] + plate.corners[2] - plate.corners[3]) / 2
    along = along / max(float(np.linalg.norm(along)), 1e-6)
    spread_long = max(0.6, 0.09 * width / STRIDE)
    spread_high = max(0.5, 0.14 * height / STRIDE)
    reach = int(np.ceil(3 * spread_long)) + 1
    x0, x1 = max(0, cell[0] - reach), min(columns, cell[0] + reach + 1)
    y0, y1 = max(0, cell[1] - reach), min(rows, cell[1] + reach + 1)
    grid_y, grid_x = np.mgrid[y0:y1, x0:x1].astype(np.float32)
    dx, dy = grid_x - cell[0], grid_y - cell[1]
    u, v = dx * along[0] + dy * along[1], dy * along[0] - dx * along[1]
    bump = np.exp(-0.5 * ((u / spread_long) ** 2 + (v / spread_high) ** 2)).astype(np.float32)
    view = (slice(y0, y1), slice(x0, x1))
    target.heat[view] = np.maximum(target.heat[view], bump)
    near = (bump > 0.4) & (bump >= target.heat[view])
    centre_x, centre_y = (grid_x + 0.5) * STRIDE, (grid_y + 0.5) * STRIDE
    for corner in range(4):
        for axis, origin in enumerate((centre_x, centre_y)):
            layer = target.corners[2 * corner + axis][view]
            layer[near] = ((plate.corners[corner, axis] - origin) / OFFSET_UNIT_PX)[near]
    trust = 1.0 if plate.exact_corners else 0.1
    size_units = np.sqrt(width * height) / OFFSET_UNIT_PX
    target.weight[view][near] = (bump * trust / (size_units * max(float(bump[near].sum()), 1e-6)))[near]
    target.colour[view][near] = COLOURS.index(plate.colour) if coloured else -1
    target.rows[view][near] = plate.rows - 1


def crossing(quad: Quad) -> Quad:
    """Where the diagonals meet: the plate's centre in perspective. Falls back to the mean for a degenerate quad."""
    (ax, ay), (bx, by), (cx, cy), (dx, dy) = quad.astype(np.float64)
    first, second = np.array([cx - ax, cy - ay]), np.array([dx - bx, dy - by])
    denominator = first[0] * second[1] - first[1] * second[0]
    if abs(denominator) < 1e-6:
        return np.asarray(quad.mean(0), np.float32)
    share = ((bx - ax) * second[1] - (by - ay) * second[0]) / denominator
    return np.asarray(np.array([ax, ay]) + share * first, np.float32)
