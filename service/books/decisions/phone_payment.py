"""The road of a plate that phones pay for: whose hour it is, how card and phone share the hold, and the hold itself."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

from service.books.batch_state import BatchState
from service.books.records import ACTIVE, Authorisation, Card, State
from service.payer_rules.capabilities import CAPABILITIES, most_fen, unfit
from service.payer_rules.decision import PayerStanding, Shares, phone_limit, refusal_of, shares
from service.payer_rules.periods import NOBODY, PayerKind, Rule, Turn, is_unsure, turn_at
from service.store.clock import US_PER_S, from_us, to_us
from service.store.ids import authorisation_name
from service.store.zones import zone_named
from wire.plates import normalise
from wire.questions import Question
from wire.reasons import Reason

UNSURE = Turn(NOBODY, None, None, reason="no_payer")
"""Nobody can say whose hour it is."""


@dataclass(frozen=True, slots=True)
class PaymentPlan:
    """Who pays for a question, frozen with its answer. at_us: the time whose hour it is.

    provider: who is asked for the phone's share; None where the wallet holds it.
    """

    turn: Turn
    rule: Rule
    card: Card | None
    person: str | None
    mandate: str | None
    shares: Shares
    at_us: int | None = None
    provider: str | None = None

    @property
    def reason(self) -> Reason:
        return self.shares.reason


def is_asked(plate: str, batch_state: BatchState) -> bool:
    """Whether more than the plate's card decides."""
    schedule = batch_state.payers.schedules.get(plate)
    return schedule is not None and schedule.rule_in_force is not Rule.CARD


def turn_of(plate: str, at_us: int, station: str, batch_state: BatchState) -> Turn:
    """Whose hour an instant is at a station."""
    zone = zone_named(batch_state.stations[station].zone)
    return turn_at(batch_state.payers.schedules[plate], from_us(at_us), zone)


def plan(question: Question, batch_state: BatchState) -> PaymentPlan:
    """Who pays by the camera's time, and whether they cover the preset amount."""
    plate = normalise(question.plate)
    rule = batch_state.payers.schedules[plate].rule_in_force
    at_us = _judged_us(question, plate, batch_state)
    if at_us is None:
        return PaymentPlan(UNSURE, rule, None, None, None, Shares(Reason.CLOCK_UNSURE))
    turn = turn_of(plate, at_us, question.station, batch_state)
    card, person = card_of(turn, batch_state), person_of(turn)
    standing, provider = None, None
    if person is not None:
        batch_state.expire_overdue(person=person)
        standing = standing_of(person, plate, at_us, question.station, batch_state)
        provider, free_fen = _way(person, plate, at_us, question.station, batch_state, standing.free_fen)
        standing = replace(standing, free_fen=free_fen)
    mandate = None if standing is None or standing.mandate is None else standing.mandate.id
    found = _shares(question, at_us, turn, rule, card, standing, batch_state)
    return PaymentPlan(turn, rule, card, person, mandate, found, at_us, provider)


def standing_of(person: str, plate: str, captured_us: int, station: str, batch_state: BatchState) -> PayerStanding:
    """What is known of a payer now."""
    wallet = batch_state.ledger.accounts[batch_state.payers.persons[person].wallet]
    zone = zone_named(batch_state.stations[station].zone)
    return batch_state.payers.standing(person, plate, captured_us, zone, wallet.free_fen, batch_state.by_id.values())


def _way(
    person: str, plate: str, at_us: int, station: str, batch_state: BatchState, wallet_fen: int
) -> tuple[str | None, int]:
    """The provider that is asked and the most it takes; the wallet and its free money where it cannot or takes less."""
    way = batch_state.payers.persons[person].pays_by
    if CAPABILITIES[way].is_embedded:
        return None, wallet_fen
    zone = zone_named(batch_state.stations[station].zone)
    asked_fen = batch_state.payers.ordered_fen(way, plate, at_us, zone)
    local = from_us(at_us).astimezone(zone)
    state = batch_state.payers.provided.get((way, plate))
    if unfit(way, plate, state, local.hour * 60 + local.minute, asked_fen) is not None:
        return None, wallet_fen
    free_fen = most_fen(way, asked_fen)
    return (way, free_fen) if free_fen >= wallet_fen else (None, wallet_fen)


