"""What each lane unit has told last: a row a lane, the newest status in it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, select, tuple_
from sqlalchemy.dialects import postgresql, sqlite

from service.live.changes import count_change, lane_topic, station_topic
from service.station.tables import lane_statuses
from service.store.clock import from_us, to_us
from service.store.database import Database, telling_faults
from wire.codec import decode_text, encode_text
from wire.live import LaneStatus

SILENT_AFTER = timedelta(seconds=30)
"""A lane unit tells something every ten seconds; one that has not for this long is not believed any more."""
STORE_EVERY = timedelta(seconds=10)
SOONEST_S = 0.5


@dataclass(frozen=True, slots=True)
class Lane:
    """A lane's last status. silent: it is too old to say anything about now."""

    status: LaneStatus
    seen_at: datetime
    silent: bool


class LaneStatuses:
    """Of the stations of one database. Safe between threads."""

    def __init__(
        self,
        database: Database,
        now: Callable[[], datetime],
        heard: Callable[[LaneStatus], None],
    ) -> None:
        self._database = database
        self._now = now
        self._heard = heard

    def take(self, statuses: Sequence[LaneStatus]) -> Sequence[None]:
        """The newest of many lanes in one transaction; nothing for each of them.

        One that was overtaken changes nothing. No unit's clock is believed to be ahead.
        """
        newest = {(one.station, one.lane): one for one in sorted(statuses, key=lambda one: one.at)}
        for one in newest.values():
            self._heard(one)
        now = self._now()
        # Looked at before writing: most statuses say nothing new, and a writer would make every lane wait for it.
        with telling_faults(), self._database.reading() as connection:
            before = _statuses_of(connection, newest)
        news = [_news(newest[place], before.get(place), now) for place in sorted(newest)]
        if not any(one.row for one in news):
            return [None] * len(statuses)
        with telling_faults(), self._database.writing(is_durable=False) as connection:
            _keep(connection, [one.row for one in news if one.row])
            topics = {t for one in news if one.is_change for t in (station_topic(one.station), one.topic)}
            if topics:
                count_change(connection, *topics)
        return [None] * len(statuses)

    def of(self, station: str, lane: str) -> Lane | None:
        """A lane's last status, or None for one that has never told any."""
        return next((one for one in self._read(station, lane)), None)

    def all_of(self, station: str) -> Sequence[Lane]:
        """All lanes of a station that have ever told a status, by name."""
        return self._read(station, None)

    def _read(self, station: str, lane: str | None) -> Sequence[Lane]:
        query = select(lane_statuses).where(lane_statuses.c.station == station).order_by(lane_statuses.c.lane)
        if lane is not None:
            query = query.where(lane_statuses.c.lane == lane)
        now = self._now()
        with telling_faults(), self._database.reading() as connection:
            rows = connection.execute(query).all()
        return [
            Lane(
                decode_text(LaneStatus, row.body),
                from_us(row.seen_us),
                from_us(row.seen_us) < now - SILENT_AFTER,
            )
            for row in rows
        ]

    def fresh_s(self, lanes: Sequence[Lane]) -> float:
        """For how long this list stays true if none of them tells anything: until the first of them is silent."""
        now = self._now()
        ages_s = [(now - lane.seen_at).total_seconds() for lane in lanes if not lane.silent]
        return max(SILENT_AFTER.total_seconds() - max(ages_s, default=0.0), SOONEST_S)


@dataclass(frozen=True, slots=True)
class _News:
    """What a status brings: the row to keep, if any, and whether it shows something else than before."""

    station: str
    topic: str
    row: dict[str, object] | None
    is_change: bool


def _news(status: LaneStatus, before: Row[Any] | None, now: datetime) -> _News:
    body, at_us = encode_text(status), to_us(min(status.at, now))
    row = {"station": status.station, "lane": status.lane, "at_us": at_us, "seen_us": to_us(now), "body": body}
    topic = lane_topic(status.station, status.lane)
    if before is None:
        return _News(status.station, topic, row, True)
    same = _shown(before.body) == _shown(body)
    is_fresh = to_us(now) - before.seen_us < STORE_EVERY // timedelta(microseconds=1)
    # The same again is kept every ten seconds only, to show that the lane is not silent.
    if before.at_us > at_us or (same and is_fresh):
        return _News(status.station, topic, None, False)
    return _News(status.station, topic, row, not same or from_us(before.seen_us) < now - SILENT_AFTER)


def _statuses_of(connection: Connection, places: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Row[Any]]:
    c = lane_statuses.c
    wanted = tuple_(c.station, c.lane).in_(sorted(places))
    return {(row.station, row.lane): row for row in connection.execute(select(lane_statuses).where(wanted))}


def _keep(connection: Connection, rows: list[dict[str, object]]) -> None:
    """The newer of what is there and what comes stays."""
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    new = dialect.insert(lane_statuses)
    values = {name: new.excluded[name] for name in ("at_us", "seen_us", "body")}
    # Judged again where the row is locked: since it was read another process may have kept a newer one.
    newer = lane_statuses.c.at_us <= new.excluded.at_us
    upsert = new.on_conflict_do_update(index_elements=["station", "lane"], set_=values, where=newer)
    connection.execute(upsert, rows)


def _shown(body: str) -> dict[str, object]:
    """A status without its time: what a page shows of it."""
    return {name: value for name, value in json.loads(body).items() if name != "at"}
