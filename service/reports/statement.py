"""What the books say about a card or a person's wallet: figures, plates, every movement with the balance after it."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, select

from service.books.records import ACTIVE, TransferKind, TransferPhase
from service.errors import AdminError
from service.store import schema
from service.store.clock import from_us, to_us
from service.store.database import Database, telling_faults
from service.store.payer_tables import persons, plate_payers
from wire.plates import is_plate, normalise


@dataclass(frozen=True, slots=True)
class CardView:
    """A card as an operator sees it; amounts in fen. available = balance less holds.

    offline_fen, typed: its own cap and its own rule for typed plates; None where the station's count.
    """

    card: str
    name: str
    state: str
    preset_fen: int | None
    whole_balance: bool
    balance_fen: int
    held_fen: int
    available_fen: int
    owed_fen: int
    plates: tuple[str, ...]
    blocked_plates: tuple[str, ...]
    offline_fen: int | None
    typed: str | None
    has_pin: bool


@dataclass(frozen=True, slots=True)
class Line:
    """One movement of a card or wallet: amount_fen above zero in its favour, balance_fen what they have after it."""

    at: datetime
    kind: str
    amount_fen: int
    balance_fen: int
    station: str | None
    dispenser: str | None
    sequence: int | None
    plate: str | None
    product: str | None
    volume_ml: int | None
    note: str | None
    actor: str | None


def cards(database: Database, name: str | None = None) -> list[CardView]:
    """All cards by name, or the one. Raises AdminError when that one does not exist."""
    query = select(schema.cards).order_by(schema.cards.c.id)
    if name is not None:
        query = query.where(schema.cards.c.id == name)
    with telling_faults(), database.reading() as connection:
        rows = connection.execute(query).mappings().all()
        if name is not None and not rows:
            raise AdminError(f"no card {name}")
        sums = _sums(connection, [n for row in rows for n in (row["account"], row["receivable"])])
        plates = _plates(connection)
        return [_view(row, sums, plates.get(row["id"], [])) for row in rows]


@dataclass(frozen=True, slots=True)
class PlateView:
    """A plate as an operator sees it. payer: its rule, or what counts where none was set; typed: its own, or None."""

    plate: str
    state: str
    payer: str
    card: str | None
    card_name: str | None
    card_state: str | None
    bound_at: datetime
    typed: str | None


def plates(database: Database, *, plate: str | None = None, card: str | None = None) -> list[PlateView]:
    """All plates in their order, or the one, or those of a card. Raises AdminError for a card that is not there."""
    own, cards_ = schema.plates.c, schema.cards.c
    query = (
        select(schema.plates, cards_.name.label("card_name"), cards_.state.label("card_state"), plate_payers.c.rule)
        .select_from(schema.plates.outerjoin(schema.cards).outerjoin(plate_payers, plate_payers.c.plate == own.plate))
        .order_by(own.plate)
    )
    if plate is not None:
        query = query.where(own.plate == plate)
    if card is not None:
        cards(database, card)
        query = query.where(own.card == card)
    with telling_faults(), database.reading() as connection:
        rows = connection.execute(query).mappings().all()
    return [
        PlateView(
            payer=row["rule"] or row["payer_kind"],
            typed=row["typed_rule"],
            bound_at=from_us(row["bound_us"]),
            **{name: row[name] for name in ("plate", "state", "card", "card_name", "card_state")},
        )
        for row in rows
    ]


def card_of(database: Database, text: str) -> str:
    """The card that a text names: itself, else the one that the plate is bound to. Raises AdminError for neither."""
    with telling_faults(), database.reading() as connection:
        if connection.execute(select(schema.cards.c.id).where(schema.cards.c.id == text)).first() is not None:
            return text
    kept = normalise(text)
    if not is_plate(kept):
        raise AdminError(f"no card {text}")
    card = next((found.card for found in plates(database, plate=kept)), None)
    if card is None:
        raise AdminError(f"no card {text}, and the plate {kept} is not bound to one")
    return card


def is_card(database: Database, name: str) -> bool:
    """Whether the name is a card's, else a person's. Raises AdminError where it is neither's."""
    with telling_faults(), database.reading() as connection:
        if connection.execute(select(schema.cards.c.id).where(schema.cards.c.id == name)).first() is not None:
            return True
        if connection.execute(select(persons.c.id).where(persons.c.name == name)).first() is None:
            raise AdminError(f"no card {name}, and nobody with that name pays by phone")
    return False


def statement(database: Database, name: str, since: datetime | None, until: datetime | None) -> list[Line]:
    """Movements of a card, else of the person of that name, from since to until (excluded), oldest first.

    Raises AdminError where there is neither.
    """
    with telling_faults(), database.reading() as connection:
        lines = list(_lines(connection, _own_accounts(connection, name)))
    return [line for line in lines if (since is None or line.at >= since) and (until is None or line.at < until)]


def _own_accounts(connection: Connection, name: str) -> set[int]:
    """What is owned and what is owed."""
    card = connection.execute(select(schema.cards).where(schema.cards.c.id == name)).first()
    if card is not None:
        return {card.account, card.receivable}
    person = connection.execute(select(persons).where(persons.c.name == name)).first()
    if person is None:
        raise AdminError(f"no card {name}, and nobody with that name pays by phone")
    return {person.wallet, person.owed}


def _sums(connection: Connection, numbers: Sequence[int]) -> dict[int, RowMapping]:
    found: dict[int, RowMapping] = {}
    for start in range(0, len(numbers), 500):
        part = schema.accounts.c.id.in_(numbers[start : start + 500])
        for row in connection.execute(select(schema.accounts).where(part)).mappings():
            found[row["id"]] = row
    return found


