"""Labelled real pictures beside the project: crops, automatically labelled crops and scenes."""

from __future__ import annotations

import csv
import json
import os
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from models.training.data.holdout import is_held_out
from models.training.data.scenes import read_picture

Image = NDArray[np.uint8]


@dataclass(frozen=True)
class RealCrop:
    """One cut-out plate: BGR image, text, source, its corners in pixels where it is cut from a scene, and its rows."""

    image: Image
    text: str
    source: str
    corners: NDArray[np.float32] | None = None
    rows: int = 1

    @property
    def held_out(self) -> bool:
        return is_held_out(self.text)


def data_folder() -> Path | None:
    """The folder with crops.csv: $GREENLANE_DATA, its data/, or ../shared/data beside the checkout; else None."""
    checkout = Path(__file__).resolve().parents[3]
    given = os.environ.get("GREENLANE_DATA")
    roots = [Path(given), Path(given) / "data"] if given else [checkout.parent / "shared" / "data"]
    return next((root for root in roots if (root / "crops.csv").is_file()), None)


def _rows(folder: Path, name: str) -> list[dict[str, str]]:
    with (folder / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def load_crops(folder: Path, name: str) -> list[RealCrop]:
    """The crops of one list: `crops.csv` (sources ccpd and easypr) or `crops_auto.csv` (source auto)."""
    return [
        RealCrop(read_picture(folder / row["file"]), row["plate"], row.get("source", "auto"))
        for row in _rows(folder, name)
    ]


def ordered_corners(corners: NDArray[np.float32]) -> NDArray[np.float32]:
    """Four corners (4, 2) of an upright plate, clockwise from the top left; the labels begin at any corner."""
    by_x = corners[np.argsort(corners[:, 0], kind="stable")]
    left, right = by_x[:2], by_x[2:]
    top_left, bottom_left = left[np.argsort(left[:, 1])]
    top_right, bottom_right = right[np.argsort(right[:, 1])]
    return np.stack([top_left, top_right, bottom_right, bottom_left]).astype(np.float32)


def _rows_by_shape(corners: NDArray[np.float32]) -> int:
    """Rows of a yellow plate, which the labels do not tell: 440x220 mm has two, 440x140 mm one."""
    across = float(np.linalg.norm(corners[1] - corners[0]))
    down = float(np.linalg.norm(corners[3] - corners[0]))
    return 1 if across > 2.5 * down else 2


def load_scene_cuts(folder: Path, margin: float = 0.5) -> list[RealCrop]:
    """Every labelled plate of the scenes, cut out with a margin (share of its box) and with its corners."""
    cuts = []
    for scene in json.loads((folder / "scenes.json").read_text(encoding="utf-8")):
        image = read_picture(folder / scene["file"])
        for plate in scene["plates"]:
            if not plate["text"]:
                continue
            corners = ordered_corners(np.asarray(plate["corners"], np.float32))
            rows = _rows_by_shape(corners) if plate["colour"] == "yellow" else 1
            cuts.append(cut_out(image, plate["text"], corners, "scene", rows, margin))
    return cuts


def cut_out(
    image: Image, text: str, corners: NDArray[np.float32], source: str, rows: int, margin: float = 0.5
) -> RealCrop:
    """One plate out of a picture, with a margin (share of its box) and its corners."""
    low, high = corners.min(0), corners.max(0)
    pad = (high - low) * margin + 2
    x0, y0 = np.maximum(low - pad, 0).astype(int)
    x1, y1 = np.ceil(high + pad).astype(int)
    cut = np.ascontiguousarray(image[y0:y1, x0:x1], np.uint8)
    return RealCrop(cut, text, source, corners - np.asarray([x0, y0], np.float32), rows)


def load_scene_grounds(folder: Path, longest_px: int = 800, held_out: bool = False) -> list[Image]:
    """The training or the held-out scenes without their plates, at most longest_px wide or high: pictures of no plate.

    A scene with one held-out plate is held out.
    """
    grounds = []
    for scene in json.loads((folder / "scenes.json").read_text(encoding="utf-8")):
        image = read_picture(folder / scene["file"])
        if any(is_held_out(plate["text"]) for plate in scene["plates"]) != held_out:
            continue
        for plate in scene["plates"]:
            corners = np.asarray(plate["corners"], np.float32)
            middle = corners.mean(0)
            cv2.fillConvexPoly(image, ((corners - middle) * 1.15 + middle).astype(np.int32), (90, 90, 90))
        factor = min(1.0, longest_px / max(image.shape[:2]))
        small = cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
        grounds.append(np.asarray(small, np.uint8))
    return grounds
