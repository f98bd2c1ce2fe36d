"""May this plate refuel: the decision, its hold, renewal and release."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from service.books.batch_state import BatchState
from service.books.decisions import phone_payment, typed
from service.books.messages import Ask, Done, Refused, Release, Renew
from service.books.records import ACTIVE, Authorisation, Card, State
from service.books.settings import BookSettings
from service.store.clock import US_PER_S, from_us, to_us
from service.store.ids import authorisation_name
from wire.money import MAX_FEN
from wire.plates import is_plate, normalise
from wire.questions import Decision, Question
from wire.reasons import ErrorCode, Reason, Verdict


def ask(message: Ask, batch_state: BatchState) -> Decision | Refused:
    """Decide a question once; the same visit gets the same answer for ever, other content under it is refused."""
    question = message.question
    earlier = batch_state.by_visit.get((question.station, question.visit))
    if earlier is not None:
        if earlier != replace(earlier, **_asked(question)):
            return Refused(ErrorCode.KEY_REUSED, f"visit {question.visit} was asked before with other content")
        return _with_open_lane(_first_answer(earlier, batch_state.now_us), question, batch_state)
    if question.station not in batch_state.stations:
        return Refused(ErrorCode.UNKNOWN_STATION, f"no station {question.station} is set up")
    reason, card = _judge(question, batch_state)
    if reason is Reason.OK:
        reason = _alone(question, batch_state)
    plan = None
    if reason is Reason.OK and card is not None:
        reason = _affordable(card, question.station, batch_state)
    elif reason is Reason.OK:
        plan = phone_payment.plan(question, batch_state)
        reason = plan.reason
    answer = _record(question, reason, batch_state)
    if plan is not None:
        phone_payment.note(answer, plan, batch_state)
    if reason is Reason.OK and plan is not None:
        phone_payment.grant(answer, plan, batch_state)
    elif reason is Reason.OK and card is not None:
        _grant(answer, card, batch_state)
    batch_state.keep(answer)
    return _with_open_lane(_first_answer(answer, batch_state.now_us), question, batch_state)


def renew(message: Renew, batch_state: BatchState) -> Decision | Refused:
    """Prolong an open authorisation whose vehicle still stands; one that is over refuses with the reason."""
    held = batch_state.by_id.get(message.authorisation)
    if held is None:
        return _unknown(message.authorisation)
    if held.state == State.OPEN and (held.expires_us or 0) <= batch_state.now_us:
        batch_state.give_back(held, State.EXPIRED)
    reason = _renewal_reason(held, batch_state)
    if reason is not Reason.OK:
        return Decision(visit=held.visit, plate=held.plate, decision=Verdict.REFUSE, reason=reason)
    life, longest = batch_state.settings.hold_life_s, batch_state.settings.renewable_for_s
    until = min(batch_state.now_us + life * US_PER_S, held.asked_us + longest * US_PER_S)
    held.expires_us = max(until, held.expires_us or 0)
    batch_state.note_changed(held)
    return replace(
        _first_answer(held, batch_state.now_us), **_life(held.expires_us, batch_state.now_us, life * US_PER_S)
    )


def release(message: Release, batch_state: BatchState) -> Done | Refused:
    """Give the hold back; harmless when it is over already."""
    held = batch_state.by_id.get(message.authorisation)
    if held is None:
        return _unknown(message.authorisation)
    if held.state != State.OPEN:
        return Done(repeated=True)
    batch_state.give_back(held, State.RELEASED)
    return Done()


def _judge(question: Question, batch_state: BatchState) -> tuple[Reason, Card | None]:
    """Everything but the money: is the question fresh, the plate certain, known and not blocked.

    Without a card where phones are asked.
    """
    plate = normalise(question.plate)
    if not is_plate(plate):
        return Reason.INVALID_PLATE, None
    settings, age_us = batch_state.settings, batch_state.now_us - to_us(question.captured_at)
    if not -settings.ahead_s * US_PER_S <= age_us <= settings.stale_after_s * US_PER_S:
        return Reason.STALE_QUESTION, None
    if _is_answered_offline(question, batch_state):
        return Reason.STALE_QUESTION, None
    if not question.typed and not _certain(question, settings):
        return Reason.NOT_CERTAIN, None
    if question.typed and typed.differs(question):
        return Reason.TYPED_DIFFERS, None
    bound = batch_state.plates.get(plate)
    if bound is None:
        return Reason.UNKNOWN_PLATE, None
    if bound.state != ACTIVE:
        return Reason.PLATE_BLOCKED, None
    card = batch_state.cards.get(bound.card) if bound.card is not None else None
    refused = typed.refused(question, bound, card, batch_state) if question.typed else None
    if phone_payment.is_asked(plate, batch_state):
        return refused or Reason.OK, None
    if card is None:
        return Reason.NO_PAYER, None
    if card.state != ACTIVE:
        return Reason.CARD_BLOCKED, card
    return refused or Reason.OK, card


def _is_answered_offline(question: Question, batch_state: BatchState) -> bool:
    """Whether the station has told already that it allowed this visit itself: nobody waits for a second answer, and
    what it held would stay held until it ran out."""
    visit = (question.station, question.lane, question.visit)
    return any((grant.station, grant.lane, grant.visit) == visit for grant in batch_state.offline.values())


def _alone(question: Question, batch_state: BatchState) -> Reason:
    """A plate is at one lane at a time: a new visit at its own lane replaces the old one, at another it waits."""
    for held in _open_ones(question, batch_state):
        if not _same_lane(held, question):
            return Reason.OPEN_ELSEWHERE
    for held in _open_ones(question, batch_state):
        batch_state.give_back(held, State.RELEASED)
    return Reason.OK


def _open_ones(question: Question, batch_state: BatchState) -> list[Authorisation]:
    """The authorisations under which this plate may refuel now."""
    plate = normalise(question.plate)
    return [
        held
        for held in batch_state.by_id.values()
        if held.state == State.OPEN and (held.expires_us or 0) > batch_state.now_us and normalise(held.plate) == plate
    ]


def _same_lane(held: Authorisation, question: Question) -> bool:
    return (held.station, held.lane) == (question.station, question.lane)


def _with_open_lane(answer: Decision, question: Question, batch_state: BatchState) -> Decision:
    """A refusal for the plate's other lane with that lane's name, where it is one of the same station."""
    if answer.reason is not Reason.OPEN_ELSEWHERE:
        return answer
    there = [
        held.lane
        for held in _open_ones(question, batch_state)
        if held.station == question.station and held.lane != question.lane
    ]
    return replace(answer, open_lane=there[0]) if there else answer


def _certain(question: Question, settings: BookSettings) -> bool:
    return question.confidence >= settings.least_confidence and question.weakest >= settings.least_weakest


def _affordable(card: Card, station: str, batch_state: BatchState) -> Reason:
    batch_state.expire_overdue(card.id)
    free_fen = batch_state.ledger.accounts[card.account].free_fen
    return Reason.OK if free_fen >= _preset_fen(card, station, batch_state) else Reason.BELOW_PRESET


def _preset_fen(card: Card, station: str, batch_state: BatchState) -> int:
    return card.preset_fen if card.preset_fen is not None else batch_state.stations[station].preset_fen


def _grant(answer: Authorisation, card: Card, batch_state: BatchState) -> None:
    """Hold the limit and write authorisation, limit and expiry into the answer."""
    limit_fen = _preset_fen(card, answer.station, batch_state)
    if card.whole_balance:
        limit_fen = min(batch_state.ledger.accounts[card.account].free_fen, MAX_FEN)
    hold = batch_state.ledger.hold(card.account, batch_state.stations[answer.station].revenue_account, limit_fen)
    answer.id = authorisation_name(hold.transfer)
    answer.card, answer.hold, answer.limit_fen = card.id, hold.transfer, limit_fen
    answer.first_expires_us = answer.expires_us = batch_state.now_us + batch_state.settings.hold_life_s * US_PER_S
    answer.state = State.OPEN


def _asked(question: Question) -> dict[str, Any]:
    """The question in the columns that keep it."""
    return {
        "station": question.station,
        "lane": question.lane,
        "plate": question.plate,
        "typed": question.typed,
        "captured_us": to_us(question.captured_at),
        "confidence": float(question.confidence),
        "weakest": float(question.weakest),
        "seen": question.seen,
        "seen_certain": question.seen_certain or None,
        "confirmed_by": question.confirmed_by,
    }


def _record(question: Question, reason: Reason, batch_state: BatchState) -> Authorisation:
    return Authorisation(
        visit=question.visit,
        **_asked(question),
        asked_us=batch_state.now_us,
        decision=(Verdict.ALLOW if reason is Reason.OK else Verdict.REFUSE).value,
        reason=reason.value,
        id=None,
        card=None,
        hold=None,
        limit_fen=None,
        first_expires_us=None,
        expires_us=None,
        state=State.REFUSED.value,
    )


def _first_answer(answer: Authorisation, now_us: int) -> Decision:
    return Decision(
        visit=answer.visit,
        plate=answer.plate,
        decision=Verdict(answer.decision),
        reason=Reason(answer.reason),
        authorisation=answer.id,
        limit_fen=answer.limit_fen,
        **_life(
            answer.first_expires_us,
            now_us if answer.state == State.OPEN else answer.first_expires_us,
            (answer.first_expires_us or 0) - answer.asked_us,
        ),
    )


def _life(expires_us: int | None, now_us: int | None, longest_us: int) -> dict[str, Any]:
    """When an authorisation ends: as a time, and as what is left of it now; never more than was given.

    The service's clock may have been set back since: then the time is far away, and the lease is not.
    """
    if expires_us is None or now_us is None:
        return {}
    return {"expires_at": from_us(expires_us), "expires_in_s": min(max(0, expires_us - now_us), longest_us) / US_PER_S}


def _renewal_reason(held: Authorisation, batch_state: BatchState) -> Reason:
    if held.state == State.EXPIRED:
        return Reason.EXPIRED
    if held.state != State.OPEN:
        return Reason.VISIT_OVER
    if batch_state.now_us >= held.asked_us + batch_state.settings.renewable_for_s * US_PER_S:
        return Reason.EXPIRED
    if held.card is not None and batch_state.cards[held.card].state != ACTIVE:
        return Reason.CARD_BLOCKED
    bound = batch_state.plates.get(normalise(held.plate))
    return Reason.PLATE_BLOCKED if bound is not None and bound.state != ACTIVE else Reason.OK


def _unknown(name: str) -> Refused:
    return Refused(ErrorCode.UNKNOWN_AUTHORISATION, f"no authorisation {name}")
