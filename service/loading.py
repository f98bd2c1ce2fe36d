"""Reads and locks the rows that a batch of messages needs, in one fixed order, so that workers never block each other.

Order: dispensers by name, then accounts by number. A card's accounts guard its authorisations: whoever holds them may
resolve the card's holds, so the authorisations are read again once the accounts are locked.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Select, bindparam, func, literal_column, select, tuple_

from service import schema
from service.clock import to_us
from service.ids import IdMaker
from service.ledger import Ledger
from service.messages import Ask, Claim, Correct, Message, Refund, Release, Renew, Report, Sweep, TopUp
from service.plates import normalise
from service.records import (
    Account,
    AccountKind,
    Authorisation,
    BoundPlate,
    Card,
    Dispenser,
    PostedFuelling,
    Station,
    TransferKind,
)
from service.settings import Settings
from service.situation import Situation


def _columns(table: Any, record: type) -> list[Any]:
    """The table's columns in the order of the record's fields."""
    return [table.c[name] for name in record.__slots__]  # type: ignore[attr-defined]


def _in(column: Any, name: str) -> Any:
    return column.in_(bindparam(name, expanding=True))


_AUTHORISATION = select(*_columns(schema.authorisations, Authorisation))
_OPEN: Any = literal_column("state = 'open'")
_PLATE = select(
    *_columns(schema.plates, BoundPlate),
    *[column.label(f"card_{column.name}") for column in _columns(schema.cards, Card)],
).select_from(schema.plates.outerjoin(schema.cards))

BY_VISIT = _AUTHORISATION.where(_in(schema.authorisations.c.visit, "visits"))
BY_ID = _AUTHORISATION.where(_in(schema.authorisations.c.id, "ids"))
OVERDUE_ANYWHERE = (
    _AUTHORISATION.where(_OPEN, schema.authorisations.c.expires_us <= bindparam("now_us"))
    .order_by(schema.authorisations.c.expires_us)
    .limit(bindparam("most"))
)
OVERDUE_OF_CARDS = _AUTHORISATION.where(
    _OPEN, _in(schema.authorisations.c.card, "cards"), schema.authorisations.c.expires_us <= bindparam("now_us")
)
PLATES = _PLATE.where(_in(schema.plates.c.plate, "plates"))
CARDS = select(*_columns(schema.cards, Card)).where(_in(schema.cards.c.id, "cards"))
STATIONS = select(*_columns(schema.stations, Station)).where(_in(schema.stations.c.id, "stations"))
DISPENSERS = (
    select(*_columns(schema.dispensers, Dispenser))
    .where(_in(schema.dispensers.c.id, "names"))
    .order_by(schema.dispensers.c.id)
    .with_for_update(key_share=True)
)
FUELLINGS = select(*_columns(schema.fuellings, PostedFuelling)).where(
    tuple_(schema.fuellings.c.dispenser, schema.fuellings.c.sequence).in_(bindparam("keys", expanding=True))
)
ACCOUNTS = (
    select(*_columns(schema.accounts, Account))
    .where(_in(schema.accounts.c.id, "numbers"))
    .order_by(schema.accounts.c.id)
    .with_for_update(key_share=True)
)
OWN_ACCOUNTS = select(*_columns(schema.accounts, Account)).where(
    schema.accounts.c.kind.in_([AccountKind.CLEARING.value, AccountKind.ADJUSTMENT.value])
)
KEYS = select(
    schema.transfers.c.key,
    schema.transfers.c.debit_account,
    schema.transfers.c.credit_account,
    schema.transfers.c.amount_fen,
).where(_in(schema.transfers.c.key, "keys"))
CLAIMS = select(schema.transfers.c.fuelling_id).where(
    _in(schema.transfers.c.fuelling_id, "numbers"), schema.transfers.c.kind == TransferKind.CLAIM.value
)


def _prices() -> Select[Any]:
    """Prices in force since the oldest start of a batch: the newest before it, and all after."""
    older = schema.prices.alias("older")
    newest = (
        select(func.max(older.c.since_us))
        .where(
            older.c.station == schema.prices.c.station,
            older.c.product == schema.prices.c.product,
            older.c.since_us <= bindparam("oldest_us"),
        )
        .scalar_subquery()
    )
    return (
        select(schema.prices)
        .where(_in(schema.prices.c.station, "stations"), schema.prices.c.since_us >= func.coalesce(newest, 0))
        .order_by(schema.prices.c.since_us)
    )


PRICES = _prices()


@dataclass(slots=True)
class Wants:
    """The keys of all rows that a batch of messages may touch."""

    visits: set[str] = field(default_factory=set)
    ids: set[str] = field(default_factory=set)
    plates: set[str] = field(default_factory=set)
    cards: set[str] = field(default_factory=set)
    stations: set[str] = field(default_factory=set)
    fuellings: set[tuple[str, int]] = field(default_factory=set)
    keys: set[str] = field(default_factory=set)
    reports: bool = False
    till: bool = False
    oldest_us: int = 2**62
    sweep: int = 0

    def add(self, message: Message) -> None:
        match message:
            case Ask(question):
                self.visits.add(question.visit)
                self.plates.add(normalise(question.plate))
                self.stations.add(question.station)
            case Renew(authorisation) | Release(authorisation):
                self.ids.add(authorisation)
            case Report(fuelling):
                self.reports = True
                self.fuellings.add((fuelling.dispenser, fuelling.sequence))
                self.stations.add(fuelling.station)
                self.oldest_us = min(self.oldest_us, to_us(fuelling.started_at))
                if fuelling.authorisation is not None:
                    self.ids.add(fuelling.authorisation)
                if fuelling.plate is not None:
                    self.plates.add(normalise(fuelling.plate))
            case TopUp() | Refund() | Correct():
                self.till = True
                self.cards.add(message.card)
                self.keys.add(message.key)
            case Claim():
                self.fuellings.add((message.dispenser, message.sequence))
                self.cards.add(message.card)
            case Sweep(most):
                self.sweep = max(self.sweep, most)
            case _:
                pass


def load(
    connection: Connection, messages: Sequence[Message], settings: Settings, ids: IdMaker, now_us: int
) -> Situation:
    """Everything the messages need, the changing rows locked until the transaction ends."""
    wants = Wants()
    for message in messages:
        wants.add(message)
    situation = Situation(now_us, settings, ids, Ledger({}, ids, now_us))
    _load_authorisations(connection, wants, situation)
    _load_payers(connection, wants, situation)
    _load_fuellings(connection, wants, situation)
    _load_stations(connection, wants, situation)
    _lock_accounts(connection, wants, situation)
    _refresh_authorisations(connection, situation)
    return situation


def _rows(connection: Connection, statement: Select[Any], **parameters: object) -> Iterable[Any]:
    for name, value in parameters.items():
        if isinstance(value, set | frozenset):
            parameters[name] = sorted(value)
    return connection.execute(statement, parameters)


def _load_authorisations(connection: Connection, wants: Wants, situation: Situation) -> None:
    rows: list[Any] = []
    if wants.visits:
        rows += _rows(connection, BY_VISIT, visits=wants.visits)
    if wants.ids:
        rows += _rows(connection, BY_ID, ids=wants.ids)
    if wants.sweep:
        rows += _rows(connection, OVERDUE_ANYWHERE, now_us=situation.now_us, most=wants.sweep)
    for row in rows:
        _take(Authorisation(*row), situation)
    for known in situation.by_visit.values():
        wants.stations.add(known.station)
        if known.card is not None:
            wants.cards.add(known.card)
        if known.id in wants.ids:
            wants.plates.add(normalise(known.plate))


def _take(found: Authorisation, situation: Situation) -> None:
    situation.by_visit[found.visit] = found
    if found.id is not None:
        situation.by_id[found.id] = found


def _load_payers(connection: Connection, wants: Wants, situation: Situation) -> None:
    if wants.plates:
        for row in _rows(connection, PLATES, plates=wants.plates):
            plate = BoundPlate(*row[:4])
            situation.plates[plate.plate] = plate
            if plate.card is not None:
                situation.cards[plate.card] = Card(*row[4:])
    missing = wants.cards - situation.cards.keys()
    if missing:
        for row in _rows(connection, CARDS, cards=missing):
            situation.cards[row[0]] = Card(*row)


def _load_fuellings(connection: Connection, wants: Wants, situation: Situation) -> None:
    if not wants.fuellings:
        return
    for row in _rows(connection, DISPENSERS, names={name for name, _ in wants.fuellings}):
        situation.dispensers[row[0]] = Dispenser(*row)
    for row in _rows(connection, FUELLINGS, keys=wants.fuellings):
        posted = PostedFuelling(*row)
        situation.fuellings[(posted.dispenser, posted.sequence)] = posted
        wants.stations.add(posted.station)
    if not wants.reports:
        claimed = _rows(connection, CLAIMS, numbers={posted.id for posted in situation.fuellings.values()})
        situation.claimed.update((number, None) for (number,) in claimed)


def _load_stations(connection: Connection, wants: Wants, situation: Situation) -> None:
    if not wants.stations:
        return
    for row in _rows(connection, STATIONS, stations=wants.stations):
        situation.stations[row[0]] = Station(*row)
    if wants.reports:
        for station, product, since_us, price in _rows(
            connection, PRICES, stations=wants.stations, oldest_us=wants.oldest_us
        ):
            situation.prices.setdefault((station, product), []).append((since_us, price))


def _lock_accounts(connection: Connection, wants: Wants, situation: Situation) -> None:
    numbers = {n for card in situation.cards.values() for n in (card.account, card.receivable)}
    if wants.fuellings:
        for station in situation.stations.values():
            numbers |= {station.revenue_account, station.suspense_account}
    if wants.till:
        for row in _rows(connection, OWN_ACCOUNTS):
            numbers.add(row.id)
        for key, debit, credit, amount_fen in _rows(connection, KEYS, keys=wants.keys):
            situation.keys[key] = (debit, credit, amount_fen)
    accounts = {row[0]: Account(*row) for row in _rows(connection, ACCOUNTS, numbers=numbers)} if numbers else {}
    situation.ledger.accounts = accounts
    for account in accounts.values():
        if account.kind == AccountKind.CLEARING:
            situation.clearing = account
        elif account.kind == AccountKind.ADJUSTMENT:
            situation.adjustment = account


def _refresh_authorisations(connection: Connection, situation: Situation) -> None:
    """Read again, now under lock, what another worker may have resolved; and find the cards' overdue holds."""
    if situation.by_id and connection.dialect.name != "sqlite":
        for row in _rows(connection, BY_ID, ids=set(situation.by_id)):
            _take(Authorisation(*row), situation)
    if situation.cards:
        stations = set()
        for row in _rows(connection, OVERDUE_OF_CARDS, cards=set(situation.cards), now_us=situation.now_us):
            overdue = Authorisation(*row)
            _take(overdue, situation)
            stations.add(overdue.station)
        for row in _rows(connection, STATIONS, stations=stations - situation.stations.keys()) if stations else ():
            situation.stations[row[0]] = Station(*row)
