"""What a last look at another size finds in pictures in which the looks before it found nothing."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from tqdm import tqdm

from models.detector import Detector
from models.training.data.scenes import Scene
from models.training.evaluation.finding import matched, tally
from models.training.evaluation.scenes_stress import plateless
from models.training.evaluation.slants import SLANTS, turned, views

TURNED = (("tilted", 30), ("tilted", 45), ("tilted", 60), ("from the side", 60), ("from above", 60))
"""At these slants so many plates are missed that sizes differ."""


@dataclass(frozen=True)
class LastLook:
    """Counts of one group of pictures. more: size of the last look -> plates it finds, finds that are none, ms."""

    name: str
    pictures: int
    plates: int
    found: int
    empty: int
    more: Mapping[int, tuple[int, int, float]]

    def cells(self) -> list[object]:
        """The line as the table shows it: of pictures without a plate the false finds, of others the plates."""
        counts = [f"{false} false" if not self.plates else hits for hits, false, _ in self.more.values()]
        return [self.name, self.pictures, self.plates, self.found, self.empty, *counts]


def groups(scenes: Sequence[Scene]) -> Iterator[tuple[str, Iterator[Scene]]]:
    """Pictures by what they are, each made when it is asked for: as they are, without their plates, turned."""
    yield "as they are", iter(scenes)
    yield "without their plates", (replace(scene, image=plateless(scene), plates=()) for scene in scenes)
    for slant, degrees in TURNED:
        turn, ways = SLANTS[slant]
        matrices = [turn(way * degrees) for way in ways]
        yield f"{slant} by {degrees} degrees", (turned(view, matrix) for view in views(scenes) for matrix in matrices)


def last_looks(before: Detector, sizes: Mapping[int, Detector], scenes: Sequence[Scene]) -> Iterator[LastLook]:
    """A line for each group. before: looks as the lane does, but for the last look; sizes: each looks at one size."""
    for name, pictures in groups(scenes):
        hits, empty, number = list[bool](), list[Scene](), 0
        for scene in tqdm(pictures, desc=name, unit="picture"):
            number += 1
            finds = before.detect(scene.image)
            hits += [hit for _, hit in matched(scene, finds)[0]]
            if not finds:
                empty.append(scene)
        after = {side: tally(detector, empty) for side, detector in sizes.items()}
        more = {side: (one.band(0, math.inf)[0], one.false_finds, one.cpu_ms) for side, one in after.items()}
        yield LastLook(name, number, len(hits), sum(hits), len(empty), more)
