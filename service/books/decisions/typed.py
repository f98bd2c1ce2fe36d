"""Typed plates before their payer is asked: the rule of plate, card or station, and the proof that a PIN was right."""

from __future__ import annotations

import hmac

from service.books.batch_state import BatchState
from service.books.decisions import phone_payment
from service.books.records import BoundPlate, Card
from service.store.clock import US_PER_S, to_us
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


def refused(question: Question, bound: BoundPlate, card: Card | None, batch_state: BatchState) -> Reason | None:
    """Why the typed plate is refused, by the rule of the plate, else the card's, else the station's; None where not."""
    station = batch_state.stations[question.station]
    named = bound.typed_rule or (card and card.typed_rule) or station.typed_rule
    return refusal(
        _found(question),
        TypedRule(named) if named else DEFAULT_RULE,
        confirmed=question.confirmed_by is not None,
        pin_given=question.pin_proof is not None,
        pin_right=any(
            _proved(question, pin_hash, batch_state.now_us) for pin_hash in _pin_hashes(question, card, batch_state)
        ),
    )


def proof(pin_hash: str, station: str, lane: str, plate: str, now_us: int) -> str:
    """What the service hands out for the right PIN: good for one plate at one lane, until it ends."""
    ends_s = now_us // US_PER_S + PROOF_LIFE_S
    return f"{ends_s:x}.{_seal(pin_hash, station, lane, plate, ends_s)}"


def _found(question: Question) -> Agreement:
    return agreement(normalise(question.plate), question.seen, question.seen_certain)


def _pin_hashes(question: Question, card: Card | None, batch_state: BatchState) -> list[str]:
    """Of the plate's card, and of the person who pays by phone at the time of the picture."""
    plate, hashes = normalise(question.plate), [None if card is None else card.pin_hash]
    if question.pin_proof is not None and phone_payment.is_asked(plate, batch_state):
        turn = phone_payment.turn_of(plate, to_us(question.captured_at), question.station, batch_state)
        person = batch_state.payers.persons.get(phone_payment.person_of(turn) or "")
        hashes.append(None if person is None else person.pin_hash)
    return [pin_hash for pin_hash in hashes if pin_hash is not None]


def _proved(question: Question, pin_hash: str, now_us: int) -> bool:
    ends, _, seal = (question.pin_proof or "").partition(".")
    if not seal or len(ends) > 12:
        return False
    try:
        ends_s = int(ends, 16)
    except ValueError:
        return False
    due = _seal(pin_hash, question.station, question.lane, normalise(question.plate), ends_s)
    return now_us <= ends_s * US_PER_S and hmac.compare_digest(due, seal)


def _seal(pin_hash: str, station: str, lane: str, plate: str, ends_s: int) -> str:
    words = "\n".join((station, lane, plate, str(ends_s))).encode()
    return hmac.new(pin_hash.encode(), words, "sha256").hexdigest()[:40]
