"""Reads and locks the rows that a batch of messages needs, in one fixed order, so that workers never block each other.

Order: dispensers by name, then accounts by number. A card's accounts guard its authorisations: whoever holds them may
resolve the card's holds, so the authorisations are read once the accounts are locked. Accounts that the messages' own
keys did not tell are locked after that, and the authorisations read again; a deadlock that comes of the broken order is
undone by the database, and the batch tried again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Select

from service.books.batch_state import BatchState
from service.books.decisions.coverage import card_of_plate, coverage
from service.books.ledger import Ledger
from service.books.messages import (
    Ask,
    Claim,
    Correct,
    Message,
    Refund,
    Release,
    Renew,
    Report,
    Sweep,
    TakeGrant,
    TopUp,
    WriteOff,
)
from service.books.records import (
    Account,
    AccountKind,
    Authorisation,
    BoundPlate,
    Card,
    DispenserRow,
    Grant,
    PostedFuelling,
    Station,
)
from service.books.rows import payer_loading
from service.books.rows.queries import Queries, Questions, Reader
from service.books.settings import BookSettings
from service.store.clock import US_PER_S, to_us
from service.store.ids import IdMaker
from wire.fuellings import Fuelling
from wire.offline import OFFLINE_PREFIX
from wire.plates import normalise

UNAUTHORISED_S = 86_400
"""The cap on what a card is charged without an authorisation counts over this time."""


@dataclass(slots=True)
class Wants:
    """The keys of all rows that a batch of messages may touch."""

    visits: set[tuple[str, str]] = field(default_factory=set)
    ids: set[str] = field(default_factory=set)
    plates: set[str] = field(default_factory=set)
    cards: set[str] = field(default_factory=set)
    stations: set[str] = field(default_factory=set)
    fuellings: set[tuple[str, str, int]] = field(default_factory=set)
    suspended: bool = False
    keys: set[str] = field(default_factory=set)
    grants: set[str] = field(default_factory=set)
    persons: set[str] = field(default_factory=set)
    mandates: set[str] = field(default_factory=set)
    lists: set[tuple[str, int]] = field(default_factory=set)
    reports: list[Fuelling] = field(default_factory=list)
    till: bool = False
    oldest_us: int = 2**62
    sweep: int = 0

    def add(self, message: Message) -> None:
        match message:
            case Ask(question):
                self.visits.add((question.station, question.visit))
                self.plates.add(normalise(question.plate))
                self.stations.add(question.station)
            case Renew(authorisation) | Release(authorisation):
                self.ids.add(authorisation)
            case Report(fuelling):
                self._add_report(fuelling)
            case TakeGrant(grant):
                self.grants.add(grant.authorisation)
                self.lists.add((grant.station, grant.list_version))
                self.visits.add((grant.station, grant.visit))
                self.plates.add(normalise(grant.plate))
                self.stations.add(grant.station)
                if grant.card is not None:
                    self.cards.add(grant.card)
                if grant.captured_at is not None:
                    self.oldest_us = min(self.oldest_us, to_us(grant.captured_at))
                self.add_payer(grant.payer, grant.mandate)
            case TopUp() | Refund() | Correct():
                self.till = True
                self.cards.add(message.card)
                self.keys.add(message.key)
            case Claim() | WriteOff():
                self.suspended = True
                self.fuellings.add((message.station, message.dispenser, message.sequence))
                self.stations.add(message.station)
                if isinstance(message, Claim):
                    self.cards.add(message.card)
                else:
                    self.till = True
            case Sweep(most):
                self.sweep = max(self.sweep, most)
            case _:
                pass

    def _add_report(self, fuelling: Fuelling) -> None:
        self.reports.append(fuelling)
        self.fuellings.add((fuelling.station, fuelling.dispenser, fuelling.sequence))
        self.stations.add(fuelling.station)
        self.oldest_us = min(self.oldest_us, to_us(fuelling.started_at))
        if fuelling.authorisation is not None:
            offline = fuelling.authorisation.startswith(OFFLINE_PREFIX)
            (self.grants if offline else self.ids).add(fuelling.authorisation)
        if fuelling.plate is not None:
            self.plates.add(normalise(fuelling.plate))

    def add_payer(self, person: str | None, mandate: str | None) -> None:
        """Whom an offline grant names."""
        if person is not None and mandate is not None:
            self.persons.add(person)
            self.mandates.add(mandate)


def load(
    connection: Connection, messages: Sequence[Message], settings: BookSettings, ids: IdMaker, now_us: int
) -> BatchState:
    """Everything the messages need, the changing rows locked until the transaction ends."""
    wants = Wants()
    for message in messages:
        wants.add(message)
    reader = Reader(connection)
    batch_state = BatchState(now_us, settings, ids, Ledger({}, ids, now_us))
    # One trip for all that the messages' own keys name, locks included: each further trip is paid with locks held.
    asked = _Asked(reader, wants, now_us)
    # Authorisations first: they tell which cards, persons and stations the following steps have to know.
    _take_authorisations(asked, wants, batch_state)
    _take_payers(reader, asked, wants, batch_state)
    payer_loading.take_schedules(reader, asked.schedules, wants.persons, batch_state)
    _take_fuellings(reader, asked, wants, batch_state)
    _take_stations(reader, asked, wants, batch_state)
    # Then the accounts that no message named itself: only now is it known whose they are.
    _lock_accounts(reader, asked, wants, batch_state)
    for found in payer_loading.take_standings(reader, _oldest_us(wants, batch_state), batch_state):
        _take(found, batch_state)
    payer_loading.take_given(reader, wants.mandates, batch_state)
    _take_unauthorised(reader, wants, batch_state)
    return batch_state


def _oldest_us(wants: Wants, batch_state: BatchState) -> int:
    """No mandate's day that is judged is earlier: those of the captures under which fuellings are told count too."""
    captured = [authorisation.captured_us for authorisation in batch_state.by_id.values()]
    captured += [grant.captured_us for grant in batch_state.offline.values() if grant.captured_us is not None]
    return min(batch_state.now_us, wants.oldest_us, *captured)


