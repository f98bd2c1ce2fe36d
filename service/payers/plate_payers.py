"""A plate's payer rule, bindings, gaps and owner, as operators set them; and the schedule that decides."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Row, delete, select, update

from service.books.books import Books
from service.books.records import ACTIVE
from service.errors import AdminError, as_typed
from service.identity.trail import TrailEntry, note
from service.payer_rules.periods import Binding, Gap, GapAction, Hours, Payer, PayerKind, Rule, Schedule, Turn, turn_at
from service.payers import mandates, wallets
from service.payers.phones import require_person
from service.store import schema
from service.store.clock import to_us
from service.store.database import telling_faults
from service.store.naming import require_plate
from service.store.payer_tables import payer_bindings, payer_gaps, persons, plate_payers
from service.store.vehicle_tables import vehicles
from service.store.zones import HOME_ZONE, zone_of

BY_PHONE = "phone"
"""The payer kind of a plate without a card."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewBinding:
    """Hours for a person on a plate; from_at None: from the beginning wherever nobody else held them."""

    hours: Hours
    from_at: datetime | None = None
    until_at: datetime | None = None
    order: int = 0


class PlatePayers:
    """What an operator, `actor`, may do about who pays for a plate. Raises AdminError with the reason."""

    def __init__(self, books: Books, actor: str) -> None:
        self._books = books
        self._database = books.database
        self._actor = actor

    def set(self, plate: str, name: str, binding: NewBinding) -> str:
        """Give a person hours; those of theirs that overlap are replaced. Takes nothing from a phone by itself."""
        kept = require_plate(plate)
        if binding.from_at and binding.until_at and binding.until_at <= binding.from_at:
            raise AdminError("a binding ends after it begins: --until must be after --from")
        with telling_faults(), self._database.writing() as connection:
            self.bind(connection, kept, require_person(connection, name).id, binding)
        return kept

    def bind(self, connection: Connection, plate: str, person: str, binding: NewBinding) -> None:
        """The same within somebody's transaction; person: by the books' own number."""
        self._know(connection, plate)
        now_us = self._now_us()
        from_us = None if binding.from_at is None else to_us(binding.from_at)
        if not any(row.until_us is None or row.until_us > now_us for row in _living(connection, plate, person)):
            mandates.end_for_plate(connection, person, plate, now_us)
        for row in _living(connection, plate, person):
            if hours_of(row).overlaps(binding.hours):
                _replace(connection, row, from_us, now_us)
        connection.execute(
            payer_bindings.insert().values(
                id=self._books.ids.next(now_us),
                plate=plate,
                person=person,
                start_min=binding.hours.start_min,
                end_min=binding.hours.end_min,
                order_no=binding.order,
                from_us=from_us,
                until_us=None if binding.until_at is None else to_us(binding.until_at),
                made_us=now_us,
            )
        )
        self._note(connection, "payer.set", plate, person=person, hours=str(binding.hours))

    def unset(self, plate: str, name: str, hours: Hours | None = None) -> str:
        """Take hours back from now on, all or those that overlap; the mandate for the plate ends with the last."""
        kept = require_plate(plate)
        with telling_faults(), self._database.writing() as connection:
            person = require_person(connection, name)
            wallets.lock(connection, person.wallet)
            living = _living(connection, kept, person.id)
            taken = [row for row in living if hours is None or hours_of(row).overlaps(hours)]
            if not taken:
                raise AdminError(f"{name} has no such hours on {kept}; `payer show {kept}` lists them")
            now_us = self._now_us()
            for row in taken:
                _end(connection, payer_bindings, row, now_us)
            if len(taken) == len(living):
                mandates.end_for_plate(connection, person.id, kept, now_us)
            self._note(connection, "payer.unset", kept, person=person.id, hours="all" if hours is None else str(hours))
        return kept

    def set_rule(self, plate: str, rule: Rule) -> str:
        """How the plate is paid for from now on."""
        return self._set(plate, "payer.rule", rule.value, rule=rule.value)

    def set_owner(self, plate: str, name: str) -> str:
        """Whose plate it is: who confirms hours, and whom charges reach that nobody of the period pays."""
        kept = require_plate(plate)
        with telling_faults(), self._database.reading() as connection:
            person = require_person(connection, name)
        return self._set(kept, "payer.owner", person.id, owner=person.id, fleet=None)

    def set_fleet(self, plate: str, fleet: str) -> str:
        """The plate is owned by the fleet whose vehicle it is: its people confirm hours, and see what nobody paid."""
        kept = require_plate(plate)
        with telling_faults(), self._database.reading() as connection:
            has = select(1).where(vehicles.c.plate == kept, vehicles.c.fleet == fleet)
            if connection.execute(has).first() is None:
                typed = as_typed(fleet)
                raise AdminError(f"{kept} is not a vehicle of {fleet}; `fleet plate {typed} {kept}` makes it one")
        return self._set(kept, "payer.owner", f"fleet {fleet}", owner=None, fleet=fleet)

    def set_gap(self, plate: str, hours: Hours, action: GapAction) -> tuple[str, tuple[Hours, ...]]:
        """Declare what happens in hours that nobody holds; gaps that overlap are replaced, whole: the hours of each."""
        kept = require_plate(plate)
        with telling_faults(), self._database.writing() as connection:
            self._know(connection, kept)
            now_us = self._now_us()
            living = payer_gaps.c.plate == kept, payer_gaps.c.ended_us.is_(None)
            rows = [
                r for r in connection.execute(select(payer_gaps).where(*living)).all() if hours_of(r).overlaps(hours)
            ]
            for row in rows:
                _end(connection, payer_gaps, row, now_us)
            row_id = self._books.ids.next(now_us)
            values = {"start_min": hours.start_min, "end_min": hours.end_min, "action": action.value}
            connection.execute(payer_gaps.insert().values(id=row_id, plate=kept, made_us=now_us, **values))
            self._note(connection, "payer.gap", kept, hours=str(hours), to=action.value)
        return kept, tuple(hours_of(row) for row in rows)

    def schedule(self, plate: str) -> Schedule | None:
        """All that decides who pays for a plate; None for one that nobody knows."""
        with telling_faults(), self._database.reading() as connection:
            return load_schedule(connection, require_plate(plate))

    def turn(self, plate: str, at: datetime, station: str | None = None) -> tuple[Turn, datetime]:
        """Whose hour an instant is, and the local time it was judged by; money and mandates do not count."""
        kept = require_plate(plate)
        with telling_faults(), self._database.reading() as connection:
            zone = _zone(connection, station)
            schedule = load_schedule(connection, kept)
        nobody = Turn(Payer(PayerKind.NONE), None, None, reason="unknown_plate")
        return nobody if schedule is None else turn_at(schedule, at, zone), at.astimezone(zone)

    def _set(self, plate: str, action: str, word: str, **values: str | None) -> str:
        kept = require_plate(plate)
        with telling_faults(), self._database.writing() as connection:
            self._know(connection, kept)
            connection.execute(update(plate_payers).where(plate_payers.c.plate == kept).values(**values))
            self._note(connection, action, kept, to=word)
        return kept

    def _know(self, connection: Connection, plate: str) -> None:
        """Make a plate known that is bound to no card."""
        plates = schema.plates
        if connection.execute(select(plates.c.plate).where(plates.c.plate == plate)).first() is None:
            values = {"plate": plate, "state": ACTIVE, "payer_kind": BY_PHONE, "bound_us": self._now_us()}
            connection.execute(plates.insert().values(values))
        if connection.execute(select(plate_payers.c.plate).where(plate_payers.c.plate == plate)).first() is None:
            connection.execute(plate_payers.insert().values(plate=plate))

    def _now_us(self) -> int:
        return to_us(self._books.clock.now())

    def _note(self, connection: Connection, action: str, subject: str, **detail: str) -> None:
        note(connection, TrailEntry(self._books.clock.now(), self._actor, action, subject, detail))


