"""Keeps what lane units tell, hands people's orders to them, and answers the questions of the station's pages."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    delete,
    exists,
    insert,
    literal_column,
    null,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from service.errors import AdminError
from service.identity import trail
from service.live.changes import count_change, lane_topic, orders_topic, station_topic
from service.station.tables import lane_orders, lane_statuses, visit_reports
from service.store.clock import from_us, to_us
from service.store.database import Database, telling_faults
from service.store.ids import IdMaker
from service.store.payer_tables import charges
from wire.codec import decode, encode
from wire.live import LaneStatus, Order, OrderKind, OrderResult, OrdersWanted, VisitReport

SILENT_AFTER = timedelta(seconds=30)
"""A lane unit tells something every ten seconds; one that has not for this long is not believed any more."""
TYPED_LIFE = timedelta(seconds=20)
"""A plate typed longer ago than this may belong to a vehicle that has left."""
PARKED_LIFE = timedelta(hours=1)
PICTURE_LIFE = timedelta(hours=72)
VISIT_LIFE = timedelta(days=30)
ORDER_LIFE = timedelta(days=1)
SWEEP_EVERY = timedelta(minutes=10)
STORE_EVERY = timedelta(seconds=10)
MOST_ORDERS = 20
SOONEST_S = 0.5
_IS_DISPUTED = exists().where(
    charges.c.station == visit_reports.c.station,
    charges.c.visit == visit_reports.c.visit,
    charges.c.state == literal_column("'disputed'"),
)
"""Whoever decides about a charge of the visit needs to see the vehicle; the visit's record stays with it."""


@dataclass(frozen=True, slots=True)
class Lane:
    """A lane's last status. silent: it is too old to say anything about now."""

    status: LaneStatus
    seen_at: datetime
    silent: bool


@dataclass(frozen=True, slots=True)
class OrderState:
    """What became of an order; result is None while its unit has told nothing. expired: nor will it be done now.

    left_s: until it expires; None when it was done or is expired.
    """

    order: Order
    made_at: datetime
    result: OrderResult | None
    detail: str
    expired: bool
    left_s: float | None


ReportListener = Callable[[LaneStatus | VisitReport], None]
"""Hears each status and visit as it comes; quick, and raises nothing."""


def silence(_told: LaneStatus | VisitReport) -> None:
    """Nobody else wants to know."""