class _Asked:
    """What can be asked before anything is known, asked at once."""

    def __init__(self, reader: Reader, wants: Wants, now_us: int) -> None:
        self.plate_names, self.station_names = frozenset(wants.plates), frozenset(wants.stations)
        found = reader.together(_first_questions(reader.queries, wants, now_us), _first_locks(reader, wants))
        by_name = ("by_visit", "by_id", "overdue", "open_of_plates")
        self.authorisations = [row for name in by_name for row in found.get(name, ())]
        self.grants = [*found.get("grants", ()), *found.get("grants_of_visits", ())]
        self.lists = found.get("lists", ())
        self.dispensers = found.get("dispensers", ())
        self.lanes = found.get("lanes", ())
        self.accounts = found.get("accounts", ())
        self.fuellings = found.get("fuellings", ())
        self.plates = found.get("plates", ())
        self.stations = found.get("stations", ())
        self.prices = found.get("prices", ())
        self.tanks = found.get("tanks", ())
        self.own_accounts = found.get("own_accounts", ())
        self.keys = found.get("keys", ())
        self.schedules = {name: found.get(name, ()) for name in payer_loading.OF_PLATES}


def _first_locks(reader: Reader, wants: Wants) -> Questions:
    """Dispensers, then the accounts that can be told from the messages' keys; on SQLite the whole file is locked."""
    names = {(station, name) for station, name, _ in wants.fuellings}
    locks: Questions = {"dispensers": (reader.queries.dispensers, {"dispensers": names})} if names else {}
    keys: dict[str, set[str]] = {"plates": wants.plates, "ids": wants.ids, "cards": wants.cards}
    if any(keys.values()) and not reader.sqlite:
        keys["stations"] = wants.stations if wants.fuellings else set()
        named = {kind: values for kind, values in keys.items() if values}
        kinds = {*named, "own"} if wants.till else {*named}
        locks["accounts"] = (reader.queries.accounts_ahead(frozenset(kinds)), dict(named))
    return locks


