"""The table of plate formats that panel and service share: which characters each place of a plate may hold."""

from __future__ import annotations

import functools
import json
from pathlib import Path

from wire.plates import normalise

TABLE = Path(__file__).resolve().parents[1] / "pages" / "static" / "plates.json"
"""A list of formats, each a list of places, each the characters allowed there. The panel reads the same file."""


@functools.cache
def formats() -> tuple[tuple[str, ...], ...]:
    """All formats."""
    return tuple(tuple(places) for places in json.loads(TABLE.read_text(encoding="utf-8")))


def typed_plate(text: str) -> str | None:
    """The plate that was typed, normalised; None for a text that no plate can carry."""
    plate = normalise(text[:40])
    fits = any(len(f) == len(plate) and all(s in p for s, p in zip(plate, f, strict=True)) for f in formats())
    return plate if fits else None
