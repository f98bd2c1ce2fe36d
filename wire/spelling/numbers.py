"""Numbers as people type them."""

from __future__ import annotations

import math
import re

_BEYOND_ANY = 1e15


def parse_whole(text: str, low: int, high: int) -> int:
    """The number, within bounds that every store can hold. Raises ValueError for anything else."""
    if not re.fullmatch(r"-?[0-9]{1,19}", text, re.ASCII) or not low <= int(text) <= high:
        raise ValueError(f"{text!r}: write a whole number from {low} to {high}")
    return int(text)


def parse_number(text: str, low: float, high: float) -> float:
    """The number, within bounds. Raises ValueError for anything else: words, infinities, and what is not a number."""
    try:
        value = typed_number(text)
    except ValueError:
        value = math.nan
    if not low <= value <= high:
        raise ValueError(f"{text!r}: write a number from {low:g} to {high:g}")
    return value


def parse_above_zero(text: str) -> float:
    """The number, if it is above 0. Raises ValueError for anything else, and for more than there is of anything."""
    try:
        value = typed_number(text)
    except ValueError:
        value = math.nan
    if not 0 < value < _BEYOND_ANY:
        raise ValueError(f"{text!r}: write a number above 0")
    return value


def typed_number(text: str) -> float:
    """As one writes it. Raises ValueError for what Python alone reads: 1_0, and digits of other scripts."""
    if not re.fullmatch(r"[+-]?([0-9]+\.?|[0-9]*\.[0-9]+)([eE][+-]?[0-9]{1,3})?", text.strip(" "), re.ASCII):
        raise ValueError(f"{text!r} is not a number")
    return float(text)