class StationStore:
    """One database's view of stations. Safe between threads; ring tells waiting pages of this process at once."""

    def __init__(
        self, database: Database, now: Callable[[], datetime], ring: Callable[[], None], told: ReportListener = silence
    ) -> None:
        self._database = database
        self._now = now
        self._ring = ring
        self._told = told
        self._ids = IdMaker()
        self._next_sweep: datetime | None = None

    def take_status(self, status: LaneStatus) -> None:
        """A lane's newest status; one that was overtaken changes nothing. No unit's clock is believed to be ahead."""
        self.take_statuses([status])

    def take_statuses(self, statuses: Sequence[LaneStatus]) -> Sequence[None]:
        """Those of many lanes in one transaction; nothing for each of them."""
        newest = {(one.station, one.lane): one for one in sorted(statuses, key=lambda one: one.at)}
        for one in newest.values():
            self._told(one)
        now = self._now()
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
        self._ring()
        return [None] * len(statuses)

    def take_visit(self, report: VisitReport) -> None:
        """A visit so far. Raises AdminError for a picture that is none; deletes what has been kept for too long."""
        picture = _jpeg(report.picture)
        now = self._now()
        now_us, at_us = to_us(now), to_us(min(report.at, now))
        row: dict[str, object] = {
            "lane": report.lane,
            "at_us": at_us,
            "first_seen_us": to_us(min(report.first_seen_at, now)),
            "over": report.over,
            "body": _text(replace(report, picture=None)),
        }
        if picture is not None:
            row |= {"picture": picture, "picture_us": now_us}
        mine = (visit_reports.c.station == report.station) & (visit_reports.c.visit == report.visit)
        with telling_faults(), self._database.writing(is_durable=False) as connection:
            known = connection.execute(select(visit_reports.c.at_us, visit_reports.c.lane).where(mine)).first()
            if known is None:
                connection.execute(insert(visit_reports).values(station=report.station, visit=report.visit, **row))
            elif known.lane != report.lane:
                raise AdminError(f"visit: {report.visit} belongs to another lane")
            elif known.at_us <= at_us:
                connection.execute(update(visit_reports).where(mine).values(**row))
            self._sweep(connection)
            count_change(connection, station_topic(report.station))
        self._told(report)
        self._ring()

    def order(self, station: str, lane: str, order: Order, actor: str) -> str:
        """Queue an order (its id is made here) and write down who gave it; returns the id.

        Raises AdminError when the lane unit has been silent: nobody is there to carry it out.
        """
        now = self._now()
        found = self.lane(station, lane)
        if found is None or found.silent:
            raise AdminError(f"the unit of lane {lane} is silent")
        number = self._ids.next(to_us(now))
        order = replace(order, id=str(number))
        life = PARKED_LIFE if order.kind in (OrderKind.RETRY, OrderKind.DISCARD) else TYPED_LIFE
        detail = {k: str(v) for k, v in encode(order).items() if k in ("plate", "message", "why") and v}
        with telling_faults(), self._database.writing() as connection:
            connection.execute(
                insert(lane_orders).values(
                    id=number,
                    station=station,
                    lane=lane,
                    kind=order.kind.value,
                    body=_text(order),
                    made_us=to_us(now),
                    expires_us=to_us(now + life),
                )
            )
            if order.kind is not OrderKind.TYPED:
                trail.note(connection, trail.Deed(now, actor, f"order {order.kind}", f"{station}/{lane}", detail))
            count_change(connection, orders_topic(station, lane), station_topic(station), lane_topic(station, lane))
        self._ring()
        return order.id

    def take_outcomes(self, wanted: OrdersWanted, actor: str) -> None:
        """What the lane unit did about earlier orders; told again, it changes nothing."""
        if not wanted.done:
            return
        with telling_faults(), self._database.writing() as connection:
            for done in wanted.done:
                self._settle(connection, wanted, done.order, done.result, done.detail, actor)
            count_change(connection, station_topic(wanted.station), lane_topic(wanted.station, wanted.lane))
        self._ring()

    def _settle(
        self, connection: Connection, wanted: OrdersWanted, order: str, result: OrderResult, detail: str, actor: str
    ) -> None:
        if not order.isdecimal() or len(order) > 18:
            return
        mine = (
            (lane_orders.c.id == int(order))
            & (lane_orders.c.station == wanted.station)
            & (lane_orders.c.lane == wanted.lane)
            & lane_orders.c.result.is_(None)
        )
        row = connection.execute(select(lane_orders.c.kind).where(mine)).first()
        connection.execute(update(lane_orders).where(mine).values(result=result.value, detail=detail))
        if row is not None and row.kind != OrderKind.TYPED.value:
            words = {"order": order, "result": result.value, "detail": detail}
            deed = trail.Deed(self._now(), actor, f"did {row.kind}", f"{wanted.station}/{wanted.lane}", words)
            trail.note(connection, deed)

    def orders_for(self, station: str, lane: str) -> list[Order]:
        """What the lane unit has not yet told the outcome of, oldest first; expired ones are left out."""
        c = lane_orders.c
        open_ones = (c.station == station) & (c.lane == lane) & c.result.is_(None)
        fresh = open_ones & (c.expires_us > to_us(self._now()))
        with telling_faults(), self._database.reading() as connection:
            rows = connection.execute(select(c.body).where(fresh).order_by(c.id).limit(MOST_ORDERS))
            return [decode(Order, json.loads(row.body)) for row in rows]

    def last_orders(self, station: str, lane: str, kind: OrderKind, limit: int = 1) -> list[OrderState]:
        """The newest orders of a kind for a lane."""
        c = lane_orders.c
        query = select(lane_orders).where((c.station == station) & (c.lane == lane) & (c.kind == kind.value))
        with telling_faults(), self._database.reading() as connection:
            return [self._state_of(row) for row in connection.execute(query.order_by(c.id.desc()).limit(limit))]

    def _state_of(self, row: Row[Any]) -> OrderState:
        left_s = (from_us(row.expires_us) - self._now()).total_seconds()
        is_open = row.result is None
        return OrderState(
            decode(Order, json.loads(row.body)),
            from_us(row.made_us),
            None if is_open else OrderResult(row.result),
            row.detail,
            is_open and left_s <= 0,
            left_s if is_open and left_s > 0 else None,
        )

    def parked_orders(self, station: str) -> list[tuple[str, Order]]:
        """Lane and order of what is to be done about parked messages, and is neither done nor expired."""
        c = lane_orders.c
        mine = (c.station == station) & c.result.is_(None) & (c.expires_us > to_us(self._now()))
        kinds = (OrderKind.RETRY.value, OrderKind.DISCARD.value)
        query = select(c.lane, c.body).where(mine & c.kind.in_(kinds))
        with telling_faults(), self._database.reading() as connection:
            return [(row.lane, decode(Order, json.loads(row.body))) for row in connection.execute(query)]

    def fresh_s(self, lanes: Sequence[Lane]) -> float:
        """For how long this list stays true if none of them tells anything: until the first of them is silent."""
        ages_s = [self.age_s(lane.seen_at) for lane in lanes if not lane.silent]
        return max(SILENT_AFTER.total_seconds() - max(ages_s, default=0.0), SOONEST_S)

    def now(self) -> datetime:
        """The service's clock."""
        return self._now()

    def age_s(self, moment: datetime) -> float:
        """Seconds since then."""
        return (self._now() - moment).total_seconds()

    def lane(self, station: str, lane: str) -> Lane | None:
        """A lane's last status, or None for one that has never told any."""
        return next((one for one in self._lanes(station, lane)), None)

    def lanes(self, station: str) -> Sequence[Lane]:
        """All lanes of a station that have ever told a status, by name."""
        return self._lanes(station, None)

    def _lanes(self, station: str, lane: str | None) -> Sequence[Lane]:
        query = select(lane_statuses).where(lane_statuses.c.station == station).order_by(lane_statuses.c.lane)
        if lane is not None:
            query = query.where(lane_statuses.c.lane == lane)
        now = self._now()
        with telling_faults(), self._database.reading() as connection:
            rows = connection.execute(query).all()
        return [
            Lane(
                decode(LaneStatus, json.loads(row.body)),
                from_us(row.seen_us),
                from_us(row.seen_us) < now - SILENT_AFTER,
            )
            for row in rows
        ]

    def visits(self, station: str, limit: int = 30) -> list[VisitReport]:
        """The newest visits of a station."""
        query = select(visit_reports.c.body).where(visit_reports.c.station == station)
        newest = query.order_by(visit_reports.c.first_seen_us.desc()).limit(limit)
        with telling_faults(), self._database.reading() as connection:
            return [decode(VisitReport, json.loads(row.body)) for row in connection.execute(newest)]

    def visit(self, station: str, visit: str) -> VisitReport | None:
        """One visit as its lane last told it."""
        query = select(visit_reports.c.body)
        with telling_faults(), self._database.reading() as connection:
            row = connection.execute(query.where(_visit(station, visit))).first()
        return None if row is None else decode(VisitReport, json.loads(row.body))

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

    def sweep(self) -> None:
        """Delete what has been kept for too long, now."""
        self._next_sweep = None
        with telling_faults(), self._database.writing() as connection:
            self._sweep(connection)

    def _sweep(self, connection: Connection) -> None:
        now = self._now()
        if self._next_sweep is not None and now < self._next_sweep:
            return
        self._next_sweep = now + SWEEP_EVERY
        stale = visit_reports.c.picture_us <= to_us(now - PICTURE_LIFE)
        gone = update(visit_reports).where(stale, ~_IS_DISPUTED).values(picture=null(), picture_us=null())
        connection.execute(gone)
        old = visit_reports.c.first_seen_us < to_us(now - VISIT_LIFE)
        connection.execute(delete(visit_reports).where(old, ~_IS_DISPUTED))
        connection.execute(delete(lane_orders).where(lane_orders.c.made_us < to_us(now - ORDER_LIFE)))