def note(answer: Authorisation, plan: PaymentPlan, batch_state: BatchState) -> None:
    """Freeze the payer in the answer, allowed or not; each question is one of the mandate's tries."""
    answer.rule = plan.rule.value
    answer.person, answer.mandate = plan.person, plan.mandate
    answer.judged_us = plan.at_us if plan.at_us != answer.captured_us else None
    answer.card = None if plan.card is None else plan.card.id
    answer.period = None if plan.turn.hours is None else str(plan.turn.hours)
    if plan.mandate is not None:
        batch_state.payers.tries.setdefault(plan.mandate, []).append(answer.captured_us)


def grant(answer: Authorisation, plan: PaymentPlan, batch_state: BatchState) -> None:
    """Hold both shares, the first payer's first, and write limit and expiry into the answer."""
    revenue = batch_state.stations[answer.station].revenue_account
    parts = []
    if plan.shares.card_fen and plan.card is not None:
        parts.append(("card", plan.card.account, plan.shares.card_fen))
    if plan.shares.phone_fen and plan.person is not None:
        accounts, answer.provider = batch_state.payers.persons[plan.person], plan.provider
        account = accounts.wallet if plan.provider is None else accounts.owed
        parts.append(("phone", account, plan.shares.phone_fen))
    if plan.rule is Rule.PHONE_THEN_CARD:
        parts.reverse()
    holds = [(source, batch_state.ledger.hold(account, revenue, fen)) for source, account, fen in parts]
    answer.held_from, first = holds[0]
    answer.hold, answer.held_fen = first.transfer, first.amount_fen
    if len(holds) > 1:
        answer.then_hold, answer.then_fen = holds[1][1].transfer, holds[1][1].amount_fen
    answer.id = authorisation_name(first.transfer)
    answer.limit_fen = sum(hold.amount_fen for _, hold in holds)
    answer.first_expires_us = answer.expires_us = batch_state.now_us + batch_state.settings.hold_life_s * US_PER_S
    answer.state = State.OPEN


def card_of(turn: Turn, batch_state: BatchState) -> Card | None:
    """The card that pays in this turn, first or second."""
    names = [payer.id for payer in (turn.payer, turn.then) if payer is not None and payer.kind is PayerKind.CARD]
    return batch_state.cards.get(names[0]) if names and names[0] is not None else None


def person_of(turn: Turn) -> str | None:
    """The person who pays in this turn, first or second."""
    by_phone = (PayerKind.PHONE, PayerKind.OWNER)
    return next((p.id for p in (turn.payer, turn.then) if p is not None and p.kind in by_phone), None)


def _judged_us(question: Question, plate: str, batch_state: BatchState) -> int | None:
    """The camera's time; where its clock may be in another payer's hours the service's own less the picture's age.

    None where the unit did not say how old the picture is.
    """
    captured_us = to_us(question.captured_at)
    if not question.clock_error_s:
        return captured_us
    zone, error = zone_named(batch_state.stations[question.station].zone), timedelta(seconds=question.clock_error_s)
    if not is_unsure(batch_state.payers.schedules[plate], question.captured_at, error, zone):
        return captured_us
    if question.frame_age_s is None:
        return None
    return batch_state.now_us - int(question.frame_age_s * US_PER_S)


def _shares(
    question: Question,
    at_us: int,
    turn: Turn,
    rule: Rule,
    card: Card | None,
    standing: PayerStanding | None,
    batch_state: BatchState,
) -> Shares:
    reason = refusal_of(turn)
    if reason is not Reason.OK:
        return Shares(reason)
    if card is not None and card.state != ACTIVE:
        return Shares(Reason.CARD_BLOCKED)
    free_fen, preset_fen = 0, batch_state.stations[question.station].preset_fen
    if card is not None:
        batch_state.expire_overdue(card.id)
        free_fen = batch_state.ledger.accounts[card.account].free_fen
        preset_fen = preset_fen if card.preset_fen is None else card.preset_fen
    phone = (Reason.NO_PAYER, 0)
    if standing is not None:
        local = from_us(at_us).astimezone(zone_named(batch_state.stations[question.station].zone))
        phone = phone_limit(standing, question.station, local.hour * 60 + local.minute)
    return shares(turn, rule, preset_fen, free_fen, phone)
