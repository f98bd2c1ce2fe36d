"""Persons who pay by phone: made by an operator, paired by a one-time code, their keys revoked, their wallets."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, select, update

from service.books.books import Books
from service.books.records import TransferKind
from service.errors import AdminError, as_typed
from service.identity.signed.devices import code_digest, new_code, random_text, shown_code
from service.identity.trail import TrailEntry, note
from service.payer_rules.capabilities import CAPABILITIES
from service.payers import wallets
from service.payers.keys import revoke_keys
from service.store.clock import to_us
from service.store.database import telling_faults
from service.store.naming import require_name
from service.store.payer_tables import pairing_codes, payer_bindings, persons, phone_keys
from wire.money import MAX_FEN

CODE_LIFE = timedelta(hours=24)
"""Pairing happens at home, not beside the operator."""


@dataclass(frozen=True, slots=True)
class Code:
    """A one-time pairing code, to be shown once."""

    person: str
    name: str
    code: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class PersonView:
    """One person for an operator's list; keys: how many phones may speak for them now."""

    person: str
    name: str
    keys: int
    plates: tuple[str, ...]
    balance_fen: int
    held_fen: int
    owed_fen: int


def subject_of(connection: Connection, text: str) -> str:
    """What the books call whom or what an operator names: a person by their number, all else as it is."""
    found = connection.execute(select(persons.c.id).where(persons.c.name == text)).scalar()
    return text if found is None else str(found)


