"""Money at the till and corrections: top-ups, refunds, adjustments and claims, each posted once under its key."""

from __future__ import annotations

from service.books.batch_state import Situation
from service.books.messages import Claim, Correct, Done, Refund, Refused, TopUp, WriteOff
from service.books.records import Card, PostedFuelling, TransferKind
from wire.money import MAX_FEN, format_yuan
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
    """Charge what is in suspense of a fuelling to a card: what is free pays, the rest is owed."""
    fuelling = _suspended(message, situation)
    card = situation.cards.get(message.card)
    if isinstance(fuelling, Refused):
        return fuelling
    if card is None:
        return _no_card(message.card)
    suspense = situation.stations[fuelling.station].suspense_account
    paid_fen = min(situation.ledger.accounts[card.account].free_fen, fuelling.suspended_fen)
    key = f"claim {fuelling.id}"
    for debit, amount_fen in ((card.account, paid_fen), (card.receivable, fuelling.suspended_fen - paid_fen)):
        if amount_fen:
            situation.ledger.move(
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
    situation.resolved.add(fuelling.id)
    return Done()


def write_off(message: WriteOff, situation: Situation) -> Done | Refused:
    """Take what is in suspense of a fuelling out of it at the company's own cost."""
    fuelling = _suspended(message, situation)
    if isinstance(fuelling, Refused):
        return fuelling
    assert situation.adjustment is not None
    suspense = situation.stations[fuelling.station].suspense_account
    situation.ledger.move(
        TransferKind.WRITE_OFF,
        situation.adjustment.id,
        suspense,
        fuelling.suspended_fen,
        fuelling_id=fuelling.id,
        key=f"claim {fuelling.id}",
        note=message.note,
        actor=message.actor,
    )
    situation.resolved.add(fuelling.id)
    return Done()


def _suspended(message: Claim | WriteOff, situation: Situation) -> PostedFuelling | Refused:
    """The fuelling, of which something still waits in suspense."""
    name = f"{message.dispenser} {message.sequence} of station {message.station}"
    fuelling = situation.fuellings.get((message.station, message.dispenser, message.sequence))
    if fuelling is None:
        return Refused(ErrorCode.NOT_FOUND, f"no fuelling {name}")
    if fuelling.suspended_fen == 0:
        whom = "nothing was fuelled" if fuelling.card is None else f"card {fuelling.card} was charged for all of it"
        return Refused(ErrorCode.KEY_REUSED, f"fuelling {name} does not wait in suspense: {whom}")
    if fuelling.id in situation.resolved:
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
    most_fen = MAX_FEN - situation.ledger.accounts[card.account].balance_fen
    if credit == card.account and amount_fen > most_fen:
        words = (
            f"card {card.id} holds at most {format_yuan(MAX_FEN)} yuan; {format_yuan(max(0, most_fen))} more can come"
        )
        return Refused(ErrorCode.FORBIDDEN, words)
    situation.ledger.move(kind, debit, credit, amount_fen, key=key, note=message.note, actor=message.actor)
    situation.keys[key] = (debit, credit, amount_fen)
    situation.settle(card)
    return Done()


def _no_card(name: str) -> Refused:
    return Refused(ErrorCode.NOT_FOUND, f"no card {name}")