@dataclass(frozen=True, slots=True)
class _News:
    """What a status brings: the row to keep, if any, and whether it shows something else than before."""

    station: str
    topic: str
    row: dict[str, object] | None
    is_change: bool


def _news(status: LaneStatus, before: Row[Any] | None, now: datetime) -> _News:
    body, at_us = _text(status), to_us(min(status.at, now))
    row = {"station": status.station, "lane": status.lane, "at_us": at_us, "seen_us": to_us(now), "body": body}
    topic = lane_topic(status.station, status.lane)
    if before is None:
        return _News(status.station, topic, row, True)
    same = _told(before.body) == _told(body)
    is_fresh = to_us(now) - before.seen_us < STORE_EVERY // timedelta(microseconds=1)
    if before.at_us > at_us or (same and is_fresh):
        return _News(status.station, topic, None, False)
    return _News(status.station, topic, row, not same or from_us(before.seen_us) < now - SILENT_AFTER)


def _statuses_of(connection: Connection, places: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Row[Any]]:
    c = lane_statuses.c
    wanted = tuple_(c.station, c.lane).in_(sorted(places))
    return {(row.station, row.lane): row for row in connection.execute(select(lane_statuses).where(wanted))}


def _keep(connection: Connection, rows: list[dict[str, object]]) -> None:
    """The newer of what is there and what comes, whoever was first."""
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    new = dialect.insert(lane_statuses)
    values = {name: new.excluded[name] for name in ("at_us", "seen_us", "body")}
    newer = lane_statuses.c.at_us <= new.excluded.at_us
    upsert = new.on_conflict_do_update(index_elements=["station", "lane"], set_=values, where=newer)
    connection.execute(upsert, rows)


def _visit(station: str, visit: str) -> ColumnElement[bool]:
    return (visit_reports.c.station == station) & (visit_reports.c.visit == visit)


def _text(record: object) -> str:
    return json.dumps(encode(record), ensure_ascii=False, separators=(",", ":"))


def _told(body: str) -> dict[str, object]:
    """A status without its time: what a page shows of it."""
    return {name: value for name, value in json.loads(body).items() if name != "at"}


def _jpeg(picture: str | None) -> bytes | None:
    if picture is None:
        return None
    try:
        data = base64.b64decode(picture, validate=True)
    except (binascii.Error, ValueError):
        raise AdminError("picture: no base64") from None
    if not data.startswith(b"\xff\xd8\xff"):
        raise AdminError("picture: no JPEG")
    return data
