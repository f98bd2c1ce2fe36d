"""The visits that lane units have told: their steps, and for some days a picture of the vehicle."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import (
    ColumnElement,
    Connection,
    delete,
    exists,
    insert,
    literal_column,
    null,
    or_,
    select,
    update,
)

from service.errors import AdminError
from service.live.changes import count_change, station_topic
from service.station.tables import visit_reports
from service.store.clock import to_us
from service.store.database import Database, telling_faults
from service.store.payer_tables import charges
from wire.codec import decode_text, encode_text
from wire.live import VisitReport

PICTURE_LIFE = timedelta(hours=72)
VISIT_LIFE = timedelta(days=30)
_IS_DISPUTED = exists().where(
    charges.c.station == visit_reports.c.station,
    charges.c.visit == visit_reports.c.visit,
    charges.c.state == literal_column("'disputed'"),
)
"""Whoever decides about a charge of the visit needs to see the vehicle; the visit's record stays with it."""


class VisitReportStore:
    """Of the stations of one database. Safe between threads.

    sweep: deletes, within the transaction that it is given, what has been kept for too long.
    """

    def __init__(
        self,
        database: Database,
        now: Callable[[], datetime],
        heard: Callable[[VisitReport], None],
        sweep: Callable[[Connection], None],
    ) -> None:
        self._database = database
        self._now = now
        self._heard = heard
        self._sweep = sweep

    def take(self, report: VisitReport) -> None:
        """A visit so far. Raises AdminError for a picture that is none; deletes what has been kept for too long."""
        picture = _jpeg(report.picture)
        now = self._now()
        now_us, at_us = to_us(now), to_us(min(report.at, now))
        row: dict[str, object] = {
            "lane": report.lane,
            "at_us": at_us,
            "first_seen_us": to_us(min(report.first_seen_at, now)),
            "over": report.over,
            "body": encode_text(replace(report, picture=None)),
        }
        if picture is not None:
            row |= {"picture": picture, "picture_us": now_us}
        mine = (visit_reports.c.station == report.station) & (visit_reports.c.visit == report.visit)
        with telling_faults(), self._database.writing(is_durable=False) as connection:
            # A lane tells of its own visits alone: a name that two lanes use must not mix their vehicles.
            known = connection.execute(select(visit_reports.c.at_us, visit_reports.c.lane).where(mine)).first()
            if known is None:
                connection.execute(insert(visit_reports).values(station=report.station, visit=report.visit, **row))
            elif known.lane != report.lane:
                raise AdminError(f"visit: {report.visit} belongs to another lane")
            elif known.at_us <= at_us:
                connection.execute(update(visit_reports).where(mine).values(**row))
            self._sweep(connection)
            count_change(connection, station_topic(report.station))
        self._heard(report)

    def newest(self, station: str, limit: int = 30) -> list[VisitReport]:
        """The newest visits of a station."""
        query = select(visit_reports.c.body).where(visit_reports.c.station == station)
        last = query.order_by(visit_reports.c.first_seen_us.desc()).limit(limit)
        with telling_faults(), self._database.reading() as connection:
            return [decode_text(VisitReport, row.body) for row in connection.execute(last)]

    def of(self, station: str, visit: str) -> VisitReport | None:
        """One visit as its lane last told it."""
        query = select(visit_reports.c.body)
        with telling_faults(), self._database.reading() as connection:
            row = connection.execute(query.where(_visit(station, visit))).first()
        return None if row is None else decode_text(VisitReport, row.body)

    def picture(self, station: str, visit: str) -> bytes | None:
        """The JPEG of a visit, for 72 hours, and until it is resolved where a charge of it is disputed."""
        kept = or_(visit_reports.c.picture_us > to_us(self._now() - PICTURE_LIFE), _IS_DISPUTED)
        query = select(visit_reports.c.picture).where(_visit(station, visit) & kept)
        with telling_faults(), self._database.reading() as connection:
            return connection.execute(query).scalar()

    def pictured(self, station: str, visits: Iterable[str]) -> set[str]:
        """Those of these visits whose picture is still kept."""
        v = visit_reports.c
        kept = v.picture_us > to_us(self._now() - PICTURE_LIFE)
        query = select(v.visit).where(v.station == station, v.visit.in_(list(visits)), kept)
        with telling_faults(), self._database.reading() as connection:
            return set(connection.execute(query).scalars())

    def forget_old(self, connection: Connection) -> None:
        """Take away pictures and visits that have been kept for too long, but for those in dispute."""
        now = self._now()
        stale = visit_reports.c.picture_us <= to_us(now - PICTURE_LIFE)
        gone = update(visit_reports).where(stale, ~_IS_DISPUTED).values(picture=null(), picture_us=null())
        connection.execute(gone)
        old = visit_reports.c.first_seen_us < to_us(now - VISIT_LIFE)
        connection.execute(delete(visit_reports).where(old, ~_IS_DISPUTED))


def _visit(station: str, visit: str) -> ColumnElement[bool]:
    return (visit_reports.c.station == station) & (visit_reports.c.visit == visit)


def _jpeg(picture: str | None) -> bytes | None:
    if picture is None:
        return None
    try:
        data = base64.b64decode(picture, validate=True)
    except (binascii.Error, ValueError):
        raise AdminError("picture: not base64") from None
    if not data.startswith(b"\xff\xd8\xff"):
        raise AdminError("picture: not a JPEG")
    return data
