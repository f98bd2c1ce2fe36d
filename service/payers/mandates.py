"""Standing mandates: what a phone's key has signed that may be taken from its holder without asking each time."""

from __future__ import annotations

import json
import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select, update

from service.books.books import Books
from service.errors import AdminError
from service.payer_rules.periods import Hours
from service.payers import keys, wallets
from service.store.clock import to_us
from service.store.database import telling_faults
from service.store.payer_tables import mandate_plates, mandates, payer_bindings, persons, plate_payers
from wire.payers import MANDATE_WORDS, MandateText, Signed
from wire.plates import is_plate, normalise


def sign(books: Books, signed: Signed) -> str:
    """Take a mandate that a phone has signed, and return its id; it replaces those of the same plates.

    Raises AdminError for another's key, a stale or repeated text, and plates on which the signer holds no hours.
    """
    now = books.clock.now()
    with telling_faults(), books.database.writing() as connection:
        person, text = keys.judged(connection, MANDATE_WORDS, signed, MandateText)
        keys.require_fresh(text.signed_at, now)
        same = mandates.c.person == person, mandates.c.text == signed.text
        if connection.execute(select(mandates.c.id).where(*same)).first():
            raise keys.NotSigned("this mandate was signed before; sign a new one")
        plates = sorted({normalise(plate) for plate in text.plates})
        _require_plates(connection, person, plates)
        wallet = connection.execute(select(persons.c.wallet).where(persons.c.id == person)).scalar_one()
        wallets.lock(connection, wallet)
        for plate in plates:
            end_for_plate(connection, person, plate, to_us(now))
        return _add(connection, person, signed, text, plates, now)


def rest(connection: Connection, person: str, mandate: str, now_us: int | None) -> bool:
    """Let one of a person's mandates rest from now on; None: go on. Whether there is such a one."""
    return _change(connection, person, mandate, paused_us=now_us)


def end(connection: Connection, person: str, mandate: str, now_us: int) -> bool:
    """End one of a person's mandates; a green already given keeps its hold. Whether there is such a one."""
    if not _change(connection, person, mandate, ended_us=now_us):
        return False
    plates = mandate_plates.c.mandate == mandate, mandate_plates.c.ended_us.is_(None)
    connection.execute(update(mandate_plates).where(*plates).values(ended_us=now_us))
    return True


def _change(connection: Connection, person: str, mandate: str, **values: int | None) -> bool:
    wallet = connection.execute(select(persons.c.wallet).where(persons.c.id == person)).scalar_one()
    wallets.lock(connection, wallet)
    living = mandates.c.id == mandate, mandates.c.person == person, mandates.c.ended_us.is_(None)
    return bool(connection.execute(update(mandates).where(*living).values(**values)).rowcount)


def pause(connection: Connection, person: str, now_us: int | None) -> None:
    """Let all of a person's mandates rest from now on; None: go on."""
    living = mandates.c.person == person, mandates.c.ended_us.is_(None)
    connection.execute(update(mandates).where(*living).values(paused_us=now_us))


def _add(
    connection: Connection, person: str, signed: Signed, text: MandateText, plates: Sequence[str], now: datetime
) -> str:
    name = f"m-{secrets.token_hex(8)}"
    row: dict[str, Any] = {
        "id": name,
        "person": person,
        "key": signed.key_id,
        "per_fill_fen": text.per_fill_fen,
        "per_day_fen": text.per_day_fen,
        "tries_per_day": text.tries_per_day,
        "stations": json.dumps(sorted(text.stations), ensure_ascii=False) if text.stations else None,
        "hours": None if text.hours is None else str(_hours(text.hours)),
        "offline_fen": text.offline_fen,
        "signed_us": to_us(text.signed_at),
        "received_us": to_us(now),
        "text": signed.text,
        "signature": signed.signature,
    }
    connection.execute(mandates.insert().values(row))
    connection.execute(mandate_plates.insert(), [{"mandate": name, "plate": plate} for plate in plates])
    return name


def _hours(text: str) -> Hours:
    try:
        return Hours.parse(text)
    except ValueError as error:
        raise keys.NotSigned(str(error)) from None


def _require_plates(connection: Connection, person: str, plates: Sequence[str]) -> None:
    """Nobody signs for a plate that an operator or owner has not given them hours on."""
    bound = select(payer_bindings.c.plate).where(payer_bindings.c.person == person, payer_bindings.c.ended_us.is_(None))
    owned = select(plate_payers.c.plate).where(plate_payers.c.owner == person)
    own = {plate for query in (bound, owned) for (plate,) in connection.execute(query)}
    for plate in plates:
        if not is_plate(plate) or plate not in own:
            raise AdminError(f"plate {plate}: you have no hours on it; ask its owner first")


def end_for_plate(connection: Connection, person: str, plate: str, now_us: int) -> None:
    """End a person's mandates for one plate."""
    own = select(mandates.c.id).where(mandates.c.person == person)
    plates = mandate_plates.c.mandate.in_(own), mandate_plates.c.plate == plate, mandate_plates.c.ended_us.is_(None)
    connection.execute(update(mandate_plates).where(*plates).values(ended_us=now_us))
