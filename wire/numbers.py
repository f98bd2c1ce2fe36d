"""Numbers and time zones as people type them."""

from __future__ import annotations

import math
import re
from zoneinfo import ZoneInfo

_OF_ONE_MACHINE = {"localtime", "posixrules", "Factory"}
_TWICE = ("posix/", "right/")
"""Folders with every zone once more; those of right/ count leap seconds, and are half a minute off."""


def parse_whole(text: str, low: int, high: int) -> int:
    """The number, within bounds that every store can hold. Raises ValueError for anything else."""
    if not re.fullmatch(r"-?[0-9]{1,19}", text, re.ASCII) or not low <= int(text) <= high:
        raise ValueError(f"{text!r}: write a whole number from {low} to {high}")
    return int(text)


def parse_number(text: str, low: float, high: float) -> float:
    """The number, within bounds. Raises ValueError for anything else: words, infinities, and what is not a number."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not low <= value <= high:
        raise ValueError(f"{text!r}: write a number from {low:g} to {high:g}")
    return value


def is_zone(name: str) -> bool:
    """Whether this machine knows a time zone of that name, and others mean the same hours by it."""
    if name in _OF_ONE_MACHINE or name.startswith(_TWICE):
        return False
    try:
        ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        return False
    return True
