"""Small made-up clips, and a reader that reads what was put into them."""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from controller.records import CharacterRead, Colour, PlateRead, Reading, Region

FPS = 15
SIZE = (320, 180)
CORNERS = ((120.0, 120.0), (210.0, 120.0), (210.0, 148.0), (120.0, 148.0))


def write_clip(
    path: Path, visits: Sequence[int], empty_s: float = 1.6, stands_s: float = 3.0, leaves: bool = True
) -> Path:
    """A clip in which one grey box after another stands in the lane; each visit is the box's grey level.

    leaves False: the clip ends while the last one still stands there.
    """
    path.write_bytes(_drawn(tuple(visits), empty_s, stands_s, leaves, path.suffix))
    return path


@functools.cache
def _drawn(visits: tuple[int, ...], empty_s: float, stands_s: float, leaves: bool, suffix: str) -> bytes:
    """The clip's file; drawn once in a process, which takes longer than to play it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"clip{suffix}"
        _draw(path, visits, empty_s, stands_s, leaves)
        return path.read_bytes()


def _draw(path: Path, visits: tuple[int, ...], empty_s: float, stands_s: float, leaves: bool) -> None:
    lane, boxes = _noisy(110, 4, SIZE), {level: _noisy(level, 3, (210, 150)) for level in visits}
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), FPS, SIZE)
    levels = [0] * round(empty_s * FPS)
    for level in visits:
        levels += [level] * round(stands_s * FPS) + [0] * round(empty_s * FPS)
    for number, level in enumerate(levels if leaves else levels[: -round(empty_s * FPS)]):
        frame = lane[number % len(lane)].copy()
        if level:
            frame[20:170, 60:270] = boxes[level][number % len(lane)]
        writer.write(frame)
    writer.release()


def _noisy(level: int, deviation: int, size: tuple[int, int]) -> list[NDArray[np.uint8]]:
    """Some pictures of one grey level, each with a noise of its own; to be shown in turn."""
    rng = np.random.default_rng(level)
    drawn = rng.normal(level, deviation, (7, size[1], size[0], 3))
    return list(np.clip(drawn, 0, 255).astype(np.uint8))


class LevelReader:
    """Knows each box by its grey level: level -> text and each character's probability. Other levels have no plate."""

    name = "levels"

    def __init__(self, plates: Mapping[int, tuple[str, float]]) -> None:
        self._plates = plates

    def read(self, image: Any, region: Region | None = None) -> Reading:
        seen = float(image[60:110, 100:230].mean())
        level = min(self._plates, key=lambda known: abs(known - seen), default=None)
        if level is None or abs(level - seen) > 6:
            return Reading(())
        text, probability = self._plates[level]
        characters = tuple(CharacterRead(character, probability) for character in text)
        return Reading((PlateRead(characters, CORNERS, Colour.BLUE, "blue", 1, 0.95),), {"detect": 1.0})
