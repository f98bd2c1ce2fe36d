"""What the whole reader makes of pictures with things that are not plates, and whether a lane would believe it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from tqdm import tqdm

from controller.records import PlateRead, Reading
from models.training.data.scenes import Picture, Quad, Scene, shrink
from models.training.detector.compose import blend, free
from models.training.detector.light import add_noise, compress
from models.training.drawing.nuisances import Nuisance, draw_nuisance
from models.training.evaluation.scenes import CERTAIN

Rng = np.random.Generator

LONGEST_PX = 1280
BELIEVED_PX = 60.0
"""Narrower finds are not believed by the lane's vote (settings, [vote] width_px)."""

PLATE_MM = 440.0


@dataclass(frozen=True)
class Stressed:
    """A picture without any plate, and what was put into it where."""

    image: Picture
    nuisances: tuple[tuple[str, Quad], ...]


def plateless(scene: Scene) -> Picture:
    """The scene, at most LONGEST_PX long, with every known plate smeared beyond reading."""
    small = shrink(scene, LONGEST_PX)
    image = small.image.copy()
    for quad in [*(plate.corners for plate in small.plates), *small.unjudged]:
        low = np.maximum(np.floor(quad.min(0) - 0.1 * np.ptp(quad, axis=0)), 0).astype(int)
        high = np.ceil(quad.max(0) + 0.1 * np.ptp(quad, axis=0)).astype(int) + 1
        view = image[low[1] : high[1], low[0] : high[0]]
        if view.size:
            coarse = cv2.resize(view, (3, 2), interpolation=cv2.INTER_AREA)
            view[:] = cv2.resize(coarse, view.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    return image


def pictures(grounds: Sequence[Picture], count: int, seed: int) -> Iterator[Stressed]:
    """Grounds in turn, each with one to four nuisances anew, then grain and compression."""
    rng = np.random.default_rng(seed)
    for number in range(count):
        image = grounds[number % len(grounds)].copy()
        if rng.random() < 0.5:
            image = np.ascontiguousarray(image[:, ::-1])
        placed: list[tuple[str, Quad]] = []
        plate_px = float(np.exp(rng.uniform(np.log(70), np.log(220))))
        for _ in range(int(rng.integers(1, 5))):
            nuisance = draw_nuisance(rng)
            quad = _place(rng, image, nuisance, plate_px)
            if free(quad, [other for _, other in placed]):
                blend(image, nuisance.image, quad, _gain(rng, image, nuisance, quad), nuisance.alpha)
                placed.append((nuisance.kind, quad))
        yield Stressed(aged(rng, image), tuple(placed))


def aged(rng: Rng, image: Picture) -> Picture:
    """One frame of it: grain and compression."""
    return compress(add_noise(rng, image, float(rng.uniform(1, 6))), int(rng.integers(55, 92)))


def _place(rng: Rng, image: Picture, nuisance: Nuisance, plate_px: float) -> Quad:
    """Corners for it: as large as it is beside a plate of plate_px, on a vehicle's slopes; burnt ones at an edge."""
    height, width = image.shape[:2]
    aspect = nuisance.image.shape[0] / nuisance.image.shape[1]
    across = width * rng.uniform(0.12, 0.4) if nuisance.burnt else plate_px * nuisance.width_mm / PLATE_MM
    across = min(max(across, 24.0), 0.9 * width)
    corners = np.asarray([[-0.5, -0.5], [0.5, -0.5], [0.5, 0.5], [-0.5, 0.5]]) * (across, across * aspect)
    if nuisance.burnt:
        edge = (0.05, 0.95)[int(rng.integers(2))]
        centre = np.asarray([rng.uniform(across / 2, width - across / 2), edge * height])
        return np.asarray(corners + centre, np.float32)
    corners[:, 1] += corners[:, 0] * rng.normal(0, 0.08)
    corners[:, 0] += corners[:, 1] * rng.normal(0, 0.05)
    centre = np.asarray([rng.uniform(0.05, 0.95) * width, rng.uniform(0.15, 0.9) * height])
    return np.asarray(corners + centre, np.float32)


def _gain(rng: Rng, image: Picture, nuisance: Nuisance, quad: Quad) -> float:
    """As bright as its surroundings suggest; what is burnt in keeps its own brightness."""
    if nuisance.burnt:
        return 1.0
    x0, y0 = np.maximum(quad.min(0), 0).astype(int)
    x1, y1 = np.ceil(quad.max(0)).astype(int) + 1
    around = image[y0:y1, x0:x1]
    surround = float(around.mean()) if around.size else 110.0
    return float(np.clip((surround + 60) / 170 * np.exp(rng.normal(0, 0.15)), 0.3, 1.5))


def stress(
    read: Callable[[Picture], Reading], grounds: Sequence[Picture], count: int, seed: int = 41
) -> dict[str, Any]:
    """Counts over `count` pictures: finds, those with a plate's format, and those a lane's vote would weigh as certain.

    certain_again: those that come out with the same text in two more frames of the same picture, so that a vote of
    three would decide for them. by_kind: valid finds by the nuisance they lie on ("ground" for none).
    """
    rng = np.random.default_rng(seed + 1)
    counts: Counter[str] = Counter()
    by_kind: Counter[str] = Counter()
    for picture in tqdm(pictures(grounds, count, seed), total=count, desc="no plates", unit="picture"):
        finds = read(picture.image).plates
        counts["finds"] += len(finds)
        valid = [find for find in finds if find.valid]
        counts["valid"] += len(valid)
        by_kind.update(_beneath(find, picture) for find in valid)
        certain = [find for find in valid if is_certain(find)]
        counts["certain"] += len(certain)
        counts["certain_again"] += sum(_comes_again(read, rng, picture, find) for find in certain)
    names = ("finds", "valid", "certain", "certain_again")
    return {"pictures": count, **{name: counts[name] for name in names}, "by_kind": dict(by_kind.most_common())}


def is_certain(find: PlateRead) -> bool:
    """Whether a lane's vote would take this read for a sure one."""
    return find.valid and find.weakest >= CERTAIN and find.width_px >= BELIEVED_PX


def _comes_again(read: Callable[[Picture], Reading], rng: Rng, picture: Stressed, find: PlateRead) -> bool:
    frames = [aged(rng, picture.image) for _ in range(2)]
    return all(any(is_certain(p) and p.text == find.text for p in read(frame).plates) for frame in frames)


def _beneath(find: PlateRead, picture: Stressed) -> str:
    """What lies where the find's centre is."""
    for kind, quad in picture.nuisances:
        if cv2.pointPolygonTest(quad, find.centre, True) > -0.2 * find.width_px:
            return kind
    return "ground"
