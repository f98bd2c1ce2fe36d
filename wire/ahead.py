"""Plates that an entry camera read before their vehicles stand at a pump, and what a pump's lane is told of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from wire.codec import records, text

KEPT_S = 600.0
"""How long a plate asked ahead is expected at the station's pumps; nobody keeps it longer."""
MOST_EXPECTED = 100
"""Of one station; the newest ones count."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedAhead:
    """A plate that the entry camera is certain of. It holds no money and lets nobody refuel."""

    station: str = text(40)
    lane: str = text(40)
    plate: str = text(12)
    captured_at: datetime
    confidence: float = field(metadata={"low": 0.0, "high": 1.0})
    weakest: float = field(metadata={"low": 0.0, "high": 1.0})


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedWanted:
    """A pump's lane asks which plates are expected, and waits up to wait_s while `number` is the newest list still."""

    station: str = text(40)
    lane: str = text(40)
    wait_s: float = field(metadata={"low": 0.0, "high": 25.0})
    number: int = field(default=0, metadata={"low": 0, "high": 2**53 - 1})


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedPlate:
    """One of them; expires_in_s is counted by the asker's own monotonic clock."""

    plate: str = text(12)
    expires_in_s: float = field(metadata={"low": 0.0, "high": KEPT_S})


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """All plates that are expected at a station now, the newest first. number: of the list, to wait for the next."""

    number: int = field(metadata={"low": 0, "high": 2**53 - 1})
    plates: tuple[ExpectedPlate, ...] = records(MOST_EXPECTED)