class Phones:
    """What an operator, `actor`, may do about persons and their phones. Raises AdminError with the reason."""

    def __init__(self, books: Books, actor: str) -> None:
        self._books = books
        self._database = books.database
        self._actor = actor

    def add(self, name: str) -> Code:
        """A new person without money, and the code that binds their first phone."""
        require_name(name, "phone")
        with telling_faults(), self._database.writing() as connection:
            if connection.execute(select(persons.c.id).where(persons.c.name == name)).first() is not None:
                raise AdminError(f"there is a {name} already; `phone code {as_typed(name)}` makes a new code")
            person, now_us = f"p-{random_text(12).lower()}", to_us(self._books.clock.now())
            wallet, owed = wallets.open_accounts(connection, person, self._books.ids, now_us)
            row = {"id": person, "name": name, "wallet": wallet, "owed": owed, "created_us": now_us}
            connection.execute(persons.insert().values(row))
            self._note(connection, "phone.add", person)
            return self._new_code(connection, person, name)

    def new_code(self, name: str, *, adds: bool = False) -> Code:
        """A code for a new phone, which ends those before it once it is used. adds: for another phone beside them."""
        with telling_faults(), self._database.writing() as connection:
            person = require_person(connection, name)
            self._note(connection, "phone.code", person.id)
            return self._new_code(connection, person.id, name, adds)

    def revoke(self, name: str) -> int:
        """No phone of this person is listened to any more; their mandates end. How many keys that took."""
        with telling_faults(), self._database.writing() as connection:
            person = require_person(connection, name)
            wallets.lock(connection, person.wallet)
            now_us = to_us(self._books.clock.now())
            revoked = revoke_keys(connection, person.id, now_us)
            self._void_codes(connection, person.id, now_us)
            self._note(connection, "phone.revoke", person.id, keys=str(revoked))
            return revoked

    def pays_by(self, name: str, way: str) -> None:
        """Which way of paying is asked first for what this person's phone pays; questions asked before keep theirs."""
        if way not in CAPABILITIES:
            raise AdminError(f"{way} is not a way of paying: {' or '.join(CAPABILITIES)}")
        with telling_faults(), self._database.writing() as connection:
            person = require_person(connection, name)
            wallets.lock(connection, person.wallet)
            connection.execute(update(persons).where(persons.c.id == person.id).values(pays_by=way))
            self._note(connection, "phone.pay-by", person.id, way=way)

    def top_up(self, name: str, amount_fen: int, *, key: str | None = None, note: str = "") -> bool:
        """Pay money into a wallet. False where the key was posted before."""
        return self._move(name, TransferKind.TOP_UP, amount_fen, key, note)

    def refund(self, name: str, amount_fen: int, *, key: str | None = None, note: str = "") -> bool:
        """Pay money out of a wallet, at most what is free; no phone is needed for it."""
        return self._move(name, TransferKind.REFUND, amount_fen, key, note)

    def correct(self, name: str, amount_fen: int, *, key: str | None = None, note: str) -> bool:
        """A correction in the person's favour (above zero) or against them, at most what is free; with its reason."""
        if not note.strip():
            raise AdminError("a correction needs a reason: --note TEXT")
        return self._move(name, TransferKind.CORRECTION, amount_fen, key, note)

    def list(self, name: str | None = None) -> tuple[PersonView, ...]:
        """All persons by name, or one."""
        query = select(persons).order_by(persons.c.name)
        if name is not None:
            query = query.where(persons.c.name == name)
        with telling_faults(), self._database.reading() as connection:
            found = tuple(_person(connection, row) for row in connection.execute(query).all())
        if name is not None and not found:
            raise AdminError(f"no phone {name}; `phone add {as_typed(name)}` makes one")
        return found

    def _move(self, name: str, kind: TransferKind, amount_fen: int, key: str | None, words: str) -> bool:
        is_correction = kind is TransferKind.CORRECTION
        if not 0 < (abs(amount_fen) if is_correction else amount_fen) <= MAX_FEN:
            raise AdminError("an amount must be above 0 and below ten billion yuan")
        unique = wallets.operator_key(key)
        with telling_faults(), self._database.writing() as connection:
            person = require_person(connection, name)
            sides = (wallets.ADJUSTMENT if is_correction else wallets.CLEARING, person.wallet)
            comes_in = kind is TransferKind.TOP_UP or (is_correction and amount_fen > 0)
            debit, credit = sides if comes_in else sides[::-1]
            posting = wallets.Posting(kind, debit, credit, abs(amount_fen), unique, self._actor, words)
            return wallets.post(connection, posting, self._books.ids, to_us(self._books.clock.now()))

    def _new_code(self, connection: Connection, person: str, name: str, adds: bool = False) -> Code:
        code, now = new_code(), self._books.clock.now()
        row = {
            "digest": code_digest(code),
            "person": person,
            "made_us": to_us(now),
            "expires_us": to_us(now + CODE_LIFE),
        }
        if not adds:
            self._void_codes(connection, person, to_us(now))
        connection.execute(pairing_codes.insert().values(adds=adds, **row))
        return Code(person, name, shown_code(code), now + CODE_LIFE)

    def _void_codes(self, connection: Connection, person: str, now_us: int) -> None:
        """A code that lies about unused must not take the place of the key that a later one bound."""
        codes = update(pairing_codes).where(pairing_codes.c.person == person, pairing_codes.c.used_us.is_(None))
        connection.execute(codes.where(pairing_codes.c.expires_us > now_us).values(expires_us=now_us))

    def _note(self, connection: Connection, action: str, subject: str, **detail: str) -> None:
        note(connection, TrailEntry(self._books.clock.now(), self._actor, action, subject, detail))


def require_person(connection: Connection, name: str) -> Row[Any]:
    """The row of the person of this name. Raises AdminError."""
    row = connection.execute(select(persons).where(persons.c.name == name)).first()
    if row is None:
        raise AdminError(f"no phone {name}; `phone add {as_typed(name)}` makes one")
    return row


def _person(connection: Connection, row: Row[Any]) -> PersonView:
    accounts = wallets.read(connection, row.wallet, row.owed)
    wallet, owed = accounts[row.wallet], accounts[row.owed]
    living = select(phone_keys.c.id).where(phone_keys.c.person == row.id, phone_keys.c.revoked_us.is_(None))
    bound = select(payer_bindings.c.plate).where(payer_bindings.c.person == row.id, payer_bindings.c.ended_us.is_(None))
    plates = sorted({plate for (plate,) in connection.execute(bound)})
    return PersonView(
        person=row.id,
        name=row.name,
        keys=len(connection.execute(living).all()),
        plates=tuple(plates),
        balance_fen=wallet.balance_fen,
        held_fen=wallet.debits_pending_fen,
        owed_fen=-owed.balance_fen,
    )
