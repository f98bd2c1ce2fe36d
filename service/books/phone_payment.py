"""The road of a plate that phones pay for: whose hour it is, how card and phone share the hold, and the hold itself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from zoneinfo import ZoneInfo

from service.books.batch_state import Situation
from service.books.records import ACTIVE, Authorisation, Card, State
from service.books.rows.ids import authorisation_name
from service.payers.decision import Shares, Standing, phone_limit, refusal_of, shares
from service.payers.periods import NOBODY, PayerKind, Rule, Turn, is_unsure, turn_at
from service.store.clock import US_PER_S, from_us, to_us
from wire.plates import normalise
from wire.questions import Question
from wire.reasons import Reason

UNSURE = Turn(NOBODY, None, None, reason="no_payer")
"""Nobody can say whose hour it is."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Who pays for a question, frozen with its answer. at_us: the time whose hour it is."""

    turn: Turn
    rule: Rule
    card: Card | None
    person: str | None
    mandate: str | None
    shares: Shares
    at_us: int | None = None

    @property
    def reason(self) -> Reason:
        return self.shares.reason


def is_asked(plate: str, situation: Situation) -> bool:
    """Whether more than the plate's card decides."""
    schedule = situation.payers.schedules.get(plate)
    return schedule is not None and schedule.rule_in_force is not Rule.CARD


def turn_of(plate: str, at_us: int, station: str, situation: Situation) -> Turn:
    """Whose hour an instant is at a station."""
    zone = ZoneInfo(situation.stations[station].zone)
    return turn_at(situation.payers.schedules[plate], from_us(at_us), zone)


def plan(question: Question, situation: Situation) -> Plan:
    """Who pays by the camera's time, and whether they cover the preset amount."""
    plate = normalise(question.plate)
    rule = situation.payers.schedules[plate].rule_in_force
    at_us = _judged_us(question, plate, situation)
    if at_us is None:
        return Plan(UNSURE, rule, None, None, None, Shares(Reason.CLOCK_UNSURE))
    turn = turn_of(plate, at_us, question.station, situation)
    card, person = card_of(turn, situation), person_of(turn)
    standing = None
    if person is not None:
        situation.expire_overdue(person=person)
        standing = standing_of(person, plate, at_us, question.station, situation)
    mandate = None if standing is None or standing.mandate is None else standing.mandate.id
    found = _shares(question, at_us, turn, rule, card, standing, situation)
    return Plan(turn, rule, card, person, mandate, found, at_us)


def standing_of(person: str, plate: str, captured_us: int, station: str, situation: Situation) -> Standing:
    """What is known of a payer now."""
    wallet = situation.ledger.accounts[situation.payers.persons[person].wallet]
    zone = ZoneInfo(situation.stations[station].zone)
    return situation.payers.standing(person, plate, captured_us, zone, wallet.free_fen, situation.by_id.values())


def note(answer: Authorisation, plan: Plan, situation: Situation) -> None:
    """Freeze the payer in the answer, allowed or not; each question is one of the mandate's tries."""
    answer.rule = plan.rule.value
    answer.person, answer.mandate = plan.person, plan.mandate
    answer.judged_us = plan.at_us if plan.at_us != answer.captured_us else None
    answer.card = None if plan.card is None else plan.card.id
    answer.period = None if plan.turn.hours is None else str(plan.turn.hours)
    if plan.mandate is not None:
        situation.payers.tries.setdefault(plan.mandate, []).append(answer.captured_us)


def grant(answer: Authorisation, plan: Plan, situation: Situation) -> None:
    """Hold both shares, the first payer's first, and write limit and expiry into the answer."""
    revenue = situation.stations[answer.station].revenue_account
    parts = []
    if plan.shares.card_fen and plan.card is not None:
        parts.append(("card", plan.card.account, plan.shares.card_fen))
    if plan.shares.phone_fen and plan.person is not None:
        parts.append(("phone", situation.payers.persons[plan.person].wallet, plan.shares.phone_fen))
    if plan.rule is Rule.PHONE_THEN_CARD:
        parts.reverse()
    holds = [(source, situation.ledger.hold(account, revenue, fen)) for source, account, fen in parts]
    answer.held_from, first = holds[0]
    answer.hold, answer.held_fen = first.transfer, first.amount_fen
    if len(holds) > 1:
        answer.then_hold, answer.then_fen = holds[1][1].transfer, holds[1][1].amount_fen
    answer.id = authorisation_name(first.transfer)
    answer.limit_fen = sum(hold.amount_fen for _, hold in holds)
    answer.first_expires_us = answer.expires_us = situation.now_us + situation.settings.hold_life_s * US_PER_S
    answer.state = State.OPEN


def card_of(turn: Turn, situation: Situation) -> Card | None:
    """The card that pays in this turn, first or second."""
    names = [payer.id for payer in (turn.payer, turn.then) if payer is not None and payer.kind is PayerKind.CARD]
    return situation.cards.get(names[0]) if names and names[0] is not None else None


def person_of(turn: Turn) -> str | None:
    """The person who pays in this turn, first or second."""
    by_phone = (PayerKind.PHONE, PayerKind.OWNER)
    return next((p.id for p in (turn.payer, turn.then) if p is not None and p.kind in by_phone), None)


def _judged_us(question: Question, plate: str, situation: Situation) -> int | None:
    """The camera's time; where its clock may be in another payer's hours the service's own less the picture's age.

    None where the unit did not say how old the picture is.
    """
    captured_us = to_us(question.captured_at)
    if not question.clock_error_s:
        return captured_us
    zone, error = ZoneInfo(situation.stations[question.station].zone), timedelta(seconds=question.clock_error_s)
    if not is_unsure(situation.payers.schedules[plate], question.captured_at, error, zone):
        return captured_us
    if question.frame_age_s is None:
        return None
    return situation.now_us - int(question.frame_age_s * US_PER_S)


def _shares(
    question: Question,
    at_us: int,
    turn: Turn,
    rule: Rule,
    card: Card | None,
    standing: Standing | None,
    situation: Situation,
) -> Shares:
    reason = refusal_of(turn)
    if reason is not Reason.OK:
        return Shares(reason)
    if card is not None and card.state != ACTIVE:
        return Shares(Reason.CARD_BLOCKED)
    free_fen, preset_fen = 0, situation.stations[question.station].preset_fen
    if card is not None:
        situation.expire_overdue(card.id)
        free_fen = situation.ledger.accounts[card.account].free_fen
        preset_fen = preset_fen if card.preset_fen is None else card.preset_fen
    phone = (Reason.NO_PAYER, 0)
    if standing is not None:
        local = from_us(at_us).astimezone(ZoneInfo(situation.stations[question.station].zone))
        phone = phone_limit(standing, question.station, local.hour * 60 + local.minute)
    return shares(turn, rule, preset_fen, free_fen, phone)
