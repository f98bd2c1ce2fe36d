"""Hours as persons propose them on their phones: nothing holds before the plate's owner has confirmed it (P13)."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, func, select, update

from service.admin import require_plate
from service.books.books import Books
from service.errors import AdminError
from service.identity.trail import Deed, note
from service.payers.periods import Hours
from service.payers.rules import NewBinding, PlatePayers
from service.payers.tables import hours_proposals, persons, plate_payers
from service.store.clock import from_us, to_us
from service.store.database import telling_faults

MOST_WAITING = 10
"""Of one person: more would only bother owners."""
WAITING, CONFIRMED, REFUSED, WITHDRAWN = "waiting", "confirmed", "refused", "withdrawn"


class NoProposal(AdminError):
    """There is no such proposal for this person to decide or withdraw."""


@dataclass(frozen=True, slots=True)
class ProposedHours:
    """name: who would like to hold the hours."""

    id: str
    plate: str
    person: str
    name: str
    hours: Hours
    made_at: datetime
    state: str


class Proposals:
    """What one person may do about hours. Raises AdminError with the reason."""

    def __init__(self, books: Books, person: str) -> None:
        self._books = books
        self._person = person

    def propose(self, plate: str, hours: Hours) -> str:
        """The proposal's id; the same wish twice is one. An owner's own holds at once.

        Whether the plate is known, and whose it is, is not told.
        """
        kept, now_us = require_plate(plate), to_us(self._books.clock.now())
        with telling_faults(), self._books.database.writing() as connection:
            connection.execute(select(persons.c.id).where(persons.c.id == self._person).with_for_update())
            mine = hours_proposals.c.person == self._person, hours_proposals.c.state == WAITING
            same = (
                hours_proposals.c.plate == kept,
                hours_proposals.c.start_min == hours.start_min,
                hours_proposals.c.end_min == hours.end_min,
            )
            found = connection.execute(select(hours_proposals.c.id).where(*mine, *same)).scalar()
            if found is not None:
                return str(found)
            count = select(func.count()).select_from(hours_proposals).where(*mine)
            if connection.execute(count).scalar_one() >= MOST_WAITING:
                raise AdminError(f"{MOST_WAITING} proposals wait already; withdraw one, or wait for the owner")
            row = {"id": f"h-{secrets.token_hex(8)}", "plate": kept, "person": self._person, "made_us": now_us}
            minutes = {"start_min": hours.start_min, "end_min": hours.end_min}
            connection.execute(hours_proposals.insert().values(**row, **minutes, state=WAITING))
            self._note(connection, "hours.propose", kept, hours)
            if _owner(connection, kept) == self._person:
                self._decide(connection, str(row["id"]), CONFIRMED)
            return str(row["id"])

    def decide(self, proposal: str, *, is_confirmed: bool) -> None:
        """The plate's owner confirms, and the hours hold from now on; or refuses."""
        with telling_faults(), self._books.database.writing() as connection:
            self._decide(connection, proposal, CONFIRMED if is_confirmed else REFUSED)

    def withdraw(self, proposal: str) -> None:
        """Take an own proposal back."""
        with telling_faults(), self._books.database.writing() as connection:
            row = self._locked(connection, proposal)
            if row is None or row.person != self._person:
                raise NoProposal("no such proposal")
            self._end(connection, row, WITHDRAWN)

    def mine(self, most: int = 20) -> tuple[ProposedHours, ...]:
        """Own ones, the newest first."""
        return self._found(hours_proposals.c.person == self._person, most)

    def for_owner(self, most: int = 100) -> tuple[ProposedHours, ...]:
        """Those that wait for this person, whose plates they are about."""
        owned = select(plate_payers.c.plate).where(plate_payers.c.owner == self._person)
        return self._found(hours_proposals.c.plate.in_(owned) & (hours_proposals.c.state == WAITING), most)

    def _found(self, condition: Any, most: int) -> tuple[ProposedHours, ...]:
        table = hours_proposals
        query = select(table, persons.c.name).join(persons, persons.c.id == table.c.person).where(condition)
        newest = query.order_by(table.c.made_us.desc(), table.c.id).limit(most)
        with telling_faults(), self._books.database.reading() as connection:
            return tuple(_proposal(row) for row in connection.execute(newest))

    def _decide(self, connection: Connection, proposal: str, state: str) -> None:
        row = self._locked(connection, proposal)
        if row is None or _owner(connection, row.plate) != self._person:
            raise NoProposal("no such proposal")
        self._end(connection, row, state)
        if state == CONFIRMED:
            binding = NewBinding(hours=_hours(row), from_at=self._books.clock.now())
            PlatePayers(self._books, f"phone:{self._person}").bind(connection, row.plate, row.person, binding)

    def _end(self, connection: Connection, row: Row[Any], state: str) -> None:
        if row.state != WAITING:
            raise AdminError(f"this proposal is {row.state} already")
        values = {"state": state, "decided_us": to_us(self._books.clock.now()), "decided_by": self._person}
        connection.execute(update(hours_proposals).where(hours_proposals.c.id == row.id).values(**values))
        self._note(connection, f"hours.{state}", row.plate, _hours(row))

    def _locked(self, connection: Connection, proposal: str) -> Row[Any] | None:
        query = select(hours_proposals).where(hours_proposals.c.id == proposal).with_for_update()
        return connection.execute(query).first()

    def _note(self, connection: Connection, action: str, plate: str, hours: Hours) -> None:
        deed = Deed(self._books.clock.now(), f"phone:{self._person}", action, plate, {"hours": str(hours)})
        note(connection, deed)


def _owner(connection: Connection, plate: str) -> str | None:
    found: str | None = connection.execute(select(plate_payers.c.owner).where(plate_payers.c.plate == plate)).scalar()
    return found


def _hours(row: Row[Any]) -> Hours:
    return Hours(row.start_min, row.end_min)


def _proposal(row: Row[Any]) -> ProposedHours:
    return ProposedHours(row.id, row.plate, row.person, row.name, _hours(row), from_us(row.made_us), row.state)
