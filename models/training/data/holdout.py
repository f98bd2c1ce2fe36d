"""The rule that divides plates, the same for crops, automatic crops and scenes: one in five stays out of training."""

from __future__ import annotations

import hashlib


def is_held_out(plate: str) -> bool:
    """Whether pictures of this plate are for evaluation only: SHA-256 of its UTF-8 text, as a number, divides by 5."""
    return _number(plate) % 5 == 0


def is_for_calibration(plate: str) -> bool:
    """Whether a training plate is kept aside for temperature and early looks: a tenth of what is not held out."""
    number = _number(plate)
    return number % 5 != 0 and number // 5 % 10 == 0


def is_in_part(plate: str, part: float) -> bool:
    """Whether a plate belongs to the first `part` (0 to 1) of all, in an order of its own."""
    return _number(plate) // 1000 % 1000 < 1000 * part


def _number(plate: str) -> int:
    return int(hashlib.sha256(plate.encode()).hexdigest(), 16)
