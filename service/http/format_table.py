"""The table of plate formats that panel and service share: which characters each place of a plate may hold."""

from __future__ import annotations

import functools
import itertools
import json
from pathlib import Path

from wire.plates import normalise

Words = tuple[str, str]
"""Chinese, English."""

TABLE = Path(__file__).resolve().parents[1] / "pages" / "static" / "plates.json"
"""A list of formats, each a list of places, each the characters allowed there. The panel reads the same file."""
NEW_ENERGY_LENGTH = 8


@functools.cache
def formats() -> tuple[tuple[str, ...], ...]:
    """All formats."""
    return tuple(tuple(places) for places in json.loads(TABLE.read_text(encoding="utf-8")))


def missing(text: str) -> Words:
    """What is wrong with a typed text that is not a plate."""
    plate = normalise(text[:40])
    if not plate:
        return "请输入车牌号", "Type the plate number"
    begun = [f for f in formats() if len(f) > len(plate) and _fits(plate, f)]
    if begun:
        count = min(len(f) for f in begun) - len(plate)
        return f"还差{count}位", f"{count} more character" + ("s" if count > 1 else "")
    if any(len(f) == len(plate) + 1 and _fits(plate, f[1:]) for f in formats()):
        return "缺少省份简称", "The province is missing"
    wrong = 1 + max(_fitting(plate, f) for f in formats())
    right = plate[: wrong - 1]
    if not any(len(f) > len(right) and _fits(right, f) for f in formats()):
        return "位数太多", "Too many characters"
    return f"第{wrong}位不正确", f"Character {wrong} can't be"


def look_of(plate: str) -> str:
    """The colours in which a plate of this text is drawn, as far as its format tells."""
    if plate[-1:] in ("港", "澳", "使", "领") or plate.startswith("使"):
        return "black"
    if plate[-1:] in ("警", "急", "临") or plate.startswith(("WJ", "军")) or (plate and plate[:2].isascii()):
        return "white"
    if plate[-1:] in ("学", "挂", "试"):
        return "yellow"
    if plate.startswith("民航") or plate[1:2].isdigit():
        return "green-dark"
    if len(plate) == NEW_ENERGY_LENGTH:
        return "green-large" if plate[-1].isalpha() else "green"
    return "blue"


def _fits(text: str, places: tuple[str, ...]) -> bool:
    """Whether this is how such a plate begins."""
    return _fitting(text, places) == len(text)


def _fitting(text: str, places: tuple[str, ...]) -> int:
    """How many characters from the left are as this format wants them."""
    good = itertools.takewhile(lambda pair: pair[0] in pair[1], zip(text, places, strict=False))
    return sum(1 for _ in good)


def typed_plate(text: str) -> str | None:
    """The plate that was typed, normalised; None for a text that no plate can carry."""
    plate = normalise(text[:40])
    fits = any(len(f) == len(plate) and all(s in p for s, p in zip(plate, f, strict=True)) for f in formats())
    return plate if fits else None
