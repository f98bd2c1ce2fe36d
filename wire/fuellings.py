"""A finished fuelling, the receipt for it, and prices."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from wire.codec import text, whole
from wire.money import MAX_FEN

MAX_ML = 10**12


@dataclass(frozen=True, slots=True, kw_only=True)
class Fuelling:
    """One finished fuelling. The pair (dispenser, sequence) posts once, for ever."""

    station: str = text(40)
    lane: str = text(40)
    dispenser: str = text(40)
    sequence: int = whole(1, 2**53 - 1)
    visit: str | None = field(metadata={"shortest": 1, "longest": 80})
    authorisation: str | None = field(metadata={"shortest": 1, "longest": 80})
    plate: str | None = field(metadata={"shortest": 1, "longest": 12})
    started_at: datetime
    ended_at: datetime
    volume_ml: int = whole(0, MAX_ML)
    amount_fen: int = whole(0, MAX_FEN)
    unit_price_fen_per_l: int = whole(0, 10**6)
    product: str = text(20)
    totaliser_before_ml: int = whole(0, MAX_ML)
    totaliser_after_ml: int = whole(0, MAX_ML)
    metered_ml: int | None = field(default=None, metadata={"low": 0, "high": MAX_ML, "since": 2})
    """What the lane unit's own pulses of this fuelling come to, whatever the dispenser's display or totaliser says."""
    flags: tuple[str, ...] = ()
    """What the lane unit itself noticed: "power_cut", "clock_unset", "clock_jumped", "no_authorisation"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FuellingReceipt:
    """What a fuelling did to the books. A repeat of the same report returns the same receipt."""

    dispenser: str = text(40)
    sequence: int = whole(1, 2**53 - 1)
    charged_fen: int = whole(0, MAX_FEN)
    captured_fen: int = whole(0, MAX_FEN)
    overrun_fen: int = whole(0, MAX_FEN)
    released_fen: int = whole(0, MAX_FEN)
    balance_fen: int | None = field(metadata={"low": -MAX_FEN, "high": MAX_FEN})
    by_phone: bool = field(default=False, metadata={"since": 2})
    """A person's phone pays it, and no card."""
    flags: tuple[str, ...] = ()
    """What the service noticed: "overrun", "late", "expired_authorisation", "uncovered", "totaliser_gap", ..."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """Price of one product at one station."""

    product: str = text(20)
    unit_price_fen_per_l: int = whole(0, 10**6)