def load_schedule(connection: Connection, plate: str) -> Schedule | None:
    """The plate's schedule with its whole past; None for a plate that is not known."""
    known = connection.execute(select(schema.plates.c.card).where(schema.plates.c.plate == plate)).first()
    if known is None:
        return None
    owners = select(plate_payers, persons.c.name).outerjoin(persons).where(plate_payers.c.plate == plate)
    payers = connection.execute(owners).first()
    bound = select(payer_bindings, persons.c.name).join(persons).where(payer_bindings.c.plate == plate)
    gaps = select(payer_gaps).where(payer_gaps.c.plate == plate)
    owned = payers is not None and payers.owner is not None
    return Schedule(
        plate=plate,
        rule=Rule(payers.rule) if payers is not None and payers.rule is not None else None,
        card=known.card,
        owner=Payer(PayerKind.OWNER, payers.owner, payers.name) if payers is not None and owned else None,
        bindings=tuple(_binding(row) for row in connection.execute(bound)),
        gaps=tuple(_gap(row) for row in connection.execute(gaps)),
        fleet=None if payers is None else payers.fleet,
    )


def living(schedule: Schedule) -> tuple[Iterable[Binding], Iterable[Gap]]:
    """The bindings and gaps that nobody has taken back, by their hours."""
    bindings = sorted(
        (b for b in schedule.bindings if b.ended_us is None), key=lambda b: (b.hours.start_min, b.order, b.name)
    )
    return bindings, sorted((g for g in schedule.gaps if g.ended_us is None), key=lambda g: g.hours.start_min)


def _binding(row: Row[Any]) -> Binding:
    return Binding(
        row.person, row.name, hours_of(row), row.order_no, row.from_us, row.until_us, row.made_us, row.ended_us
    )


def _gap(row: Row[Any]) -> Gap:
    return Gap(hours_of(row), GapAction(row.action), row.made_us, row.ended_us)


def hours_of(row: Row[Any]) -> Hours:
    """Of a row of bindings, gaps or proposals."""
    return Hours(row.start_min, row.end_min)


def _living(connection: Connection, plate: str, person: str) -> list[Row[Any]]:
    table = payer_bindings
    mine = table.c.plate == plate, table.c.person == person, table.c.ended_us.is_(None)
    return list(connection.execute(select(table).where(*mine).order_by(table.c.id)).all())


def _replace(connection: Connection, row: Row[Any], from_us: int | None, now_us: int) -> None:
    """The old binding gives way to a new one: where the new one begins, if that lies in its time, else altogether."""
    began_us = row.made_us if row.from_us is None else row.from_us
    if from_us is not None and began_us < from_us and (row.until_us is None or from_us < row.until_us):
        connection.execute(update(payer_bindings).where(payer_bindings.c.id == row.id).values(until_us=from_us))
    elif from_us is None or row.until_us is None or from_us < row.until_us:
        _end(connection, payer_bindings, row, now_us)


def _end(connection: Connection, table: Any, row: Row[Any], now_us: int) -> None:
    """From now on it is over; what never held is forgotten, so that a slip of the keyboard leaves no trace in time."""
    if row.made_us >= now_us:
        connection.execute(delete(table).where(table.c.id == row.id))
    else:
        connection.execute(update(table).where(table.c.id == row.id).values(ended_us=now_us))


def _zone(connection: Connection, station: str | None) -> ZoneInfo:
    if station is None:
        return HOME_ZONE
    found = zone_of(connection, station)
    if found is None:
        raise AdminError(f"no station {station}; `station set` makes one")
    return found