def _first_questions(queries: Queries, wants: Wants, now_us: int) -> Questions:
    """By name, those whose keys the messages themselves name."""
    pumps = {(fuelling.station, fuelling.dispenser) for fuelling in wants.reports}
    listed = {"stations": {station for station, _ in wants.lists}, "versions": {version for _, version in wants.lists}}
    possible: list[tuple[object, str, Select[Any], dict[str, object]]] = [
        (wants.fuellings, "fuellings", queries.fuellings, {"fuellings": wants.fuellings}),
        (pumps, "lanes", queries.lanes, {"dispensers": pumps}),
        (wants.visits, "by_visit", queries.by_visit, {"visits": wants.visits}),
        (wants.ids, "by_id", queries.by_id, {"ids": wants.ids}),
        (wants.grants, "grants", queries.grants, {"ids": wants.grants}),
        (wants.visits, "grants_of_visits", queries.grants_of_visits, {"visits": {visit for _, visit in wants.visits}}),
        (wants.lists, "lists", queries.offline_lists, {**listed}),
        (wants.sweep, "overdue", queries.overdue_anywhere, {"now_us": now_us, "most": wants.sweep}),
        (wants.plates, "plates", queries.plates, {"plates": wants.plates}),
        (wants.reports and wants.plates, "tanks", queries.tanks, {"plates": wants.plates}),
        (wants.visits, "open_of_plates", queries.open_of_plates, {"plates": wants.plates}),
        (wants.stations, "stations", queries.stations, {"ids": wants.stations}),
        (wants.reports, "prices", queries.prices, {"ids": wants.stations, "oldest_us": wants.oldest_us}),
        (wants.till, "own_accounts", queries.own_accounts, {}),
        (wants.till, "keys", queries.keys, {"keys": wants.keys}),
    ]
    asked: Questions = {name: (statement, parameters) for wanted, name, statement, parameters in possible if wanted}
    return {**asked, **payer_loading.questions(queries, wants.plates)} if wants.plates else asked


def _take_authorisations(asked: _Asked, wants: Wants, batch_state: BatchState) -> None:
    for row in asked.authorisations:
        _take(Authorisation(*row), batch_state)
    for row in asked.grants:
        grant = batch_state.offline[row[0]] = Grant(*row)
        wants.add_payer(grant.person, grant.mandate)
        if grant.card is not None:
            wants.cards.add(grant.card)
    for station, version, expires_us in asked.lists:
        batch_state.offline_lists[(station, version)] = expires_us
    for known in batch_state.by_visit.values():
        wants.stations.add(known.station)
        if known.card is not None:
            wants.cards.add(known.card)
        if known.id in wants.ids:
            wants.plates.add(normalise(known.plate))


def _take(found: Authorisation, batch_state: BatchState) -> None:
    batch_state.by_visit[(found.station, found.visit)] = found
    if found.id is not None:
        batch_state.by_id[found.id] = found


def _take_payers(reader: Reader, asked: _Asked, wants: Wants, batch_state: BatchState) -> None:
    """Plates with their cards; then plates and cards that only the authorisations named."""
    _keep_plates(asked.plates, batch_state)
    batch_state.tanks.update(asked.tanks)
    late = wants.plates - asked.plate_names
    if late:
        asked_late: Questions = {"plates": (reader.queries.plates, {"plates": late})}
        if wants.reports:
            asked_late["tanks"] = (reader.queries.tanks, {"plates": late})
        found = reader.together(asked_late)
        _keep_plates(found["plates"], batch_state)
        batch_state.tanks.update(found.get("tanks", ()))
    missing = wants.cards - batch_state.cards.keys()
    if missing:
        for row in reader.rows(reader.queries.cards, ids=missing):
            batch_state.cards[row[0]] = Card(*row)


def _keep_plates(rows: Iterable[Any], batch_state: BatchState) -> None:
    own = len(BoundPlate.__slots__)
    for row in rows:
        plate = BoundPlate(*row[:own])
        batch_state.plates[plate.plate] = plate
        if plate.card is not None:
            batch_state.cards[plate.card] = Card(*row[own:])


