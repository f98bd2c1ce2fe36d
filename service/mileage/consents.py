"""Whose positions a fleet may see: those of hours that nobody holds, and of drivers who have agreed, from then on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, select, update

from service.books.books import Books
from service.errors import AdminError
from service.identity.trail import TrailEntry, note
from service.payer_rules.periods import PayerKind, Schedule, holders, turn_at
from service.store.clock import from_us, to_us
from service.store.database import telling_faults
from service.store.naming import require_plate
from service.store.payer_tables import payer_bindings, persons, track_consents
from service.store.vehicle_tables import vehicles


@dataclass(frozen=True, slots=True)
class TrackConsent:
    """What stands: the fleet sees the positions of this person's hours on the plate from then on."""

    plate: str
    name: str
    fleet: str
    agreed_at: datetime


class TrackConsents:
    """What a driver, or an operator for them, `actor`, may say. Raises AdminError with the reason."""

    def __init__(self, books: Books, actor: str) -> None:
        self._books = books
        self._actor = actor

    def agree(self, plate: str, person: str) -> str:
        """From now on; the fleet's name. The same again changes nothing. Of another fleet later it says nothing."""
        kept, now_us = require_plate(plate), to_us(self._books.clock.now())
        with telling_faults(), self._books.database.writing() as connection:
            connection.execute(select(persons.c.id).where(persons.c.id == person).with_for_update())
            holds = (
                payer_bindings.c.plate == kept,
                payer_bindings.c.person == person,
                payer_bindings.c.ended_us.is_(None),
            )
            if connection.execute(select(1).where(*holds)).first() is None:
                raise AdminError(f"this person holds no hours on {kept}, so no positions of {kept} are theirs")
            fleet = connection.execute(select(vehicles.c.fleet).where(vehicles.c.plate == kept)).scalar()
            if fleet is None:
                raise AdminError(f"{kept} is not a fleet's vehicle: nobody sees its positions")
            if person not in agreed(connection, kept, fleet):
                row = {"plate": kept, "person": person, "fleet": fleet, "agreed_us": now_us}
                connection.execute(track_consents.insert().values(row))
                self._note(connection, "track.agree", kept, person, fleet)
            return str(fleet)

    def withdraw(self, plate: str, person: str) -> str:
        """From now on the fleet sees none of them, those from before neither."""
        kept, now_us, c = require_plate(plate), to_us(self._books.clock.now()), track_consents.c
        living = c.plate == kept, c.person == person, c.withdrawn_us.is_(None)
        with telling_faults(), self._books.database.writing() as connection:
            given = [str(fleet) for fleet in connection.execute(select(c.fleet).where(*living)).scalars()]
            if not given:
                raise AdminError(f"this person has not agreed that a fleet sees their positions of {kept}")
            connection.execute(update(track_consents).where(*living).values(withdrawn_us=now_us))
            self._note(connection, "track.withdraw", kept, person, given[0])
        return kept

    def standing(self, plate: str) -> tuple[TrackConsent, ...]:
        """Who has agreed, for the fleet that has the vehicle now."""
        kept, c = require_plate(plate), track_consents.c
        with telling_faults(), self._books.database.reading() as connection:
            fleet = connection.execute(select(vehicles.c.fleet).where(vehicles.c.plate == kept)).scalar()
            living = c.plate == kept, c.fleet == fleet, c.withdrawn_us.is_(None)
            query = select(track_consents, persons.c.name).join(persons).where(*living).order_by(persons.c.name)
            rows = connection.execute(query).all()
        return tuple(TrackConsent(row.plate, row.name, row.fleet, from_us(row.agreed_us)) for row in rows)

    def _note(self, connection: Connection, action: str, plate: str, person: str, fleet: str) -> None:
        detail = {"person": person, "fleet": fleet}
        note(connection, TrailEntry(self._books.clock.now(), self._actor, action, plate, detail))


def agreed(connection: Connection, plate: str, fleet: str | None) -> dict[str, int]:
    """Since when each person who has agreed lets this fleet see their positions of the plate."""
    c = track_consents.c
    living = c.plate == plate, c.fleet == fleet, c.withdrawn_us.is_(None)
    return {row.person: row.agreed_us for row in connection.execute(select(c.person, c.agreed_us).where(*living))}


def is_shown(schedule: Schedule, since_us: Mapping[str, int], at_us: int, zone: ZoneInfo) -> bool:
    """Whether the fleet may see a position of this instant: everybody whose hour it is has agreed by then."""
    at = from_us(at_us)
    whose = {binding.person for binding in holders(schedule, at, zone)}
    if not whose:
        payer = turn_at(schedule, at, zone).payer
        whose = {payer.id or ""} if payer.kind is PayerKind.OWNER else set()
    return all(person in since_us and since_us[person] <= at_us for person in whose)
