"""Money at the till and corrections: top-ups, refunds, adjustments and claims, each posted once under its key."""

from __future__ import annotations

from service.books.batch_state import BatchState
from service.books.messages import Claim, Correct, Done, Refund, Refused, TopUp, WriteOff
from service.books.records import Card, PostedFuelling, TransferKind
from wire.money import MAX_FEN, format_yuan
from wire.reasons import ErrorCode


def top_up(message: TopUp, batch_state: BatchState) -> Done | Refused:
    """Credit a card with money that came in; what the card owes is settled at once."""
    card = batch_state.cards.get(message.card)
    if card is None:
        return _no_card(message.card)
    assert batch_state.clearing is not None
    debit, credit = batch_state.clearing.id, card.account
    return _once(message.key, TransferKind.TOP_UP, debit, credit, message.amount_fen, message, card, batch_state)


def refund(message: Refund, batch_state: BatchState) -> Done | Refused:
    """Pay money out, at most what is free."""
    card = batch_state.cards.get(message.card)
    if card is None:
        return _no_card(message.card)
    assert batch_state.clearing is not None
    debit, credit = card.account, batch_state.clearing.id
    return _once(message.key, TransferKind.REFUND, debit, credit, message.amount_fen, message, card, batch_state)


def correct(message: Correct, batch_state: BatchState) -> Done | Refused:
    """Post a correction in the card's favour (above zero) or against it, at most what is free."""
    card = batch_state.cards.get(message.card)
    if card is None:
        return _no_card(message.card)
    assert batch_state.adjustment is not None
    sides = (batch_state.adjustment.id, card.account)
    debit, credit = sides if message.amount_fen > 0 else sides[::-1]
    amount_fen = abs(message.amount_fen)
    return _once(message.key, TransferKind.CORRECTION, debit, credit, amount_fen, message, card, batch_state)


def claim(message: Claim, batch_state: BatchState) -> Done | Refused:
    """Charge what is in suspense of a fuelling to a card: what is free pays, the rest is owed."""
    fuelling = _suspended(message, batch_state)
    card = batch_state.cards.get(message.card)
    if isinstance(fuelling, Refused):
        return fuelling
    if card is None:
        return _no_card(message.card)
    suspense = batch_state.stations[fuelling.station].suspense_account
    paid_fen = min(batch_state.ledger.accounts[card.account].free_fen, fuelling.suspended_fen)
    key = f"claim {fuelling.id}"
    for debit, amount_fen in ((card.account, paid_fen), (card.receivable, fuelling.suspended_fen - paid_fen)):
        if amount_fen:
            batch_state.ledger.move(
                TransferKind.CLAIM,
                debit,
                suspense,
                amount_fen,
                fuelling_id=fuelling.id,
                key=key,
                note=message.note,
                actor=message.actor,
            )
            key = f"claim {fuelling.id} rest"
    batch_state.resolved.add(fuelling.id)
    return Done()


def write_off(message: WriteOff, batch_state: BatchState) -> Done | Refused:
    """Take what is in suspense of a fuelling out of it at the company's own cost."""
    fuelling = _suspended(message, batch_state)
    if isinstance(fuelling, Refused):
        return fuelling
    assert batch_state.adjustment is not None
    suspense = batch_state.stations[fuelling.station].suspense_account
    batch_state.ledger.move(
        TransferKind.WRITE_OFF,
        batch_state.adjustment.id,
        suspense,
        fuelling.suspended_fen,
        fuelling_id=fuelling.id,
        key=f"claim {fuelling.id}",
        note=message.note,
        actor=message.actor,
    )
    batch_state.resolved.add(fuelling.id)
    return Done()


def _suspended(message: Claim | WriteOff, batch_state: BatchState) -> PostedFuelling | Refused:
    """The fuelling, of which something still waits in suspense."""
    name = f"{message.dispenser} {message.sequence} of station {message.station}"
    fuelling = batch_state.fuellings.get((message.station, message.dispenser, message.sequence))
    if fuelling is None:
        return Refused(ErrorCode.NOT_FOUND, f"no fuelling {name}")
    if fuelling.suspended_fen == 0:
        whom = "nothing was fuelled" if fuelling.card is None else f"card {fuelling.card} was charged for all of it"
        return Refused(ErrorCode.KEY_REUSED, f"fuelling {name} is not in suspense: {whom}")
    if fuelling.id in batch_state.resolved:
        return Refused(ErrorCode.KEY_REUSED, f"fuelling {name} was charged or written off already")
    return fuelling


def _once(
    key: str,
    kind: TransferKind,
    debit: int,
    credit: int,
    amount_fen: int,
    message: TopUp | Refund | Correct,
    card: Card,
    batch_state: BatchState,
) -> Done | Refused:
    earlier = batch_state.keys.get(key)
    if earlier is not None:
        if earlier != (debit, credit, amount_fen):
            return Refused(ErrorCode.KEY_REUSED, f"key {key} was used before for another posting")
        return Done(repeated=True)
    free_fen = batch_state.ledger.accounts[card.account].free_fen
    if debit == card.account and free_fen < amount_fen:
        words = f"card {card.id} has {format_yuan(free_fen)} yuan free, not {format_yuan(amount_fen)}"
        return Refused(ErrorCode.FORBIDDEN, words)
    most_fen = MAX_FEN - batch_state.ledger.accounts[card.account].balance_fen
    if credit == card.account and amount_fen > most_fen:
        more = format_yuan(max(0, most_fen))
        words = f"card {card.id} holds at most {format_yuan(MAX_FEN)} yuan; {more} more can be added"
        return Refused(ErrorCode.FORBIDDEN, words)
    batch_state.ledger.move(kind, debit, credit, amount_fen, key=key, note=message.note, actor=message.actor)
    batch_state.keys[key] = (debit, credit, amount_fen)
    batch_state.settle(card)
    return Done()


def _no_card(name: str) -> Refused:
    return Refused(ErrorCode.NOT_FOUND, f"no card {name}")