def _plates(connection: Connection) -> dict[str, list[RowMapping]]:
    found: dict[str, list[RowMapping]] = {}
    for row in connection.execute(select(schema.plates).order_by(schema.plates.c.plate)).mappings():
        found.setdefault(row["card"], []).append(row)
    return found


def _view(row: RowMapping, sums: dict[int, RowMapping], plates: Sequence[RowMapping]) -> CardView:
    account, receivable = sums[row["account"]], sums[row["receivable"]]
    credit_fen = account["credits_posted_fen"] - account["debits_posted_fen"]
    owed_fen = receivable["debits_posted_fen"] - receivable["credits_posted_fen"]
    held_fen = account["debits_pending_fen"]
    return CardView(
        card=row["id"],
        name=row["name"],
        state=row["state"],
        preset_fen=row["preset_fen"],
        whole_balance=row["whole_balance"],
        balance_fen=credit_fen - owed_fen,
        held_fen=held_fen,
        available_fen=credit_fen - owed_fen - held_fen,
        owed_fen=owed_fen,
        plates=tuple(p["plate"] for p in plates),
        blocked_plates=tuple(p["plate"] for p in plates if p["state"] != ACTIVE),
        offline_fen=row["offline_fen"],
        typed=row["typed_rule"],
        has_pin=row["pin_hash"] is not None,
    )


def _lines(connection: Connection, own: set[int]) -> Iterator[Line]:
    """Movements between the two accounts and others; what goes from one to the other changes nothing for the owner."""
    transfers, fuellings = schema.transfers, schema.fuellings
    query = (
        select(
            transfers, *[fuellings.c[n] for n in ("station", "dispenser", "sequence", "plate", "product", "volume_ml")]
        )
        .select_from(transfers.outerjoin(fuellings))
        .where(transfers.c.debit_account.in_(own) | transfers.c.credit_account.in_(own))
        .where(transfers.c.phase.in_([TransferPhase.SINGLE.value, TransferPhase.POST.value]))
        .where(transfers.c.debit_account.not_in(own) | transfers.c.credit_account.not_in(own))
        .order_by(transfers.c.at_us, transfers.c.id)
    )
    balance_fen = 0
    for (_, fuelling), group in itertools.groupby(connection.execute(query).mappings(), _movement):
        rows = list(group)
        row = rows[0]
        amount_fen = sum(r["amount_fen"] if r["credit_account"] in own else -r["amount_fen"] for r in rows)
        balance_fen += amount_fen
        yield Line(
            at=from_us(row["at_us"]),
            kind=TransferKind.FUELLING.value if fuelling is not None and row["kind"] != _BACK else row["kind"],
            amount_fen=amount_fen,
            balance_fen=balance_fen,
            **{n: row[n] for n in ("station", "dispenser", "sequence", "plate", "product", "volume_ml")},
            note=row["note"],
            actor=row["actor"],
        )


def _movement(row: RowMapping) -> tuple[int, int | None]:
    """What belongs on one line: the several transfers of a fuelling or of its refund, or one transfer alone."""
    if row["fuelling_id"] is None:
        return row["id"], None
    return row["at_us"] if row["kind"] == _BACK else 0, row["fuelling_id"]


_BACK = TransferKind.FUELLING_BACK.value


def rejected(database: Database, station: str | None, since: datetime | None) -> list[dict[str, Any]]:
    """Fuelling reports that were refused for good, newest first."""
    query = select(schema.rejected_messages).order_by(schema.rejected_messages.c.at_us.desc())
    if station is not None:
        query = query.where(schema.rejected_messages.c.station == station)
    if since is not None:
        query = query.where(schema.rejected_messages.c.at_us >= to_us(since))
    with telling_faults(), database.reading() as connection:
        rows = connection.execute(query).mappings().all()
    return [
        {**{k: v for k, v in row.items() if k not in ("at_us", "digest")}, "at": from_us(row["at_us"]).isoformat()}
        for row in rows
    ]


def flagged(row: RowMapping) -> list[str]:
    """All flags of a fuelling, the unit's and the service's."""
    return [*json.loads(row["unit_flags"]), *json.loads(row["flags"])]


def stations(database: Database) -> list[dict[str, Any]]:
    """All stations with what they sold and what of it nobody was charged for yet, in fen."""
    with telling_faults(), database.reading() as connection:
        rows = connection.execute(select(schema.stations).order_by(schema.stations.c.id)).mappings().all()
        sums = _sums(connection, [n for row in rows for n in (row["revenue_account"], row["suspense_account"])])
    return [
        {
            "station": row["id"],
            "title": row["name"],
            "preset_fen": row["preset_fen"],
            "unauthorised_cap_fen": row["preset_fen"]
            if row["unauthorised_cap_fen"] is None
            else row["unauthorised_cap_fen"],
            "second_person_fen": row["second_person_fen"],
            "offline_fen": row["offline_fen"],
            "typed": row["typed_rule"] or "attendant",
            "at": None if row["lat_e7"] is None else (row["lat_e7"], row["lon_e7"], row["datum"]),
            "zone": row["zone"],
            "revenue_fen": sums[row["revenue_account"]]["credits_posted_fen"],
            "unclaimed_fen": sums[row["suspense_account"]]["debits_posted_fen"]
            - sums[row["suspense_account"]]["credits_posted_fen"],
        }
        for row in rows
    ]
