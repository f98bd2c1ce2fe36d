"""Time for the balance service: the clock it is given, and times as the integers the database keeps."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Protocol

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
US_PER_S = 1_000_000


class WallClock(Protocol):
    """The only source of time; tests and recorded video move it by hand."""

    def now(self) -> datetime:
        """The wall clock as an aware UTC datetime."""


class SystemWallClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)


def to_us(moment: datetime) -> int:
    """Whole microseconds since 1970 in UTC; exact, so that a stored message compares equal to its repeat."""
    return (moment - EPOCH) // _MICROSECOND


def from_us(microseconds: int) -> datetime:
    """The aware UTC datetime that to_us was given."""
    return EPOCH + timedelta(microseconds=microseconds)
