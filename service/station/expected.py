"""Keeps for some minutes which plates an entry camera has read, so that the lanes at the pumps can ask early."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, select
from sqlalchemy.dialects import postgresql, sqlite

from service.live.changes import count_change, expected_topic
from service.station.tables import asked_ahead
from service.store.clock import US_PER_S, to_us
from service.store.database import Database, telling_faults
from wire.ahead import KEPT_S, MOST_EXPECTED, AskedAhead, ExpectedPlate

AHEAD = timedelta(minutes=5)
"""As much as a signature may be ahead; what is kept has the time of this clock."""


class ExpectedStore:
    """One database's view of what was asked ahead. Safe between threads.

    Nothing here decides anything: whether a plate may refuel is judged when the pump's own lane asks.
    """

    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        self._database = database
        self._now = now

    def take(self, asked: AskedAhead) -> bool:
        """Keep a plate; False for a picture too old, or from a clock too far ahead, to say who comes now."""
        now = self._now()
        if not now - timedelta(seconds=KEPT_S) <= asked.captured_at <= now + AHEAD:
            return False
        with telling_faults(), self._database.writing(is_durable=False) as connection:
            connection.execute(delete(asked_ahead).where(asked_ahead.c.asked_us < _oldest_us(now)))
            _keep(connection, asked, to_us(now))
            _drop_beyond(connection, asked.station)
            count_change(connection, expected_topic(asked.station))
        return True

    def of(self, station: str) -> tuple[ExpectedPlate, ...]:
        """The plates expected at a station now, the newest first; what is older is deleted from all stations."""
        now = self._now()
        self._forget(now)
        mine = (asked_ahead.c.station == station) & (asked_ahead.c.asked_us >= _oldest_us(now))
        query = select(asked_ahead.c.plate, asked_ahead.c.asked_us).where(mine)
        with telling_faults(), self._database.reading() as connection:
            rows = connection.execute(query.order_by(asked_ahead.c.asked_us.desc()).limit(MOST_EXPECTED)).all()
        return tuple(ExpectedPlate(plate=row.plate, expires_in_s=_left_s(row.asked_us, now)) for row in rows)

    def _forget(self, now: datetime) -> None:
        old = asked_ahead.c.asked_us < _oldest_us(now)
        with telling_faults(), self._database.reading() as connection:
            if connection.execute(select(asked_ahead.c.plate).where(old).limit(1)).first() is None:
                return
        with telling_faults(), self._database.writing(is_durable=False) as connection:
            connection.execute(delete(asked_ahead).where(old))


def _oldest_us(now: datetime) -> int:
    return to_us(now) - round(KEPT_S * US_PER_S)


def _left_s(asked_us: int, now: datetime) -> float:
    return min(KEPT_S, max(0.0, (asked_us - _oldest_us(now)) / US_PER_S))


def _keep(connection: Connection, asked: AskedAhead, now_us: int) -> None:
    row = {"station": asked.station, "plate": asked.plate, "lane": asked.lane, "asked_us": now_us}
    insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    made = insert(asked_ahead).values(row)
    changed = {"lane": asked.lane, "asked_us": now_us}
    connection.execute(made.on_conflict_do_update(index_elements=["station", "plate"], set_=changed))


def _drop_beyond(connection: Connection, station: str) -> None:
    """A unit that reads nonsense fills no disk and pushes no more than the oldest plates out."""
    mine = asked_ahead.c.station == station
    newest = select(asked_ahead.c.plate).where(mine).order_by(asked_ahead.c.asked_us.desc()).limit(MOST_EXPECTED)
    connection.execute(delete(asked_ahead).where(mine, asked_ahead.c.plate.not_in(newest)))
