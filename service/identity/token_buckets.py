"""Slows down guessing: token buckets kept in the database, so that all workers count together.

A bucket holds `burst` attempts and gains `per_s` new ones each second. Nobody is locked out: an empty bucket says how
many seconds to wait for the next attempt.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite

from service.store.clock import from_us, to_us
from service.store.identity_tables import throttles

FORGET_AFTER = timedelta(days=1)
"""Every bucket is full again by then."""


FUTURE_S = 60.0
"""Workers' clocks differ by less."""


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


def wait_of(connection: Connection, buckets: tuple[Bucket, ...], now: datetime) -> float:
    """The seconds to wait, from reading alone: a flood of attempts must not hold up those who write."""
    query = select(throttles).where(throttles.c.bucket.in_([bucket.name[:160] for bucket in buckets]))
    rows = {row.bucket: row for row in connection.execute(query)}
    levels = [(b, _present(rows[b.name[:160]], b, now)) for b in buckets if b.name[:160] in rows]
    return max([0.0, *((1.0 - level) / bucket.per_s for bucket, level in levels)])


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
    return _present(connection.execute(query.with_for_update()).one(), bucket, now)


def _present(row: Any, bucket: Bucket, now: datetime) -> float:
    """What is in it now. A bucket from the future, since the clock was set back, is as it was left and gains from now.

    take() writes it anew with this time; so that it comes to that, an empty one has one attempt.
    """
    passed_s = (now - from_us(row.at_us)).total_seconds()
    if passed_s < -FUTURE_S:
        return max(1.0, min(float(bucket.burst), float(row.tokens)))
    gained = max(0.0, passed_s) * bucket.per_s
    return min(float(bucket.burst), float(row.tokens) + gained)


def _store(connection: Connection, bucket: Bucket, tokens: float, now: datetime) -> None:
    row = update(throttles).where(throttles.c.bucket == bucket.name[:160])
    connection.execute(row.values(tokens=tokens, at_us=to_us(now)))


def whole_seconds(wait_s: float) -> int:
    """For Retry-After."""
    return max(1, -int(-wait_s // 1))
