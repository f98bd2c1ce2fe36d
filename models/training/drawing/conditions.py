"""Conditions fitted to real crops, one for each crop: numbers only, no picture is kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import astuple, replace
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.training.drawing.measures import (
    Image,
    Measures,
    as_grey,
    blur_px,
    character_height,
    measure,
    noise,
    upright_strokes,
)
from models.training.drawing.photograph import Condition, photograph, reference_plate
from models.training.drawing.plates import DrawnPlate

CONDITIONS = Path(__file__).with_name("conditions.npz")
"""Of training crops: what is learnt under."""
HELD_OUT = Path(__file__).with_name("conditions_held_out.npz")
"""Of held-out crops: what is judged under."""
BLURREST_PX, GRAINIEST = 5.0, 30.0
_HALVINGS = 7
_PLATES = 3


def fit(crop: Image, rng: np.random.Generator) -> Condition:
    """The condition under which drawn blue plates measure as the crop does."""
    seen = measure(crop)
    height, width = crop.shape[:2]
    looks = (seen.contrast, seen.level, seen.tilt_degrees, seen.lean_degrees, seen.character_height)
    condition = Condition(width, height, 0.0, seen.noise, *looks)
    plates = [reference_plate(rng) for _ in range(_PLATES)]
    seed = int(rng.integers(1 << 31))
    for _ in range(2):
        condition = _cut(condition, seen, plates, seed)
        condition = _focused(condition, seen, plates, seed)
        condition = _grained(condition, seen, plates, seed)
    return condition


def _cut(condition: Condition, seen: Measures, plates: Sequence[DrawnPlate], seed: int) -> Condition:
    def height(crop: Image) -> float:
        return character_height(upright_strokes(as_grey(crop)), condition.tilt_degrees)

    measured = _mean(height, condition, plates, seed)
    return replace(condition, character_height=condition.character_height * seen.character_height / measured)


def _focused(condition: Condition, seen: Measures, plates: Sequence[DrawnPlate], seed: int) -> Condition:
    def blur(focus_px: float) -> float:
        return _mean(lambda crop: blur_px(as_grey(crop)), replace(condition, focus_px=focus_px), plates, seed)

    return replace(condition, focus_px=_solved(blur, seen.blur_px, BLURREST_PX))


def _grained(condition: Condition, seen: Measures, plates: Sequence[DrawnPlate], seed: int) -> Condition:
    def roughness(grain: float) -> float:
        return _mean(lambda crop: noise(as_grey(crop)), replace(condition, grain=grain), plates, seed)

    return replace(condition, grain=_solved(roughness, seen.noise, GRAINIEST))


def _mean(of: Callable[[Image], float], condition: Condition, plates: Sequence[DrawnPlate], seed: int) -> float:
    """A measure's mean over plates photographed with the same chances each time, so that it rises steadily."""
    return float(np.mean([of(photograph(np.random.default_rng(seed), plate, condition).image) for plate in plates]))


def _solved(rising: Callable[[float], float], wanted: float, most: float) -> float:
    """Where a rising function reaches the wanted value, between 0 and most; the nearer end where it does not."""
    low, high = 0.0, most
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if rising(middle) < wanted else (low, middle)
    return (low + high) / 2


def store(by_source: dict[str, list[Condition]], path: Path = CONDITIONS) -> None:
    """Write the conditions of each source."""
    np.savez_compressed(path, **{name: _table(rows) for name, rows in by_source.items()})  # type: ignore[arg-type]


def _table(rows: Sequence[Condition]) -> NDArray[np.float32]:
    return np.asarray([astuple(row) for row in rows], np.float32)


@cache
def load(path: Path = CONDITIONS) -> dict[str, tuple[Condition, ...]]:
    """The stored conditions by source."""
    with np.load(path) as stored:
        return {name: tuple(_condition(row) for row in stored[name]) for name in stored.files}


def _condition(row: NDArray[np.float32]) -> Condition:
    width, height, *rest = (float(value) for value in row)
    return Condition(round(width), round(height), *rest)


def pick(rng: np.random.Generator, source: str | None = None, path: Path = CONDITIONS) -> Condition:
    """A stored condition at random: of one source, or each source as often as the others."""
    stored = load(path)
    names = sorted(stored)
    rows = stored[source or names[int(rng.integers(len(names)))]]
    return rows[int(rng.integers(len(rows)))]


def varied(rng: np.random.Generator, condition: Condition) -> Condition:
    """A neighbour of a condition: as the same camera would have taken it at another moment."""
    softer, rougher, starker = np.exp(rng.normal(0, (0.15, 0.3, 0.15)))
    brighter, fall, lean = rng.normal(0, (10.0, 1.5, 1.5))
    return replace(
        condition,
        focus_px=condition.focus_px * float(softer),
        grain=condition.grain * float(rougher),
        contrast=condition.contrast * float(starker),
        level=condition.level + float(brighter),
        tilt_degrees=condition.tilt_degrees + float(fall),
        lean_degrees=condition.lean_degrees + float(lean),
    )
