"""Whole numbers as people type them."""

from __future__ import annotations

import re


def parse_whole(text: str, low: int, high: int) -> int:
    """The number, within bounds that every store can hold. Raises ValueError for anything else."""
    if not re.fullmatch(r"-?[0-9]{1,19}", text, re.ASCII) or not low <= int(text) <= high:
        raise ValueError(f"{text!r}: write a whole number from {low} to {high}")
    return int(text)