def _take_fuellings(reader: Reader, asked: _Asked, wants: Wants, batch_state: BatchState) -> None:
    for row in asked.dispensers:
        dispenser = DispenserRow(*row)
        batch_state.dispensers[(dispenser.station, dispenser.id)] = dispenser
    for station, name, lane in asked.lanes:
        batch_state.lanes.setdefault((station, name), set()).add(lane)
    for row in asked.fuellings:
        posted = PostedFuelling(*row)
        batch_state.fuellings[(posted.station, posted.dispenser, posted.sequence)] = posted
    if batch_state.fuellings and wants.suspended:
        found = reader.rows(reader.queries.resolved, ids={posted.id for posted in batch_state.fuellings.values()})
        batch_state.resolved.update(number for (number,) in found)


def _take_stations(reader: Reader, asked: _Asked, wants: Wants, batch_state: BatchState) -> None:
    """Those that messages named, then those that authorisations and fuellings named."""
    for row in asked.stations:
        batch_state.stations[row[0]] = Station(*row)
    for station, product, since_us, price in asked.prices:
        batch_state.prices.setdefault((station, product), []).append((since_us, price))
    _add_stations(reader, wants.stations - asked.station_names, batch_state)


def _add_stations(reader: Reader, names: set[str], batch_state: BatchState) -> None:
    missing = names - batch_state.stations.keys()
    for row in reader.rows(reader.queries.stations, ids=missing) if missing else ():
        batch_state.stations[row[0]] = Station(*row)


def _lock_accounts(reader: Reader, asked: _Asked, wants: Wants, batch_state: BatchState) -> None:
    """Lock the accounts that are not locked yet, and then read again what another worker may have resolved."""
    numbers = {n for card in batch_state.cards.values() for n in (card.account, card.receivable)}
    if wants.fuellings:
        for station in batch_state.stations.values():
            numbers |= {station.revenue_account, station.suspense_account}
    numbers |= {row[0] for row in asked.own_accounts}
    numbers |= {n for person in batch_state.payers.persons.values() for n in (person.wallet, person.owed)}
    _keep_accounts(asked.accounts, batch_state)
    for key, debit, credit, amount_fen in asked.keys:
        batch_state.keys[key] = (debit, credit, amount_fen)
    missing = numbers - batch_state.ledger.accounts.keys()
    if missing:
        # Authorisations were read before these locks: a worker that held them may have resolved some meanwhile. SQLite
        # has locked the whole file since the beginning, so nothing can have changed there.
        changing = bool(batch_state.by_id) and not reader.sqlite
        again: Questions = {"again": (reader.queries.by_id, {"ids": set(batch_state.by_id)})} if changing else {}
        found = reader.together(again, {"accounts": (reader.queries.accounts, {"ids": missing})})
        _keep_accounts(found["accounts"], batch_state)
        for row in found.get("again", ()):
            _take(Authorisation(*row), batch_state)


def _take_unauthorised(reader: Reader, wants: Wants, batch_state: BatchState) -> None:
    """What the cards were charged without an authorisation within a day; asked once their accounts are locked."""
    without = [fuelling for fuelling in wants.reports if not coverage(fuelling, batch_state).covers]
    payers = {card.id for fuelling in without if (card := card_of_plate(fuelling, batch_state)) is not None}
    if not payers:
        return
    since_us = batch_state.now_us - UNAUTHORISED_S * US_PER_S
    for station, card, amount_fen in reader.rows(reader.queries.unauthorised, cards=payers, since_us=since_us):
        batch_state.unauthorised[(station, card)] = int(amount_fen)


def _keep_accounts(rows: Iterable[Any], batch_state: BatchState) -> None:
    for row in rows:
        account = Account(*row)
        batch_state.ledger.accounts[account.id] = account
        if account.kind == AccountKind.CLEARING:
            batch_state.clearing = account
        elif account.kind == AccountKind.ADJUSTMENT:
            batch_state.adjustment = account
