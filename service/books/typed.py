"""Typed plates before their payer is asked: the rule of plate, card or station, and the proof that a PIN was right."""

from __future__ import annotations

import hmac

from service.books.batch_state import Situation
from service.books.records import BoundPlate, Card
from service.store.clock import US_PER_S
from wire.plates import normalise
from wire.questions import Question
from wire.reasons import Reason
from wire.typed import Agreement, TypedRule, agreement, refusal

DEFAULT_RULE = TypedRule.ATTENDANT
PROOF_LIFE_S = 600
"""A right PIN is good for so long at its lane: a refusal, the way to the counter and back."""


def differs(question: Question) -> bool:
    """Whether a typed plate contradicts what was seen, and nobody of the station vouches for it."""
    return question.confirmed_by is None and _found(question) is Agreement.DIFFERS


def refused(question: Question, bound: BoundPlate, card: Card | None, situation: Situation) -> Reason | None:
    """Why the typed plate is refused, by the rule of the plate, else the card's, else the station's; None where not."""
    station = situation.stations[question.station]
    named = bound.typed_rule or (card and card.typed_rule) or station.typed_rule
    return refusal(
        _found(question),
        TypedRule(named) if named else DEFAULT_RULE,
        confirmed=question.confirmed_by is not None,
        pin_given=question.pin_proof is not None,
        pin_right=_proved(question, card, situation.now_us),
    )


def proof(pin_hash: str, station: str, lane: str, plate: str, now_us: int) -> str:
    """What the service hands out for the right PIN: good for one plate at one lane, until it ends."""
    ends_s = now_us // US_PER_S + PROOF_LIFE_S
    return f"{ends_s:x}.{_seal(pin_hash, station, lane, plate, ends_s)}"


def _found(question: Question) -> Agreement:
    return agreement(normalise(question.plate), question.seen, question.seen_certain)


def _proved(question: Question, card: Card | None, now_us: int) -> bool:
    ends, _, seal = (question.pin_proof or "").partition(".")
    if card is None or card.pin_hash is None or not seal or len(ends) > 12:
        return False
    try:
        ends_s = int(ends, 16)
    except ValueError:
        return False
    due = _seal(card.pin_hash, question.station, question.lane, normalise(question.plate), ends_s)
    return now_us <= ends_s * US_PER_S and hmac.compare_digest(due, seal)


def _seal(pin_hash: str, station: str, lane: str, plate: str, ends_s: int) -> str:
    words = "\n".join((station, lane, plate, str(ends_s))).encode()
    return hmac.new(pin_hash.encode(), words, "sha256").hexdigest()[:40]
