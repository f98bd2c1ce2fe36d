"""How many labelled plates a detector finds on held-out pictures, by their width, and what that costs."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from models.closeups import quad_size
from models.detector import Detection, Detector
from models.training.data.more import is_marked, load_more_scenes
from models.training.data.scenes import Quad, Scene, load_scenes

BANDS_PX = (0, 70, 90, 120)
"""Lower edges of the bands of plate widths, in pixels of the picture."""


@dataclass(frozen=True)
class Finds:
    """What one group of pictures gave. found: (plate's width, whether it was found) of each labelled plate."""

    pictures: int
    found: tuple[tuple[float, bool], ...]
    false_finds: int
    cpu_ms: float

    def band(self, low: float, high: float) -> tuple[int, int]:
        """Found and all plates of a band of widths."""
        hits = [hit for width, hit in self.found if low <= width < high]
        return sum(hits), len(hits)


def held_out_groups(data: Path) -> dict[str, list[Scene]]:
    """Held-out pictures by what they are: scenes, street frames with marks painted over and as they are, photos."""
    more = load_more_scenes(data, held_out=True)
    marked = {scene.path for scene in more if is_marked(data, scene.path)}
    return {
        "scenes": load_scenes(data, held_out=True),
        "street frames": [scene for scene in more if scene.path in marked],
        "street frames, boxes drawn": [s for s in load_more_scenes(data, True, clean=False) if s.path in marked],
        "photos": [scene for scene in more if scene.path not in marked],
    }


def tally(detector: Detector, scenes: Sequence[Scene]) -> Finds:
    """Look at every picture and match finds with labels by place."""
    found: list[tuple[float, bool]] = []
    false, spent = 0, 0.0
    for scene in scenes:
        start = time.process_time()
        finds = detector.detect(scene.image)
        spent += time.process_time() - start
        hits, others = matched(scene, finds)
        found += hits
        false += others
    return Finds(len(scenes), tuple(found), false, 1e3 * spent / max(1, len(scenes)))


def matched(scene: Scene, finds: Sequence[Detection]) -> tuple[list[tuple[float, bool]], int]:
    """Of each labelled plate its width and whether it was found, and how many finds are none."""
    left, found = list(finds), list[tuple[float, bool]]()
    for plate in scene.plates:
        hit = next((find for find in left if _is_at(find, plate.corners)), None)
        if hit is not None:
            left.remove(hit)
        found.append((quad_size(plate.corners)[0], hit is not None))
    return found, sum(not _near_any(find, scene.unjudged) for find in left)


def _is_at(find: Detection, corners: Quad) -> bool:
    """Whether a find's centre lies well within the labelled plate and their widths are alike."""
    quad = np.asarray(find.corners, np.float32)
    width, height = quad_size(corners)
    away = np.abs(quad.mean(0) - corners.mean(0))
    near = away[0] < 0.3 * width and away[1] < max(0.6 * height, 0.2 * width)
    return bool(near and 0.5 < quad_size(quad)[0] / width < 2.0)


def _near_any(find: Detection, quads: Iterable[Quad]) -> bool:
    centre = np.asarray(find.corners, np.float32).mean(0)
    return any(bool((quad.min(0) - 20 <= centre).all() and (centre <= quad.max(0) + 20).all()) for quad in quads)


def rows_of(side: str, tallies: Mapping[str, Finds]) -> list[dict[str, Any]]:
    """The figures of one size of the finder's picture, a row for each group of pictures."""
    bands = list(zip(BANDS_PX, (*BANDS_PX[1:], math.inf), strict=True))
    return [
        {
            "side": side,
            "pictures": name,
            "bands": [one.band(*band) for band in bands],
            "all": one.band(0, math.inf),
            "false_finds": one.false_finds,
            "cpu_ms": one.cpu_ms,
        }
        for name, one in tallies.items()
    ]


def table(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Lines of a Markdown table."""
    heads = [f"{low}-{high - 1} px" for low, high in itertools.pairwise(BANDS_PX)] + [f"{BANDS_PX[-1]} px and wider"]
    lines = [
        "| side | pictures | " + " | ".join(heads) + " | all | false finds | CPU ms |",
        "| --- " * (len(heads) + 5) + "|",
    ]
    for row in rows:
        cells = [f"{hits} of {count}" for hits, count in (*row["bands"], row["all"])]
        known = [row["side"], row["pictures"], *cells, str(row["false_finds"]), f"{row['cpu_ms']:.1f}"]
        lines.append("| " + " | ".join(known) + " |")
    return lines
