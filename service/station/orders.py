"""What people want of a lane unit, until the unit has told what became of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from service.errors import AdminError
from service.identity import trail
from service.live.changes import count_change, lane_topic, orders_topic, station_topic
from service.station.lane_statuses import LaneStatuses
from service.station.tables import lane_orders
from service.store.clock import from_us, to_us
from service.store.database import Database, telling_faults
from service.store.ids import IdMaker
from wire.codec import decode_text, encode, encode_text
from wire.live import Order, OrderKind, OrderResult, OrdersWanted

TYPED_LIFE = timedelta(seconds=20)
"""A plate typed longer ago than this may belong to a vehicle that has left."""
PARKED_LIFE = timedelta(hours=1)
ORDER_LIFE = timedelta(days=1)
MOST_ORDERS = 20


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


class LaneOrders:
    """Orders for the lanes of one database. Safe between threads; lanes: who of them is silent."""

    def __init__(self, database: Database, now: Callable[[], datetime], lanes: LaneStatuses) -> None:
        self._database = database
        self._now = now
        self._lanes = lanes
        self._ids = IdMaker()

    def give(self, station: str, lane: str, order: Order, actor: str) -> str:
        """Queue an order (its id is made here) and write down who gave it; returns the id.

        Raises AdminError when the lane unit has been silent: nobody is there to carry it out.
        """
        now = self._now()
        found = self._lanes.of(station, lane)
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
                    body=encode_text(order),
                    made_us=to_us(now),
                    expires_us=to_us(now + life),
                )
            )
            if order.kind is not OrderKind.TYPED:
                trail.note(connection, trail.TrailEntry(now, actor, f"order {order.kind}", f"{station}/{lane}", detail))
            count_change(connection, orders_topic(station, lane), station_topic(station), lane_topic(station, lane))
        return order.id

    def take_outcomes(self, wanted: OrdersWanted, actor: str) -> None:
        """What the lane unit did about earlier orders; told again, it changes nothing."""
        if not wanted.done:
            return
        with telling_faults(), self._database.writing() as connection:
            for done in wanted.done:
                self._settle(connection, wanted, done.order, done.result, done.detail, actor)
            count_change(connection, station_topic(wanted.station), lane_topic(wanted.station, wanted.lane))

    def _settle(
        self, connection: Connection, wanted: OrdersWanted, order: str, result: OrderResult, detail: str, actor: str
    ) -> None:
        # A lane may say any text; a longer number does not fit into the column, and PostgreSQL would refuse it.
        if not order.isdecimal() or len(order) > 18:
            return
        mine = (
            (lane_orders.c.id == int(order))
            & (lane_orders.c.station == wanted.station)
            & (lane_orders.c.lane == wanted.lane)
            # An outcome told again finds no row, so that the trail has one line of it.
            & lane_orders.c.result.is_(None)
        )
        row = connection.execute(select(lane_orders.c.kind).where(mine)).first()
        connection.execute(update(lane_orders).where(mine).values(result=result.value, detail=detail))
        if row is not None and row.kind != OrderKind.TYPED.value:
            words = {"order": order, "result": result.value, "detail": detail}
            deed = trail.TrailEntry(self._now(), actor, f"did {row.kind}", f"{wanted.station}/{wanted.lane}", words)
            trail.note(connection, deed)

    def waiting(self, station: str, lane: str) -> list[Order]:
        """What the lane unit has not yet told the outcome of, oldest first; expired ones are left out."""
        c = lane_orders.c
        open_ones = (c.station == station) & (c.lane == lane) & c.result.is_(None)
        fresh = open_ones & (c.expires_us > to_us(self._now()))
        with telling_faults(), self._database.reading() as connection:
            rows = connection.execute(select(c.body).where(fresh).order_by(c.id).limit(MOST_ORDERS))
            return [decode_text(Order, row.body) for row in rows]

    def last(self, station: str, lane: str, kind: OrderKind, limit: int = 1) -> list[OrderState]:
        """The newest orders of a kind for a lane."""
        c = lane_orders.c
        query = select(lane_orders).where((c.station == station) & (c.lane == lane) & (c.kind == kind.value))
        with telling_faults(), self._database.reading() as connection:
            return [self._state_of(row) for row in connection.execute(query.order_by(c.id.desc()).limit(limit))]

    def _state_of(self, row: Row[Any]) -> OrderState:
        left_s = (from_us(row.expires_us) - self._now()).total_seconds()
        is_open = row.result is None
        return OrderState(
            decode_text(Order, row.body),
            from_us(row.made_us),
            None if is_open else OrderResult(row.result),
            row.detail,
            is_open and left_s <= 0,
            left_s if is_open and left_s > 0 else None,
        )

    def about_parked(self, station: str) -> list[tuple[str, Order]]:
        """Lane and order of what is to be done about parked messages, and is neither done nor expired."""
        c = lane_orders.c
        mine = (c.station == station) & c.result.is_(None) & (c.expires_us > to_us(self._now()))
        kinds = (OrderKind.RETRY.value, OrderKind.DISCARD.value)
        query = select(c.lane, c.body).where(mine & c.kind.in_(kinds))
        with telling_faults(), self._database.reading() as connection:
            return [(row.lane, decode_text(Order, row.body)) for row in connection.execute(query)]

    def forget_old(self, connection: Connection) -> None:
        """Delete orders that nobody waits for any more."""
        connection.execute(delete(lane_orders).where(lane_orders.c.made_us < to_us(self._now() - ORDER_LIFE)))
