"""Yuan as people type and read them, fen as the books keep them: exact in both directions."""

from __future__ import annotations

import re

MAX_FEN = 10**12
"""Ten thousand million yuan: beyond any card, far inside 64 bits."""

FEN_PER_YUAN = 100
_YUAN = re.compile(r"([+-]?)([0-9]{1,12})(?:\.([0-9]{1,2}))?\Z", re.ASCII)


def parse_yuan(text: str) -> int:
    """Fen of an amount typed in yuan: "100", "100.5", "-3.20". Raises ValueError for anything else."""
    match = _YUAN.match(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is not an amount in yuan: write 100 or 100.50")
    sign, whole, part = match.groups()
    fen = int(whole) * FEN_PER_YUAN + int((part or "").ljust(2, "0"))
    if fen > MAX_FEN:
        raise ValueError(f"{text} yuan is more than any card can hold")
    return -fen if sign == "-" else fen


def format_yuan(fen: int) -> str:
    """Fen as yuan with two places: 10050 is "100.50", -5 is "-0.05"."""
    whole, part = divmod(abs(fen), FEN_PER_YUAN)
    return f"{'-' if fen < 0 else ''}{whole}.{part:02d}"


def amount_fen(volume_ml: int, unit_price_fen_per_l: int) -> int:
    """Volume times price, half a fen rounded up: the one rounding of lane units and service."""
    return (2 * volume_ml * unit_price_fen_per_l + 1000) // 2000
