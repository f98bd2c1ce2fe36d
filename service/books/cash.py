"""Money at the till and corrections: top-ups, refunds, adjustments and claims, each posted once under its key."""

from __future__ import annotations

from service.books.batch_state import Situation
from service.books.messages import Claim, Correct, Done, Refund, Refused, TopUp
from service.books.records import Card, TransferKind
from wire.money import format_yuan
from wire.reasons import ErrorCode


def top_up(message: TopUp, situation: Situation) -> Done | Refused:
    """Credit a card with money that came in; what the card owes is settled at once."""
    card = situation.cards.get(message.card)
    if card is None:
        return _no_card(message.card)
    assert situation.clearing is not None
    debit, credit = situation.clearing.id, card.account
    return _once(message.key, TransferKind.TOP_UP, debit, credit, message.amount_fen, message, card, situation)


def refund(message: Refund, situation: Situation) -> Done | Refused:
    """Pay money out, at most what is free."""
    card = situation.cards.get(message.card)
    if card is None:
        return _no_card(message.card)
    assert situation.clearing is not None
    debit, credit = card.account, situation.clearing.id
    return _once(message.key, TransferKind.REFUND, debit, credit, message.amount_fen, message, card, situation)


def correct(message: Correct, situation: Situation) -> Done | Refused:
    """Post a correction in the card's favour (above zero) or against it, at most what is free."""
    card = situation.cards.get(message.card)
    if card is None:
        return _no_card(message.card)
    assert situation.adjustment is not None
    sides = (situation.adjustment.id, card.account)
    debit, credit = sides if message.amount_fen > 0 else sides[::-1]
    amount_fen = abs(message.amount_fen)
    return _once(message.key, TransferKind.CORRECTION, debit, credit, amount_fen, message, card, situation)


def claim(message: Claim, situation: Situation) -> Done | Refused:
    """Charge a fuelling in suspense to a card: what is free pays, the rest is owed."""
    name = f"{message.dispenser} {message.sequence}"
    fuelling = situation.fuellings.get((message.dispenser, message.sequence))
    card = situation.cards.get(message.card)
    if fuelling is None:
        return Refused(ErrorCode.NOT_FOUND, f"no fuelling {name}")
    if card is None:
        return _no_card(message.card)
    if fuelling.card is not None:
        return Refused(ErrorCode.KEY_REUSED, f"fuelling {name} was charged to card {fuelling.card}")
    if fuelling.id in situation.claimed:
        return Refused(ErrorCode.KEY_REUSED, f"fuelling {name} was claimed already")
    suspense = situation.stations[fuelling.station].suspense_account
    paid_fen = min(situation.ledger.accounts[card.account].free_fen, fuelling.amount_fen)
    for debit, amount_fen in ((card.account, paid_fen), (card.receivable, fuelling.amount_fen - paid_fen)):
        if amount_fen:
            situation.ledger.move(
                TransferKind.CLAIM,
                debit,
                suspense,
                amount_fen,
                fuelling_id=fuelling.id,
                key=f"claim {name} {debit}",
                note=message.note,
                actor=message.actor,
            )
    situation.claimed[fuelling.id] = card.id
    return Done()


def _once(
    key: str,
    kind: TransferKind,
    debit: int,
    credit: int,
    amount_fen: int,
    message: TopUp | Refund | Correct,
    card: Card,
    situation: Situation,
) -> Done | Refused:
    earlier = situation.keys.get(key)
    if earlier is not None:
        if earlier != (debit, credit, amount_fen):
            return Refused(ErrorCode.KEY_REUSED, f"key {key} was used before for another posting")
        return Done(repeated=True)
    free_fen = situation.ledger.accounts[card.account].free_fen
    if debit == card.account and free_fen < amount_fen:
        words = f"card {card.id} has {format_yuan(free_fen)} yuan free, not {format_yuan(amount_fen)}"
        return Refused(ErrorCode.FORBIDDEN, words)
    situation.ledger.move(kind, debit, credit, amount_fen, key=key, note=message.note, actor=message.actor)
    situation.keys[key] = (debit, credit, amount_fen)
    situation.settle(card)
    return Done()


def _no_card(name: str) -> Refused:
    return Refused(ErrorCode.NOT_FOUND, f"no card {name}")
