"""Erases one person: name, PIN, hours, pictures, positions and what was typed about them; the books keep a number."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, delete, func, null, or_, select, tuple_, update

from service.books.books import Books
from service.books.records import State
from service.books.rows.sealing import seal_all
from service.errors import AdminError
from service.identity.trail import TrailEntry, note
from service.mileage.forgetting import Forgetting
from service.payers import wallets
from service.payers.keys import revoke_keys
from service.payers.phones import require_person
from service.personal.text_erasing import ErasedTexts, NotSealed, TextEraser, places_left
from service.push.tables import push_subscriptions
from service.station.tables import visit_reports
from service.store import schema
from service.store.clock import to_us
from service.store.database import telling_faults
from service.store.payer_tables import (
    charges,
    hours_proposals,
    pairing_codes,
    payer_bindings,
    payer_blocks,
    persons,
    track_consents,
)
from service.store.payer_tables import plate_payers as owned
from wire.money import format_yuan
from wire.payers import ChargeState

_TRIES = 5
"""A row that is written while others are sealed is sealed by the next try."""
_DONE = (ChargeState.PAID, ChargeState.REFUNDED)


@dataclass(frozen=True, slots=True)
class Erased:
    """What became of it. left: where a thing of somebody else's bears the same name, as "table.column"."""

    person: str
    phones: int
    hours: int
    pictures: int
    positions: int
    texts: int
    left: tuple[str, ...]


class Erasing:
    """What an operator or the person themself, `actor`, may have erased. Raises AdminError with what is to do first."""

    def __init__(self, books: Books, actor: str) -> None:
        self._books = books
        self._database = books.database
        self._actor = actor

    def by_name(self, name: str) -> Erased:
        """The person of this name."""
        with telling_faults(), self._database.reading() as connection:
            person = require_person(connection, name)
        return self.erase(person.id)

    def erase(self, person: str, evidence: dict[str, str] | None = None) -> Erased:
        """The person of this number. evidence: kept with the deed, of a phone that has signed for it."""
        row = self._checked(person)
        positions = sum(
            Forgetting(self._books, self._actor).of_person(p, row.name).positions for p in self._plates(row)
        )
        for _ in range(_TRIES):
            seal_all(self._database, self._books.clock)
            try:
                done = self._erase(person, positions, evidence or {})
            except NotSealed:
                continue
            return done
        raise AdminError("the books are too busy to be sealed just now; try again")

    def _checked(self, person: str) -> Row[Any]:
        """Looked at first, so that nobody loses their positions by a wish that is refused."""
        with telling_faults(), self._database.reading() as connection:
            return _require_free(connection, person)

    def _plates(self, row: Row[Any]) -> list[str]:
        held = select(payer_bindings.c.plate).where(payer_bindings.c.person == row.id).distinct()
        with telling_faults(), self._database.reading() as connection:
            return sorted(connection.execute(held).scalars())

    def _erase(self, person: str, positions: int, evidence: dict[str, str]) -> Erased:
        now = self._books.clock.now()
        with telling_faults(), self._database.writing() as connection:
            wallet = connection.execute(select(persons.c.wallet).where(persons.c.id == person)).scalar()
            if wallet is not None:
                wallets.lock(connection, wallet)
            row = _require_free(connection, person)
            texts = TextEraser(connection, person, row.name, (row.wallet, row.owed)).erase()
            keys = revoke_keys(connection, person, to_us(now))
            hours = _take_hours(connection, person)
            pictures = _take_pictures(connection, person)
            connection.execute(update(persons).where(persons.c.id == person).values(name=person, pin_hash=None))
            deed = TrailEntry(now, self._actor, "phone.erase", person, {**_listed(texts), **evidence})
            note(connection, deed)
            left = places_left(connection, row.name)
        count = texts.emptied + sum(map(len, texts.sealed.values()))
        return Erased(person, keys, hours, pictures, positions, count, left)


def _require_free(connection: Connection, person: str) -> Row[Any]:
    """Nothing is owed, held or still to be decided. Raises AdminError with what is to do."""
    row = connection.execute(select(persons).where(persons.c.id == person)).first()
    if row is None:
        raise AdminError("no such person")
    if row.name == row.id:
        raise AdminError(f"{person} was erased before")
    theirs = or_(charges.c.person == person, charges.c.asked == person)
    open_ones = select(charges.c.id).where(theirs, charges.c.state.not_in([state.value for state in _DONE]))
    waiting = list(connection.execute(open_ones.order_by(charges.c.created_us)).scalars())
    if waiting:
        raise AdminError(
            f"{len(waiting)} charges are open, {waiting[0]} among them: have them paid, settle them at the counter "
            "(`charge settle ID`), or resolve their disputes (`charge resolve ID`); then erase"
        )
    accounts = wallets.read(connection, row.wallet, row.owed)
    a = schema.authorisations.c
    held = (
        select(func.count()).select_from(schema.authorisations).where(a.person == person, a.state == State.OPEN.value)
    )
    if accounts[row.wallet].debits_pending_fen or connection.execute(held).scalar_one():
        raise AdminError(
            "money is held for a fuelling that may still come; wait until it is over (minutes), then erase"
        )
    balance_fen = accounts[row.wallet].balance_fen
    if balance_fen:
        yuan = format_yuan(balance_fen)
        raise AdminError(f"the wallet holds {yuan} yuan: pay it out first (`phone refund NAME {yuan}`), then erase")
    return row


def _take_hours(connection: Connection, person: str) -> int:
    """Hours, wishes, blocks, codes and the name of owner; who decided about another's wish stays as a number."""
    hours = connection.execute(delete(payer_bindings).where(payer_bindings.c.person == person)).rowcount
    for table in (hours_proposals, payer_blocks, pairing_codes, push_subscriptions, track_consents):
        connection.execute(delete(table).where(table.c.person == person))
    connection.execute(update(owned).where(owned.c.owner == person).values(owner=None))
    return int(hours)


def _take_pictures(connection: Connection, person: str) -> int:
    """Of the visits that they were asked to pay for."""
    a, v = schema.authorisations.c, visit_reports.c
    asked = select(a.station, a.visit).where(a.person == person)
    charged = select(charges.c.station, charges.c.visit).where(charges.c.person == person)
    visit = tuple_(v.station, v.visit)
    theirs = or_(visit.in_(asked), visit.in_(charged)), v.picture.is_not(None)
    taken = connection.execute(update(visit_reports).where(*theirs).values(picture=null(), picture_us=null()))
    return int(taken.rowcount)


def _listed(texts: ErasedTexts) -> dict[str, str]:
    """The rows whose seals have no salt any more, by which the audit tells an erasure from a forgery."""
    return {table: " ".join(map(str, rows)) for table, rows in texts.sealed.items()}
