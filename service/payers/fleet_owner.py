"""What a fleet does as the owner of plates: it decides about proposed hours and sees the charges that nobody paid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, func, select, true

from service.books.books import Books
from service.books.decisions.person_charges import UNPAID
from service.payer_rules.periods import Hours, Rule
from service.payers.plate_payers import PlatePayers, hours_of
from service.payers.proposals import (
    CONFIRMED,
    REFUSED,
    WAITING,
    Decider,
    NoProposal,
    ProposedHours,
    conclude,
    found,
    locked,
)
from service.store import schema
from service.store.clock import US_PER_S, from_us, to_us
from service.store.database import telling_faults
from service.store.payer_tables import charges, hours_proposals, payer_bindings, persons, plate_payers

MOST_SHOWN = 100


@dataclass(frozen=True, slots=True)
class OpenCharge:
    """A charge that nobody of its period paid in the time they had; it waits at the counter of its station."""

    id: str
    plate: str
    station: str
    amount_fen: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds which hours of an owned plate. order: who of those who share hours is asked first; then by name."""

    name: str
    hours: Hours
    order: int = 0

    @property
    def turn(self) -> tuple[int, str]:
        return self.order, self.name


@dataclass(frozen=True, slots=True)
class Clash:
    """A holder whose hours a proposal overlaps. first: who is asked first in the shared time; None: it is replaced."""

    holder: Holder
    first: str | None


def clashes(proposal: ProposedHours, held: Sequence[Holder]) -> tuple[Clash, ...]:
    """What confirming a proposal changes for those who hold hours of its plate now."""
    wanted = Holder(proposal.name, proposal.hours)
    met = [one for one in held if one.hours.overlaps(wanted.hours)]
    return tuple(Clash(h, None if h.name == wanted.name else min(h, wanted, key=lambda o: o.turn).name) for h in met)


class FleetOwner:
    """Raises AdminError with the reason. actor: the account that decides. Of other owners' plates it knows nothing."""

    def __init__(self, books: Books, fleet: str, actor: str) -> None:
        self._books = books
        self._fleet = fleet
        self._actor = actor

    def waiting(self) -> tuple[ProposedHours, ...]:
        """Proposals for the fleet's plates, the newest first."""
        return found(self._books, hours_proposals.c.plate.in_(self._owned()) & _IS_WAITING, MOST_SHOWN)

    def count_waiting(self) -> int:
        """How many proposals wait for the fleet."""
        query = select(func.count()).where(hours_proposals.c.plate.in_(self._owned()) & _IS_WAITING)
        with telling_faults(), self._books.database.reading() as connection:
            return int(connection.execute(query).scalar_one())

    def holders(self, plates: set[str] | None = None) -> dict[str, list[Holder]]:
        """Who holds hours of these plates of the fleet now or later, by plate; of all its plates the first hundred."""
        b, now_us = payer_bindings.c, to_us(self._books.clock.now())
        living = b.ended_us.is_(None), b.until_us.is_(None) | (b.until_us > now_us)
        asked = b.plate.in_(self._owned()), b.plate.in_(plates) if plates is not None else true()
        query = select(payer_bindings, persons.c.name).join(persons).where(*asked, *living)
        query = query.order_by(b.plate, b.start_min, persons.c.name).limit(MOST_SHOWN if plates is None else None)
        by_plate: dict[str, list[Holder]] = {}
        with telling_faults(), self._books.database.reading() as connection:
            for row in connection.execute(query):
                by_plate.setdefault(row.plate, []).append(Holder(row.name, hours_of(row), row.order_no))
        return by_plate

    def by_card(self, plates: set[str]) -> frozenset[str]:
        """Those of these plates that their card pays by itself, so that hours decide nothing."""
        query = (
            select(schema.plates.c.plate, schema.plates.c.card, plate_payers.c.rule)
            .join(plate_payers, plate_payers.c.plate == schema.plates.c.plate)
            .where(schema.plates.c.plate.in_(plates))
        )
        with telling_faults(), self._books.database.reading() as connection:
            rows = connection.execute(query).all()
        return frozenset(r.plate for r in rows if r.rule == Rule.CARD or (r.rule is None and r.card is not None))

    def take_back(self, plate: str, name: str, hours: Hours) -> None:
        """A driver no longer holds these hours. Raises NoProposal for a plate that the fleet does not own."""
        with telling_faults(), self._books.database.reading() as connection:
            if connection.execute(self._owned(plate)).first() is None:
                raise NoProposal("no such hours")
        PlatePayers(self._books, self._actor).unset(plate, name, hours)

    def decide(self, proposal: str, *, is_confirmed: bool) -> None:
        """Confirmed hours hold from now on. Raises NoProposal for one of another owner's plate, as for none."""
        with telling_faults(), self._books.database.writing() as connection:
            row = locked(connection, proposal)
            own = None if row is None else connection.execute(self._owned(row.plate)).first()
            if row is None or own is None:
                raise NoProposal("no such proposal")
            conclude(
                connection, self._books, row, CONFIRMED if is_confirmed else REFUSED, Decider(self._actor, person=None)
            )

    def open_charges(self) -> tuple[OpenCharge, ...]:
        """Those of which a person as owner would be asked by now, the oldest first; whose they are is not told."""
        c, settings = charges.c, self._books.settings
        until_us = settings.overdue_after_s * US_PER_S
        begun_us = func.coalesce(c.overdue_us - until_us, c.created_us)
        due_us = to_us(self._books.clock.now()) - settings.owner_after_s * US_PER_S
        query = (
            select(charges, schema.stations.c.name)
            .join(schema.stations, schema.stations.c.id == c.station)
            .where(c.plate.in_(self._owned()), c.state.in_([state.value for state in UNPAID]), begun_us <= due_us)
            .order_by(c.created_us, c.id)
            .limit(MOST_SHOWN)
        )
        with telling_faults(), self._books.database.reading() as connection:
            rows = connection.execute(query).all()
        return tuple(OpenCharge(r.id, r.plate, r.name or r.station, r.amount_fen, from_us(r.created_us)) for r in rows)

    def _owned(self, plate: str | None = None) -> Select[tuple[str]]:
        owned = select(plate_payers.c.plate).where(plate_payers.c.fleet == self._fleet)
        return owned if plate is None else owned.where(plate_payers.c.plate == plate)


_IS_WAITING = hours_proposals.c.state == WAITING
