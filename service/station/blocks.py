"""A payer says "not me": green and permit go while nothing has flowed, the staff are called, the plate is blocked."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from service.books.books import Books
from service.books.messages import Done, Release
from service.books.records import State
from service.errors import AdminError
from service.identity.trail import TrailEntry, note
from service.live.changes import count_change, station_topic
from service.payers import wallets
from service.station.store import StationStore
from service.store.clock import from_us, to_us
from service.store.database import Database, telling_faults
from service.store.payer_tables import payer_bindings, payer_blocks, persons, plate_payers
from service.store.schema import authorisations
from wire.live import Order, OrderKind
from wire.plates import normalise

STAFF_HEAR_FOR = timedelta(hours=12)
"""How long the station's page asks the staff to look after a vehicle that its payer does not know."""


@dataclass(frozen=True, slots=True)
class NotMe:
    """What became of it. revoked: authorisations whose hold is free again; flowing: those under which fuel flowed."""

    plate: str
    person: str
    revoked: tuple[str, ...]
    flowing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DisownedVehicle:
    """A vehicle whose payer has said that it is not theirs, for the staff; nobody is named."""

    lane: str
    plate: str
    visit: str
    at: datetime


class PlateBlocks:
    """What `actor` does for a payer. store: hands the order to the lane. Raises AdminError with the reason."""

    def __init__(self, books: Books, store: StationStore, actor: str) -> None:
        self._books = books
        self._database = books.database
        self._store = store
        self._actor = actor

    def not_me(self, plate: str, person: str) -> NotMe:
        """The person, by id, says that the vehicle is not theirs. Said again it finds what is open by then.

        The block counts from its commit on: the next question knows it. An authorisation under which fuel has flowed
        stays, and its fuelling is charged; the payer can dispute the charge.
        """
        kept = normalise(plate)
        with telling_faults(), self._database.writing() as connection:
            _lock_person(connection, person)
            held = _open_ones(connection, kept, person)
            if not held and not _has_to_do_with(connection, kept, person):
                raise AdminError(f"plate {kept}: you have no hours on it")
            self._block(connection, kept, person, held)
        revoked, flowing = [], []
        for row in held:
            if self._has_flowed(row):
                flowing.append(row.id)
            elif self._books.carry_out_one(Release(row.id)) == Done():
                revoked.append(row.id)
                self._order(row)
        return NotMe(kept, person, tuple(revoked), tuple(flowing))

    def lift(self, plate: str, person: str, by: str | None = None) -> None:
        """End a person's block. by: the person who asks, themself or the plate's owner; None for an operator."""
        kept = normalise(plate)
        with telling_faults(), self._database.writing() as connection:
            _lock_person(connection, person)
            owner = connection.execute(select(plate_payers.c.owner).where(plate_payers.c.plate == kept)).scalar()
            if by is not None and by not in (person, owner):
                raise AdminError(f"plate {kept}: only the payer who blocked it or the plate's owner can unblock it")
            living = _living(kept, person)
            found = connection.execute(select(payer_blocks).where(*living)).all()
            if not found:
                raise AdminError(f"plate {kept} is not blocked for this payer")
            connection.execute(update(payer_blocks).where(*living).values(lifted_us=self._now_us()))
            self._note(connection, "payer.lift", kept, person)
            _tell(connection, {row.station for row in found})

    def lift_all(self, plate: str, owner: str) -> tuple[str, ...]:
        """The plate's owner ends every payer's block of it; whose they were, by id."""
        kept = normalise(plate)
        living = payer_blocks.c.plate == kept, payer_blocks.c.lifted_us.is_(None)
        with telling_faults(), self._database.reading() as connection:
            mine = select(plate_payers.c.plate).where(plate_payers.c.plate == kept, plate_payers.c.owner == owner)
            is_owner = connection.execute(mine).first() is not None
            blockers = list(connection.execute(select(payer_blocks.c.person).where(*living).distinct()).scalars())
        if not is_owner or not blockers:
            raise AdminError(f"plate {kept}: there is no block that you may lift")
        for person in blockers:
            with suppress(AdminError):  # it was lifted by themself meanwhile
                self.lift(kept, person, by=owner)
        return tuple(blockers)

    def _block(self, connection: Connection, plate: str, person: str, held: list[Row[Any]]) -> None:
        """One living block a vehicle that stood somewhere, and one where it stood nowhere."""
        known = connection.execute(select(payer_blocks.c.visit).where(*_living(plate, person))).scalars().all()
        stood: list[dict[str, Any]] = [
            {"station": row.station, "lane": row.lane, "visit": row.visit} for row in held if row.visit not in known
        ]
        if not stood and not known:
            stood = [{}]
        now_us = self._now_us()
        for where in stood:
            values = {"id": self._books.ids.next(now_us), "plate": plate, "person": person, "made_us": now_us}
            connection.execute(insert(payer_blocks).values(**values, **where))
        self._note(connection, "payer.not-me", plate, person)
        _tell(connection, {where.get("station") for where in stood})

    def _has_flowed(self, row: Row[Any]) -> bool:
        """By what the lane last told of this visit. The lane itself looks again before it obeys."""
        lane = self._store.lanes.of(row.station, row.lane)
        return lane is not None and lane.status.visit == row.visit and (lane.status.volume_ml or 0) > 0

    def _order(self, row: Row[Any]) -> None:
        """Tell the lane at once; one that is silent, or behind a central control, hears it with its next renewal."""
        order = Order(id="new", kind=OrderKind.REVOKE, by="payer", plate=row.plate, why="not me")
        try:
            self._store.orders.give(row.station, row.lane, order, self._actor)
        except AdminError:
            return

    def _now_us(self) -> int:
        return to_us(self._books.clock.now())

    def _note(self, connection: Connection, action: str, plate: str, person: str) -> None:
        note(connection, TrailEntry(self._books.clock.now(), self._actor, action, plate, {"person": person}))


