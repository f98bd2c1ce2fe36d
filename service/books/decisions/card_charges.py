"""How a card is charged, with a hold or without; and the record of who was charged for a fuelling and how much."""

from __future__ import annotations

from dataclasses import dataclass

from service.books.batch_state import BatchState
from service.books.records import Card, Station, TransferKind


@dataclass(frozen=True, slots=True)
class Charged:
    """Who pays a fuelling and what became of its holds; the rest waits in suspense. person: who pays by phone."""

    card: Card | None
    captured_fen: int = 0
    overrun_fen: int = 0
    released_fen: int = 0
    owed_fen: int = 0
    suspended_fen: int = 0
    unauthorised_fen: int = 0
    person: str | None = None


def charge_card(card: Card, station: Station, amount_fen: int, number: int, batch_state: BatchState) -> int:
    """Post the whole amount: from what is free as far as it goes, the rest as what the owner owes, returned."""
    free_fen = batch_state.ledger.accounts[card.account].free_fen
    paid_fen = min(amount_fen, free_fen)
    revenue = station.revenue_account
    if paid_fen:
        batch_state.ledger.move(TransferKind.FUELLING, card.account, revenue, paid_fen, fuelling_id=number)
    owed_fen = amount_fen - paid_fen
    if owed_fen:
        batch_state.ledger.move(TransferKind.DEBT, card.receivable, revenue, owed_fen, fuelling_id=number)
    batch_state.settle(card)
    return owed_fen
