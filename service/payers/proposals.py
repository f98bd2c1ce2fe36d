"""Hours as persons propose them on their phones: nothing holds before the plate's owner has confirmed it (P13)."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, func, select, update

from service.books.books import Books
from service.errors import AdminError
from service.identity.trail import TrailEntry, note
from service.payer_rules.periods import Hours
from service.payers.plate_payers import NewBinding, PlatePayers, hours_of
from service.store.clock import from_us, to_us
from service.store.database import telling_faults
from service.store.naming import require_plate
from service.store.payer_tables import hours_proposals, persons, plate_payers

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


@dataclass(frozen=True, slots=True)
class Decider:
    """Who confirms, refuses or withdraws. person: None for an account of a fleet."""

    actor: str
    person: str | None


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
            known = connection.execute(select(hours_proposals.c.id).where(*mine, *same)).scalar()
            if known is not None:
                return str(known)
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
            row = locked(connection, proposal)
            if row is None or row.person != self._person:
                raise NoProposal("no such proposal")
            conclude(connection, self._books, row, WITHDRAWN, self._decider)

    def mine(self, most: int = 20) -> tuple[ProposedHours, ...]:
        """Own ones, the newest first."""
        return found(self._books, hours_proposals.c.person == self._person, most)

    def for_owner(self, most: int = 100) -> tuple[ProposedHours, ...]:
        """Those that wait for this person, whose plates they are about."""
        owned = select(plate_payers.c.plate).where(plate_payers.c.owner == self._person)
        return found(self._books, hours_proposals.c.plate.in_(owned) & (hours_proposals.c.state == WAITING), most)

    @property
    def _decider(self) -> Decider:
        return Decider(f"phone:{self._person}", self._person)

    def _decide(self, connection: Connection, proposal: str, state: str) -> None:
        row = locked(connection, proposal)
        if row is None or _owner(connection, row.plate) != self._person:
            raise NoProposal("no such proposal")
        conclude(connection, self._books, row, state, self._decider)

    def _note(self, connection: Connection, action: str, plate: str, hours: Hours) -> None:
        _note(connection, self._books, self._decider, action, plate, hours)


def found(books: Books, condition: Any, most: int) -> tuple[ProposedHours, ...]:
    """Proposals that meet a condition, the newest first."""
    table = hours_proposals
    query = select(table, persons.c.name).join(persons, persons.c.id == table.c.person).where(condition)
    newest = query.order_by(table.c.made_us.desc(), table.c.id).limit(most)
    with telling_faults(), books.database.reading() as connection:
        return tuple(_proposal(row) for row in connection.execute(newest))


def locked(connection: Connection, proposal: str) -> Row[Any] | None:
    """The proposal's row, locked; who may decide about it is for the caller to know."""
    query = select(hours_proposals).where(hours_proposals.c.id == proposal).with_for_update()
    return connection.execute(query).first()


def conclude(connection: Connection, books: Books, row: Row[Any], state: str, by: Decider) -> None:
    """End a waiting proposal; one that is confirmed holds from now on. Raises AdminError where it ended before."""
    if row.state != WAITING:
        raise AdminError(f"this proposal is {row.state} already")
    now, hours = books.clock.now(), hours_of(row)
    values = {"state": state, "decided_us": to_us(now), "decided_by": by.person}
    connection.execute(update(hours_proposals).where(hours_proposals.c.id == row.id).values(**values))
    _note(connection, books, by, f"hours.{state}", row.plate, hours)
    if state == CONFIRMED:
        binding = NewBinding(hours=hours, from_at=now)
        PlatePayers(books, by.actor).bind(connection, row.plate, row.person, binding)


def _note(connection: Connection, books: Books, by: Decider, action: str, plate: str, hours: Hours) -> None:
    note(connection, TrailEntry(books.clock.now(), by.actor, action, plate, {"hours": str(hours)}))


def _owner(connection: Connection, plate: str) -> str | None:
    found: str | None = connection.execute(select(plate_payers.c.owner).where(plate_payers.c.plate == plate)).scalar()
    return found


def _proposal(row: Row[Any]) -> ProposedHours:
    return ProposedHours(row.id, row.plate, row.person, row.name, hours_of(row), from_us(row.made_us), row.state)