def blocked_names(database: Database, plate: str) -> tuple[str, ...]:
    """The names of those for whom a plate is blocked."""
    query = select(persons.c.name).join(payer_blocks, payer_blocks.c.person == persons.c.id)
    mine = payer_blocks.c.plate == normalise(plate), payer_blocks.c.lifted_us.is_(None)
    with telling_faults(), database.reading() as connection:
        return tuple(connection.execute(query.where(*mine).distinct().order_by(persons.c.name)).scalars())


def disowned_vehicles(database: Database, station: str, now: datetime) -> tuple[DisownedVehicle, ...]:
    """The vehicles at a station that the staff should look after, the newest first."""
    b = payer_blocks.c
    mine = b.station == station, b.lifted_us.is_(None), b.made_us > to_us(now - STAFF_HEAR_FOR)
    with telling_faults(), database.reading() as connection:
        rows = connection.execute(select(payer_blocks).where(*mine).order_by(b.made_us.desc())).all()
    return tuple(DisownedVehicle(row.lane, row.plate, row.visit, from_us(row.made_us)) for row in rows)


def _living(plate: str, person: str) -> tuple[Any, ...]:
    b = payer_blocks.c
    return b.plate == plate, b.person == person, b.lifted_us.is_(None)


def _lock_person(connection: Connection, person: str) -> None:
    """Whoever decides about the person's money waits, and then knows of the block."""
    wallet = connection.execute(select(persons.c.wallet).where(persons.c.id == person)).scalar()
    if wallet is None:
        raise AdminError("no such person")
    wallets.lock(connection, wallet)


def _open_ones(connection: Connection, plate: str, person: str) -> list[Row[Any]]:
    a = authorisations.c
    mine = a.person == person, a.state == State.OPEN.value
    found: list[Row[Any]] = list(connection.execute(select(authorisations).where(*mine)).all())
    return [row for row in found if normalise(row.plate) == plate]


def _has_to_do_with(connection: Connection, plate: str, person: str) -> bool:
    bound = select(payer_bindings.c.id).where(payer_bindings.c.plate == plate, payer_bindings.c.person == person)
    owned = select(plate_payers.c.plate).where(plate_payers.c.plate == plate, plate_payers.c.owner == person)
    return any(connection.execute(query.limit(1)).first() is not None for query in (bound, owned))


def _tell(connection: Connection, stations: set[str | None]) -> None:
    topics = [station_topic(station) for station in stations if station is not None]
    if topics:
        count_change(connection, *topics)
