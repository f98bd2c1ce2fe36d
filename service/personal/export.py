"""Everything that is kept about one person, as one JSON document for them."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, Row, Select, or_, select, tuple_

from service.books.books import Books
from service.errors import AdminError
from service.payer_rules.periods import holders
from service.payers import wallets
from service.payers.plate_payers import load_schedule
from service.push.tables import push_subscriptions
from service.station.tables import visit_reports
from service.store import schema
from service.store.clock import from_us
from service.store.database import telling_faults
from service.store.payer_tables import (
    charge_events,
    charges,
    hours_proposals,
    mandate_plates,
    mandates,
    payer_bindings,
    payer_blocks,
    persons,
    phone_keys,
    plate_payers,
    track_consents,
)
from service.store.payment_tables import payments
from service.store.vehicle_tables import positions
from service.store.zones import HOME_ZONE

SECRET = {"pin_hash", "wallet", "owed", "hold", "then_hold", "p256dh", "auth"}
"""What stands in a row and tells the person nothing: accounts' numbers, and a hash to be guessed at."""


def everything(books: Books, person: str) -> dict[str, Any]:
    """Tables as lists of rows, times in ISO with offset, pictures in base64. Raises AdminError for nobody."""
    with telling_faults(), books.database.reading() as connection:
        row = connection.execute(select(persons).where(persons.c.id == person)).first()
        if row is None:
            raise AdminError("no such person")
        accounts = wallets.read(connection, row.wallet, row.owed)
        wallet, owed = accounts[row.wallet], accounts[row.owed]
        return {
            "person": {**_plain(row), "pin": row.pin_hash is not None},
            "wallet": {"balance_fen": wallet.balance_fen, "held_fen": wallet.debits_pending_fen},
            "owed_fen": -owed.balance_fen,
            **{name: _rows(connection, query) for name, query in _tables(row).items()},
            "pictures": _pictures(connection, person),
            "positions": list(_positions(connection, person, row.name)),
        }


def _tables(row: Row[Any]) -> dict[str, Select[Any]]:
    """What is asked of each table, by the name that it has in the document."""
    person = row.id
    theirs = or_(charges.c.person == person, charges.c.asked == person)
    own_charges, own_mandates = (
        select(charges.c.id).where(theirs),
        select(mandates.c.id).where(mandates.c.person == person),
    )
    t, e, a = schema.transfers.c, schema.operator_events.c, schema.authorisations.c
    accounts = (row.wallet, row.owed)
    moved = or_(t.debit_account.in_(accounts), t.credit_account.in_(accounts))
    named = or_(e.subject == person, e.actor == f"phone:{person}", e.detail.contains(json.dumps(person)))
    return {
        "phones": select(phone_keys).where(phone_keys.c.person == person).order_by(phone_keys.c.added_us),
        "push_addresses": select(push_subscriptions).where(push_subscriptions.c.person == person),
        "hours": select(payer_bindings).where(payer_bindings.c.person == person).order_by(payer_bindings.c.id),
        "hours_wished": select(hours_proposals).where(hours_proposals.c.person == person),
        "plates_owned": select(plate_payers).where(plate_payers.c.owner == person),
        "tracks_agreed": select(track_consents).where(track_consents.c.person == person),
        "plates_blocked": select(payer_blocks).where(payer_blocks.c.person == person),
        "mandates": select(mandates).where(mandates.c.person == person).order_by(mandates.c.received_us),
        "mandate_plates": select(mandate_plates).where(mandate_plates.c.mandate.in_(own_mandates)),
        "charges": select(charges).where(theirs).order_by(charges.c.created_us),
        "payments": select(payments).where(payments.c.person == person).order_by(payments.c.made_us),
        "charge_steps": select(charge_events)
        .where(charge_events.c.charge.in_(own_charges))
        .order_by(charge_events.c.id),
        "questions": select(schema.authorisations).where(a.person == person).order_by(a.asked_us),
        "fuellings": select(schema.fuellings)
        .where(schema.fuellings.c.id.in_(select(charges.c.fuelling).where(theirs)))
        .order_by(schema.fuellings.c.id),
        "movements": select(schema.transfers).where(moved).order_by(t.id),
        "deeds": select(schema.operator_events).where(named).order_by(e.id),
    }


def _rows(connection: Connection, query: Select[Any]) -> list[dict[str, Any]]:
    return [_plain(row) for row in connection.execute(query)]


def _plain(row: Row[Any]) -> dict[str, Any]:
    """Microseconds as times; nothing that opens anything."""
    return {
        name.removesuffix("_us") + "_at" * name.endswith("_us"): _at(value) if name.endswith("_us") else value
        for name, value in row._mapping.items()
        if name not in SECRET
    }


def _at(value: int | None) -> str | None:
    return None if value is None else from_us(value).isoformat()


def _pictures(connection: Connection, person: str) -> list[dict[str, str]]:
    a, v = schema.authorisations.c, visit_reports.c
    asked: Sequence[Select[Any]] = (
        select(a.station, a.visit).where(a.person == person),
        select(charges.c.station, charges.c.visit).where(charges.c.person == person),
    )
    visit = tuple_(v.station, v.visit)
    found = select(visit_reports).where(or_(*(visit.in_(one) for one in asked)), v.picture.is_not(None))
    return [
        {"station": row.station, "visit": row.visit, "jpeg": base64.b64encode(row.picture).decode()}
        for row in connection.execute(found)
    ]


def _positions(connection: Connection, person: str, name: str) -> Iterator[dict[str, Any]]:
    """Of each plate those that fall in hours which the person holds, or held then."""
    plates = select(payer_bindings.c.plate).where(payer_bindings.c.person == person).distinct()
    for plate in sorted(connection.execute(plates).scalars()):
        schedule = load_schedule(connection, plate)
        if schedule is None:
            continue
        for row in connection.execute(select(positions).where(positions.c.plate == plate).order_by(positions.c.at_us)):
            at = from_us(row.at_us)
            if name in {binding.name for binding in holders(schedule, at, HOME_ZONE)}:
                yield _plain(row)
