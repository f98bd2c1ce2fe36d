"""The rule that keeps one plate in five out of training, the same for crops, automatic crops and scenes."""

from __future__ import annotations

import hashlib


def is_held_out(plate: str) -> bool:
    """Whether pictures of this plate are for evaluation only: SHA-256 of its UTF-8 text, as a number, divides by 5."""
    return int(hashlib.sha256(plate.encode()).hexdigest(), 16) % 5 == 0
