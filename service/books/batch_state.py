"""All that one transaction knows and all that it will write: rows loaded and locked before the decisions are made."""

from __future__ import annotations

from dataclasses import dataclass, field

from service.books.ledger import Hold, Ledger
from service.books.payer_state import PayerState
from service.books.records import (
    Account,
    Authorisation,
    BoundPlate,
    Card,
    DispenserLane,
    DispenserRow,
    Grant,
    PostedFuelling,
    RejectedMessage,
    State,
    Station,
    TransferKind,
    TransferPhase,
)
from service.books.settings import BookSettings
from service.store.ids import IdMaker


@dataclass(slots=True)
class BatchState:
    """Lookups are by the key's plain value; authorisations by visit, and by id where one was granted."""

    now_us: int
    settings: BookSettings
    ids: IdMaker
    ledger: Ledger
    stations: dict[str, Station] = field(default_factory=dict)
    prices: dict[tuple[str, str], list[tuple[int, int]]] = field(default_factory=dict)
    """(since_us, unit price) by station and product, oldest first."""
    plates: dict[str, BoundPlate] = field(default_factory=dict)
    cards: dict[str, Card] = field(default_factory=dict)
    by_visit: dict[tuple[str, str], Authorisation] = field(default_factory=dict)
    """By station and visit."""
    by_id: dict[str, Authorisation] = field(default_factory=dict)
    fuellings: dict[tuple[str, str, int], PostedFuelling] = field(default_factory=dict)
    """By station, dispenser and sequence."""
    tanks: dict[str, int] = field(default_factory=dict)
    """Millilitres that the vehicle of a plate holds, where somebody has said so."""
    dispensers: dict[tuple[str, str], DispenserRow] = field(default_factory=dict)
    """By station and name."""
    lanes: dict[tuple[str, str], set[str]] = field(default_factory=dict)
    """By station and dispenser: the lanes that may report under it."""
    unauthorised: dict[tuple[str, str], int] = field(default_factory=dict)
    """By station and card: what the card was charged there of late without an authorisation, in fen."""
    keys: dict[str, tuple[int, int, int]] = field(default_factory=dict)
    """Debit account, credit account and amount of transfers already posted under a key."""
    resolved: set[int] = field(default_factory=set)
    """Fuellings whose amount in suspense was charged or written off."""
    offline: dict[str, Grant] = field(default_factory=dict)
    offline_lists: dict[tuple[str, int], int] = field(default_factory=dict)
    """When a station's list of that version expires, in microseconds."""
    payers: PayerState = field(default_factory=PayerState)
    clearing: Account | None = None
    adjustment: Account | None = None

    new_authorisations: list[Authorisation] = field(default_factory=list)
    changed: dict[tuple[str, str], Authorisation] = field(default_factory=dict)
    new_fuellings: list[PostedFuelling] = field(default_factory=list)
    seen_dispensers: dict[tuple[str, str], DispenserRow] = field(default_factory=dict)
    new_dispensers: list[DispenserRow] = field(default_factory=list)
    new_lanes: list[DispenserLane] = field(default_factory=list)
    rejected: list[RejectedMessage] = field(default_factory=list)
    new_grants: list[Grant] = field(default_factory=list)
    used_grants: dict[str, Grant] = field(default_factory=dict)

    def keep(self, authorisation: Authorisation) -> None:
        """Add a new question with its answer."""
        self.by_visit[(authorisation.station, authorisation.visit)] = authorisation
        if authorisation.id is not None:
            self.by_id[authorisation.id] = authorisation
        self.new_authorisations.append(authorisation)

    def holds_of(self, authorisation: Authorisation) -> list[tuple[str, Hold]]:
        """The pending transfers of an allowed authorisation, "card" or "phone" with each, the first payer's first."""
        assert authorisation.hold is not None
        assert authorisation.limit_fen is not None
        revenue = self.stations[authorisation.station].revenue_account
        source = authorisation.held_from or "card"
        fen = authorisation.limit_fen if authorisation.held_fen is None else authorisation.held_fen
        found = [(source, Hold(authorisation.hold, self._held_account(authorisation, source), revenue, fen))]
        if authorisation.then_hold is not None and authorisation.then_fen is not None:
            other = "phone" if source == "card" else "card"
            account = self._held_account(authorisation, other)
            found.append((other, Hold(authorisation.then_hold, account, revenue, authorisation.then_fen)))
        return found

    def _held_account(self, authorisation: Authorisation, source: str) -> int:
        if source == "phone":
            assert authorisation.person is not None
            accounts = self.payers.persons[authorisation.person]
            return accounts.wallet if authorisation.provider is None else accounts.owed
        assert authorisation.card is not None
        return self.cards[authorisation.card].account

    def end(self, authorisation: Authorisation, state: State) -> None:
        """Mark an open authorisation as ended; its hold is resolved by the caller."""
        authorisation.state = state
        self.note_changed(authorisation)

    def note_changed(self, authorisation: Authorisation) -> None:
        """Its state or its expiry is another now."""
        self.changed[(authorisation.station, authorisation.visit)] = authorisation

    def give_back(self, authorisation: Authorisation, state: State) -> None:
        """End an open authorisation without a fuelling: its hold is free again and settles what the card owes."""
        phase = TransferPhase.EXPIRE if state is State.EXPIRED else TransferPhase.VOID
        for _, hold in self.holds_of(authorisation):
            self.ledger.cancel(hold, phase)
        self.end(authorisation, state)
        if authorisation.card is not None:
            self.settle(self.cards[authorisation.card])

    def expire_overdue(self, card: str | None = None, most: int | None = None, person: str | None = None) -> int:
        """Give back loaded holds whose time is over, of one card, one person or of all; how many there were."""
        overdue = [
            a
            for a in self.by_id.values()
            if a.state == State.OPEN
            and (a.expires_us or 0) <= self.now_us
            and card in (None, a.card)
            and person in (None, a.person)
            and self._is_loaded(a)
        ]
        for authorisation in overdue[:most]:
            self.give_back(authorisation, State.EXPIRED)
        return len(overdue[:most])

    def _is_loaded(self, authorisation: Authorisation) -> bool:
        """Whether all accounts of its holds are locked here; one that is not waits for the sweep."""
        card, person = authorisation.card, authorisation.person
        return (
            authorisation.station in self.stations
            and (card is None or (card in self.cards and self.cards[card].account in self.ledger.accounts))
            and (person is None or person in self.payers.persons)
        )

    def settle(self, card: Card) -> None:
        """Pay what the card owes from what is free, so that a card in debt has nothing free."""
        account, receivable = self.ledger.accounts[card.account], self.ledger.accounts[card.receivable]
        amount_fen = min(account.free_fen, -receivable.balance_fen)
        if amount_fen > 0:
            self.ledger.move(TransferKind.SETTLEMENT, card.account, card.receivable, amount_fen)

    def balance_fen(self, card: Card) -> int:
        """What the card's owner has, debts subtracted and holds not."""
        return self.ledger.accounts[card.account].balance_fen + self.ledger.accounts[card.receivable].balance_fen
