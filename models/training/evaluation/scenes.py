"""Judges the whole reader on labelled scenes: what it found, read, missed and made up."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import cv2
import numpy as np

from controller.records import PlateRead, Reading
from models.closeups import quad_size
from models.training.data.scenes import Picture, Scene, ScenePlate

CERTAIN = 0.9
"""A read whose weakest character is above this is called certain here; the lane has thresholds of its own."""

WIDTH_BANDS_PX = (0, 70, 100, 140, 200, 10_000)


@dataclass(frozen=True)
class JudgedPlate:
    """One labelled plate and what the reader made of it. corner_error: mean distance as a share of its height."""

    scene: str
    truth: ScenePlate
    read: PlateRead | None
    corner_error: float | None

    @property
    def exact(self) -> bool:
        return self.read is not None and self.read.text == self.truth.text

    @property
    def certain(self) -> bool:
        return self.read is not None and self.read.valid and self.read.weakest >= CERTAIN


@dataclass(frozen=True)
class Verdicts:
    """All labelled plates, the false finds (scene, read), milliseconds per stage and picture, pictures seen."""

    plates: list[JudgedPlate]
    false: list[tuple[str, PlateRead]]
    ms: list[dict[str, float]]


def judge(scenes: Iterable[Scene], read: Callable[[Picture], Reading]) -> Verdicts:
    """Read every scene and match finds with labels by place."""
    verdicts = Verdicts([], [], [])
    for scene in scenes:
        reading = read(scene.image)
        verdicts.ms.append(dict(reading.ms))
        left = list(reading.plates)
        for plate in scene.plates:
            found = next((candidate for candidate in left if same_place(candidate, plate)), None)
            if found is not None:
                left.remove(found)
            verdicts.plates.append(JudgedPlate(scene.path.name, plate, found, _corner_error(plate, found)))
        unlabelled = [quad.mean(0) for quad in scene.unjudged]
        false = [(scene.path.name, p) for p in left if not any(covers(p, point) for point in unlabelled)]
        verdicts.false.extend(false)
    return verdicts


def same_place(read: PlateRead, plate: ScenePlate) -> bool:
    """Whether a find's centre lies well within the labelled plate and their widths are alike."""
    width, height = quad_size(plate.corners)
    away = np.abs(np.mean(read.corners, axis=0) - plate.corners.mean(0))
    near = away[0] < 0.3 * width and away[1] < max(0.6 * height, 0.2 * width)
    return bool(near and 0.5 < read.width_px / width < 2.0)


def figures(verdicts: Verdicts) -> dict[str, Any]:
    """Shares and counts, of all plates and of each scene's main plate."""
    plates, mains = verdicts.plates, [judged for judged in verdicts.plates if judged.truth.main]
    errors = [judged.corner_error for judged in plates if judged.corner_error is not None]
    return {
        "scenes": len(mains),
        "main_exact": sum(judged.exact for judged in mains),
        "main_exact_but_first_character": sum(_but_first(judged) for judged in mains),
        "main_found": sum(judged.read is not None for judged in mains),
        "main_certain": sum(judged.certain for judged in mains),
        "plates": len(plates),
        "found": sum(judged.read is not None for judged in plates),
        "exact": sum(judged.exact for judged in plates),
        "false_finds": len(verdicts.false),
        "false_valid": sum(read.valid for _, read in verdicts.false),
        "wrong_but_certain": sum(judged.certain and not judged.exact for judged in plates)
        + sum(read.valid and read.weakest >= CERTAIN for _, read in verdicts.false),
        "colour_right": sum(j.read is not None and j.read.colour == j.truth.colour for j in plates),
        "rows_right": sum(j.read is not None and j.read.rows == j.truth.rows for j in plates),
        "corner_error_median": round(median(errors), 4) if errors else None,
        "corner_error_p90": round(float(np.quantile(errors, 0.9)), 4) if errors else None,
        "main_by_colour": _grouped(mains, lambda judged: judged.truth.colour),
        "main_by_width_px": _grouped(mains, lambda judged: _band(quad_size(judged.truth.corners)[0])),
    }


def mistakes(verdicts: Verdicts) -> list[str]:
    """One line per plate that was missed, misread or not there."""
    lines = []
    for judged in verdicts.plates:
        if not judged.exact:
            width = round(quad_size(judged.truth.corners)[0])
            read = judged.read
            seen = "missed" if read is None else f"{read.text or 'blank'} weakest {read.weakest:.2f}"
            rank = "main" if judged.truth.main else "other"
            error = "" if judged.corner_error is None else f", corners off by {judged.corner_error:.0%}"
            lines.append(f"{judged.scene}: {rank} {judged.truth.text} ({width} px): {seen}{error}")
    for scene, read in verdicts.false:
        lines.append(
            f"{scene}: nothing there, read {read.text or 'blank'} weakest {read.weakest:.2f} "
            f"detection {read.detection:.2f} {read.kind}"
        )
    return lines


def write_gallery(folder: Path, scenes: Iterable[Scene], read: Callable[[Picture], Reading]) -> None:
    """The scenes as the reader sees them, to look at."""
    from models.annotate import annotated, write_picture

    folder.mkdir(parents=True, exist_ok=True)
    for scene in scenes:
        write_picture(folder / scene.path.name, annotated(scene.image, read(scene.image).plates))


def _corner_error(plate: ScenePlate, read: PlateRead | None) -> float | None:
    if read is None or not plate.exact_corners:
        return None
    distances = np.linalg.norm(np.array(read.corners) - plate.corners, axis=1)
    return float(distances.mean() / quad_size(plate.corners)[1])


def _but_first(judged: JudgedPlate) -> bool:
    return judged.read is not None and judged.read.text[1:] == judged.truth.text[1:]


def covers(read: PlateRead, point: np.ndarray) -> bool:
    """Whether a point lies in a find or near it."""
    return cv2.pointPolygonTest(np.array(read.corners, np.float32), (float(point[0]), float(point[1])), True) > -20.0


def _band(width_px: float) -> str:
    low = max(band for band in WIDTH_BANDS_PX if band <= width_px)
    return f"{low}+"


def _grouped(judged: Iterable[JudgedPlate], key: Callable[[JudgedPlate], str]) -> dict[str, dict[str, int]]:
    groups: dict[str, list[JudgedPlate]] = defaultdict(list)
    for one in judged:
        groups[key(one)].append(one)
    return {name: _counts(group) for name, group in sorted(groups.items())}


def _counts(group: list[JudgedPlate]) -> dict[str, int]:
    found = sum(judged.read is not None for judged in group)
    return {"plates": len(group), "found": found, "exact": sum(judged.exact for judged in group)}
