"""Reads and locks the rows that a batch of messages needs, in one fixed order, so that workers never block each other.

Order: dispensers by name, then accounts by number. A card's accounts guard its authorisations: whoever holds them may
resolve the card's holds, so the authorisations are read again once the accounts are locked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection

from service.clock import to_us
from service.ids import IdMaker
from service.ledger import Ledger
from service.messages import Ask, Claim, Correct, Message, Refund, Release, Renew, Report, Sweep, TopUp
from service.plates import normalise
from service.queries import Reader
from service.records import (
    Account,
    AccountKind,
    Authorisation,
    BoundPlate,
    Card,
    Dispenser,
    PostedFuelling,
    Station,
)
from service.settings import Settings
from service.situation import Situation


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
    reader = Reader(connection)
    situation = Situation(now_us, settings, ids, Ledger({}, ids, now_us))
    _load_authorisations(reader, wants, situation)
    _load_payers(reader, wants, situation)
    _load_fuellings(reader, wants, situation)
    _load_stations(reader, wants, situation)
    _lock_accounts(reader, wants, situation)
    _refresh_authorisations(reader, situation)
    return situation


def _load_authorisations(reader: Reader, wants: Wants, situation: Situation) -> None:
    rows: list[Any] = []
    if wants.visits:
        rows += reader.rows(reader.queries.by_visit, visits=wants.visits)
    if wants.ids:
        rows += reader.rows(reader.queries.by_id, ids=wants.ids)
    if wants.sweep:
        rows += reader.rows(reader.queries.overdue_anywhere, now_us=situation.now_us, most=wants.sweep)
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


def _load_payers(reader: Reader, wants: Wants, situation: Situation) -> None:
    if wants.plates:
        for row in reader.rows(reader.queries.plates, plates=wants.plates):
            plate = BoundPlate(*row[:4])
            situation.plates[plate.plate] = plate
            if plate.card is not None:
                situation.cards[plate.card] = Card(*row[4:])
    missing = wants.cards - situation.cards.keys()
    if missing:
        for row in reader.rows(reader.queries.cards, ids=missing):
            situation.cards[row[0]] = Card(*row)


def _load_fuellings(reader: Reader, wants: Wants, situation: Situation) -> None:
    if not wants.fuellings:
        return
    names = {name for name, _ in wants.fuellings}
    for row in reader.rows(reader.queries.dispensers, ids=names):
        situation.dispensers[row[0]] = Dispenser(*row)
    sequences = {sequence for _, sequence in wants.fuellings}
    for row in reader.rows(reader.queries.fuellings, names=names, sequences=sequences):
        posted = PostedFuelling(*row)
        if (posted.dispenser, posted.sequence) not in wants.fuellings:
            continue
        situation.fuellings[(posted.dispenser, posted.sequence)] = posted
        wants.stations.add(posted.station)
    if not wants.reports:
        claimed = reader.rows(reader.queries.claims, ids={posted.id for posted in situation.fuellings.values()})
        situation.claimed.update((number, None) for (number,) in claimed)


def _load_stations(reader: Reader, wants: Wants, situation: Situation) -> None:
    if not wants.stations:
        return
    for row in reader.rows(reader.queries.stations, ids=wants.stations):
        situation.stations[row[0]] = Station(*row)
    if wants.reports:
        for station, product, since_us, price in reader.rows(
            reader.queries.prices, ids=wants.stations, oldest_us=wants.oldest_us
        ):
            situation.prices.setdefault((station, product), []).append((since_us, price))


def _lock_accounts(reader: Reader, wants: Wants, situation: Situation) -> None:
    numbers = {n for card in situation.cards.values() for n in (card.account, card.receivable)}
    if wants.fuellings:
        for station in situation.stations.values():
            numbers |= {station.revenue_account, station.suspense_account}
    if wants.till:
        for row in reader.rows(reader.queries.own_accounts):
            numbers.add(row.id)
        for key, debit, credit, amount_fen in reader.rows(reader.queries.keys, keys=wants.keys):
            situation.keys[key] = (debit, credit, amount_fen)
    accounts = {row[0]: Account(*row) for row in reader.rows(reader.queries.accounts, ids=numbers)} if numbers else {}
    situation.ledger.accounts = accounts
    for account in accounts.values():
        if account.kind == AccountKind.CLEARING:
            situation.clearing = account
        elif account.kind == AccountKind.ADJUSTMENT:
            situation.adjustment = account


def _refresh_authorisations(reader: Reader, situation: Situation) -> None:
    """Read again, now under lock, what another worker may have resolved; and find the cards' overdue holds."""
    if situation.by_id and not reader.sqlite:
        for row in reader.rows(reader.queries.by_id, ids=set(situation.by_id)):
            _take(Authorisation(*row), situation)
    if situation.cards:
        stations = set()
        for row in reader.rows(reader.queries.overdue_of_cards, cards=set(situation.cards), now_us=situation.now_us):
            overdue = Authorisation(*row)
            _take(overdue, situation)
            stations.add(overdue.station)
        for row in reader.rows(reader.queries.stations, ids=stations - situation.stations.keys()) if stations else ():
            situation.stations[row[0]] = Station(*row)
