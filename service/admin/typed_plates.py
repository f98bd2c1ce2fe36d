"""Typed plates as operators set them up and look at them: rules, PINs, and visits whose reads say something else."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, or_, select

from service.books.books import Books
from service.errors import AdminError
from service.identity import trail
from service.payers import pins
from service.payers.phones import require_person
from service.store import schema
from service.store.clock import from_us
from service.store.database import telling_faults
from service.store.naming import require_plate
from service.store.payer_tables import persons
from wire.typed import TypedRule


@dataclass(frozen=True, slots=True)
class TypedVisit:
    """A typed question whose reads say something else, or nothing."""

    at: datetime
    station: str
    lane: str
    visit: str
    typed: str
    read: str | None
    certain: bool
    decision: str
    reason: str
    confirmed_by: str | None


class TypedPlates:
    """What an operator, `actor`, may change and see. Raises AdminError."""

    def __init__(self, books: Books, actor: str) -> None:
        self._books = books
        self._database = books.database
        self._actor = actor

    def set_rule(self, table: str, name: str, rule: TypedRule | None) -> str:
        """The rule of a station, card or plate; None: what stands above it counts. Returns the name as it is kept."""
        found = {"station": schema.stations, "card": schema.cards, "plate": schema.plates}[table]
        kept = require_plate(name) if table == "plate" else name
        key = found.c.plate if table == "plate" else found.c.id
        with telling_faults(), self._database.writing() as connection:
            change = found.update().where(key == kept).values(typed_rule=rule)
            if connection.execute(change).rowcount == 0:
                raise AdminError(f"no {table} {kept}")
            self._note(connection, f"set_{table}_typed", kept, rule="default" if rule is None else rule.value)
        return kept

    def set_pin(self, card: str, pin: str | None) -> None:
        """The PIN of a card, six digits; None takes it away. The trail says that it was set, never what it is."""
        kept_hash = pins.hashed(pin)
        with telling_faults(), self._database.writing() as connection:
            change = schema.cards.update().where(schema.cards.c.id == card).values(pin_hash=kept_hash)
            if connection.execute(change).rowcount == 0:
                raise AdminError(f"no card {card}")
            self._note(connection, "set_pin" if pin is not None else "forget_pin", card)

    def has_pin(self, card: str) -> bool:
        """Whether the card has a PIN; one that is not there has none."""
        with telling_faults(), self._database.reading() as connection:
            return (
                connection.execute(select(schema.cards.c.pin_hash).where(schema.cards.c.id == card)).scalar()
                is not None
            )

    def set_person_pin(self, name: str, pin: str | None) -> None:
        """The PIN of a person who pays by phone, for plates in their hours; None takes it away."""
        kept_hash = pins.hashed(pin)
        with telling_faults(), self._database.writing() as connection:
            person = require_person(connection, name)
            connection.execute(persons.update().where(persons.c.id == person.id).values(pin_hash=kept_hash))
            self._note(connection, "phone.pin" if pin is not None else "phone.forget_pin", person.id)

    def differing(self, limit: int = 100, station: str | None = None) -> list[TypedVisit]:
        """Typed questions that the reads did not agree with word for word, of one station or all, newest first."""
        asked = schema.authorisations.c
        query = select(schema.authorisations).where(
            asked.typed, or_(asked.seen.is_(None), asked.seen != asked.plate, asked.seen_certain.is_(None))
        )
        if station is not None:
            query = query.where(asked.station == station)
        with telling_faults(), self._database.reading() as connection:
            rows = connection.execute(query.order_by(asked.asked_us.desc()).limit(limit)).all()
        return [_visit(row) for row in rows]

    def _note(self, connection: Connection, action: str, subject: str, **detail: str) -> None:
        deed = trail.TrailEntry(self._books.clock.now(), self._actor, action, subject, detail)
        trail.note(connection, deed)


def _visit(row: Row[Any]) -> TypedVisit:
    return TypedVisit(
        at=from_us(row.asked_us),
        station=row.station,
        lane=row.lane,
        visit=row.visit,
        typed=row.plate,
        read=row.seen,
        certain=bool(row.seen_certain),
        decision=row.decision,
        reason=row.reason,
        confirmed_by=row.confirmed_by,
    )
