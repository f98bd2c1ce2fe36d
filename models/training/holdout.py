"""The rule that keeps one plate in five out of training, the same for crops, automatic crops and scenes."""

from __future__ import annotations

import hashlib


def is_held_out(plate: str) -> bool:
    """Whether pictures of this plate are for evaluation only: SHA-256 of its UTF-8 text, as a number, divides by 5."""
    return int(hashlib.sha256(plate.encode()).hexdigest(), 16) % 5 == 0


def is_for_calibration(plate: str) -> bool:
    """Whether a training plate is kept aside for temperature and early looks: a tenth of what is not held out."""
    number = int(hashlib.sha256(plate.encode()).hexdigest(), 16)
    return number % 5 != 0 and number // 5 % 10 == 0
