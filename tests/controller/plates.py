"""Builders of plate reads for tests."""

from __future__ import annotations

from collections.abc import Sequence

from controller.records import CharacterRead, Colour, Corners, PlateRead


def corners(x: float = 640.0, y: float = 500.0, width: float = 150.0) -> Corners:
    """A plate's corners about its centre, three times as wide as high."""
    half, tall = width / 2, width / 6
    return ((x - half, y - tall), (x + half, y - tall), (x + half, y + tall), (x - half, y + tall))


def plate(
    text: str = "粤A12345",
    probability: float | Sequence[float] = 0.98,
    width: float = 150.0,
    x: float = 640.0,
    y: float = 500.0,
    detection: float = 0.9,
    kind: str = "blue",
) -> PlateRead:
    """A read of a plate; probability of all characters, or of each."""
    each = [probability] * len(text) if isinstance(probability, float) else list(probability)
    characters = tuple(CharacterRead(s, p) for s, p in zip(text, each, strict=True))
    return PlateRead(characters, corners(x, y, width), Colour.BLUE, kind if len(text) == 7 else "unknown", 1, detection)
