"""Slows down guessing: token buckets kept in the database, so that all workers count together.

A bucket holds `burst` attempts and gains `per_s` new ones each second. Nobody is locked out: an empty bucket says how
many seconds to wait for the next attempt.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite

from service.clock import from_us, to_us
from service.identity.tables import throttles

FORGET_AFTER = timedelta(days=1)
"""Every bucket is full again by then."""


@dataclass(frozen=True, slots=True)
class Bucket:
    """name: what is counted, for example an account from an address; at most 160 characters."""

    name: str
    burst: int
    per_s: float


def take(connection: Connection, buckets: tuple[Bucket, ...], now: datetime) -> float:
    """Take one attempt from every bucket. Returns 0, or the seconds to wait, and then nothing was taken."""
    levels = [(bucket, _level(connection, bucket, now)) for bucket in sorted(buckets, key=lambda b: b.name)]
    wait_s = max((1.0 - level) / bucket.per_s for bucket, level in levels)
    if wait_s > 0:
        return wait_s
    for bucket, level in levels:
        _store(connection, bucket, level - 1.0, now)
    return 0.0


def give_back(connection: Connection, buckets: tuple[Bucket, ...], now: datetime) -> None:
    """Return what an attempt took: it was an honest one."""
    for bucket in sorted(buckets, key=lambda b: b.name):
        _store(connection, bucket, min(float(bucket.burst), _level(connection, bucket, now) + 1.0), now)


def tidy(connection: Connection, now: datetime) -> None:
    """Forget the buckets that nobody has touched for a day."""
    connection.execute(delete(throttles).where(throttles.c.at_us < to_us(now - FORGET_AFTER)))


def _level(connection: Connection, bucket: Bucket, now: datetime) -> float:
    insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    fresh = {"bucket": bucket.name[:160], "tokens": float(bucket.burst), "at_us": to_us(now)}
    connection.execute(insert(throttles).values(fresh).on_conflict_do_nothing())
    query = select(throttles.c.tokens, throttles.c.at_us).where(throttles.c.bucket == bucket.name[:160])
    row = connection.execute(query.with_for_update()).one()
    gained = max(0.0, (now - from_us(row.at_us)).total_seconds()) * bucket.per_s
    return min(float(bucket.burst), float(row.tokens) + gained)


def _store(connection: Connection, bucket: Bucket, tokens: float, now: datetime) -> None:
    row = update(throttles).where(throttles.c.bucket == bucket.name[:160])
    connection.execute(row.values(tokens=tokens, at_us=to_us(now)))


def whole_seconds(wait_s: float) -> int:
    """For Retry-After."""
    return max(1, -int(-wait_s // 1))


