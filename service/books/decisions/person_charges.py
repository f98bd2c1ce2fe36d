"""Charges to persons: made with the fuelling in one transaction, and the one table of what may become of them."""

from __future__ import annotations

import enum
import secrets
from dataclasses import dataclass

from service.books.batch_state import BatchState
from service.books.decisions import phone_payment
from service.books.decisions.card_charges import Charged, charge_card
from service.books.payer_state import Charge, ChargeStep, NewPayment
from service.books.records import Authorisation, Grant, State, Station, TransferKind, TransferPhase
from service.store.clock import US_PER_S, to_us
from service.store.zones import zone_named
from wire.fuellings import Fuelling
from wire.payers import ChargeState
from wire.plates import normalise


class ChargeEvent(enum.StrEnum):
    """What can happen to a charge."""

    SEND = "send"
    SEE = "see"
    ACCEPT = "accept"
    PAY = "pay"
    FAIL = "fail"
    LOSE = "lose"
    DECLINE = "decline"
    HAND_ON = "hand_on"
    EXPIRE = "expire"
    REFUND = "refund"
    REFUND_PART = "refund_part"
    WAIVE = "waive"
    DISPUTE = "dispute"
    FOR_DRIVER = "for_driver"
    FOR_STATION = "for_station"
    REOPEN = "reopen"


CREATE = "create"
"""The first step of a charge, before which there is no state."""
_S, _E = ChargeState, ChargeEvent
OPEN = (_S.CREATED, _S.SENT, _S.SEEN)
UNPAID = (*OPEN, _S.DECLINED, _S.EXPIRED)
"""States in which somebody still has to pay; a payment may arrive in each of them."""

TRANSITIONS: dict[tuple[ChargeState, ChargeEvent], ChargeState] = {
    (_S.CREATED, _E.SEND): _S.SENT,
    **{(state, _E.SEE): _S.SEEN for state in (_S.CREATED, _S.SENT)},
    **{(state, _E.ACCEPT): _S.ACCEPTED for state in (*UNPAID, _S.UNKNOWN)},
    **{(state, _E.PAY): _S.PAID for state in (*UNPAID, _S.ACCEPTED, _S.UNKNOWN)},
    **{(state, _E.FAIL): _S.SEEN for state in (*OPEN, _S.ACCEPTED, _S.UNKNOWN)},
    **{(state, _E.LOSE): _S.UNKNOWN for state in (*OPEN, _S.ACCEPTED)},
    **{(state, _E.DECLINE): _S.DECLINED for state in OPEN},
    **{(state, _E.HAND_ON): _S.CREATED for state in (*OPEN, _S.DECLINED)},
    **{(state, _E.EXPIRE): _S.EXPIRED for state in (*OPEN, _S.DECLINED)},
    **{(state, _E.DISPUTE): _S.DISPUTED for state in (*UNPAID, _S.PAID)},
    **{(state, _E.WAIVE): _S.REFUNDED for state in UNPAID},
    (_S.PAID, _E.REFUND): _S.REFUNDED,
    (_S.PAID, _E.REFUND_PART): _S.PAID,
    (_S.DISPUTED, _E.FOR_DRIVER): _S.REFUNDED,
    (_S.DISPUTED, _E.FOR_STATION): _S.PAID,
    (_S.DISPUTED, _E.REOPEN): _S.CREATED,
}
"""The one table: what it lacks cannot happen. REFUNDED is the end."""


def after(state: ChargeState, event: ChargeEvent) -> ChargeState | None:
    """The state that an event leads to; None where it cannot happen."""
    return TRANSITIONS.get((state, event))


@dataclass(frozen=True, slots=True)
class _About:
    """What the charges of one fuelling have in common."""

    fuelling: Fuelling
    number: int
    station: Station
    person: str
    visit: str | None
    plate: str
    captured_us: int
    period: str | None


def charge_held(
    fuelling: Fuelling, held: Authorisation, station: Station, number: int, batch_state: BatchState
) -> Charged:
    """Capture the holds in the order of the rule, give their rest back, and charge what exceeds them by itself."""
    assert held.limit_fen is not None
    captured = {"card": 0, "phone": 0}
    is_open = held.state == State.OPEN
    if is_open:
        captured |= _capture(fuelling.amount_fen, held, number, batch_state)
        batch_state.end(held, State.CAPTURED)
    captured_fen = sum(captured.values())
    card = None if held.card is None else batch_state.cards[held.card]
    if held.person is not None and captured["phone"]:
        _add_captured(_about(fuelling, held, station, number), held, captured["phone"], batch_state)
    rest_fen, by_card_fen = fuelling.amount_fen - captured_fen, 0
    if card is not None:
        by_card_fen = _card_share(held, rest_fen, is_open, batch_state)
        charge_card(card, station, by_card_fen, number, batch_state)
    if rest_fen > by_card_fen and held.person is not None:
        about, over_fen = _about(fuelling, held, station, number), rest_fen - by_card_fen
        is_by_machine = is_open and held.provider is None
        mandate = _mandate_for(about, over_fen, captured["phone"], batch_state) if is_by_machine else None
        _add_request(about, 1, over_fen, mandate, batch_state)
    released_fen = held.limit_fen - captured_fen if is_open else 0
    over_fen = max(0, fuelling.amount_fen - held.limit_fen)
    return Charged(card, captured_fen, over_fen, released_fen, person=held.person)


def is_known(grant: Grant, batch_state: BatchState) -> bool:
    """Whether its payer ever signed the mandate that it names for this plate, in force or ended."""
    given = batch_state.payers.given.get((grant.mandate or "", normalise(grant.plate)))
    return given is not None and given.person == grant.person


def charge_granted(fuelling: Fuelling, grant: Grant, station: Station, number: int, batch_state: BatchState) -> Charged:
    """The payer whom the station's list named for the capture time pays, whatever became of the schedule since.

    Up to the grant's limit and what exceeds it are charges of their own, each paid by the mandate where it allows that.
    """
    assert grant.person is not None
    assert grant.captured_us is not None
    plate = normalise(grant.plate)
    about = _About(fuelling, number, station, grant.person, grant.visit, plate, grant.captured_us, grant.period)
    within_fen = min(fuelling.amount_fen, grant.limit_fen)
    over_fen = fuelling.amount_fen - within_fen
    taken_fen = 0
    for part, amount_fen in enumerate((within_fen, over_fen)):
        if amount_fen:
            mandate = _given_mandate(about, grant, taken_fen + amount_fen, amount_fen, batch_state)
            _add_request(about, part, amount_fen, mandate, batch_state)
            taken_fen += amount_fen
    return Charged(None, overrun_fen=over_fen, person=grant.person)


def charge_unauthorised(
    fuelling: Fuelling, person: str, period: str | None, amount_fen: int, number: int, batch_state: BatchState
) -> None:
    """Ask the person whose hour it was; nothing that nobody authorised is taken by machine."""
    assert fuelling.plate is not None
    station = batch_state.stations[fuelling.station]
    plate, captured_us = normalise(fuelling.plate), to_us(fuelling.started_at)
    about = _About(fuelling, number, station, person, fuelling.visit, plate, captured_us, period)
    _add_request(about, 1, amount_fen, None, batch_state)


def _capture(amount_fen: int, held: Authorisation, number: int, batch_state: BatchState) -> dict[str, int]:
    captured: dict[str, int] = {}
    left_fen = amount_fen
    for source, hold in batch_state.holds_of(held):
        captured[source] = min(left_fen, hold.amount_fen)
        left_fen -= captured[source]
        if captured[source]:
            batch_state.ledger.capture(hold, captured[source], number)
        else:
            batch_state.ledger.cancel(hold, TransferPhase.VOID)
    return captured


def _card_share(held: Authorisation, rest_fen: int, is_open: bool, batch_state: BatchState) -> int:
    """What the card pays without a hold: all where nobody else is asked, what is free where it comes first."""
    assert held.card is not None
    if held.person is None:
        return rest_fen
    if is_open or held.rule != "card-then-phone":
        return 0
    return min(rest_fen, max(0, batch_state.ledger.accounts[batch_state.cards[held.card].account].free_fen))


def _about(fuelling: Fuelling, held: Authorisation, station: Station, number: int) -> _About:
    assert held.person is not None
    plate = normalise(held.plate)
    return _About(fuelling, number, station, held.person, held.visit, plate, held.payer_us, held.period)


def _add_captured(about: _About, held: Authorisation, amount_fen: int, batch_state: BatchState) -> None:
    """Paid by the mandate out of the hold; a provider's hold is a debt, and its order waits to be sent."""
    if held.provider is not None:
        charge = _charge(about, 0, amount_fen, batch_state)
        charge.mandate = held.mandate
        batch_state.payers.add(charge, [_step(charge, CREATE, None, batch_state)])
        batch_state.payers.new_payments.append(_order(charge, held.provider, batch_state))
        return
    hold = held.hold if held.held_from == "phone" else held.then_hold
    charge = _charge(about, 0, amount_fen, batch_state)
    charge.mandate, charge.hold = held.mandate, hold
    _pay_by_mandate(charge, batch_state)


def _add_request(about: _About, part: int, amount_fen: int, mandate: str | None, batch_state: BatchState) -> None:
    """A charge of its own for what no hold covers: the mandate pays where there is one, else the phone is asked."""
    accounts = batch_state.payers.persons[about.person]
    revenue = about.station.revenue_account
    batch_state.ledger.move(TransferKind.DEBT, accounts.owed, revenue, amount_fen, fuelling_id=about.number)
    charge = _charge(about, part, amount_fen, batch_state)
    if mandate is not None:
        charge.mandate = mandate
        wallet, key = accounts.wallet, payment_key(charge.id)
        batch_state.ledger.move(TransferKind.PAYMENT, wallet, accounts.owed, amount_fen, key=key, actor=mandate)
        _pay_by_mandate(charge, batch_state)
        return
    charge.due_us = batch_state.now_us + batch_state.settings.next_payer_after_s * US_PER_S
    charge.overdue_us = batch_state.now_us + batch_state.settings.overdue_after_s * US_PER_S
    batch_state.payers.add(charge, [_step(charge, CREATE, None, batch_state)])


def _order(charge: Charge, provider: str, batch_state: BatchState) -> NewPayment:
    assert charge.plate is not None
    return NewPayment(
        number=f"gl{charge.id.removeprefix('c-')}",
        charge=charge.id,
        person=charge.person,
        plate=charge.plate,
        provider=provider,
        amount_fen=charge.amount_fen,
        captured_us=charge.captured_us,
        made_us=batch_state.now_us,
        due_us=batch_state.now_us,
    )


def payment_key(charge: str) -> str:
    """The key of the one posting that pays a charge, whoever pays it and how."""
    return f"charge {charge}"


def _mandate_for(about: _About, amount_fen: int, captured_fen: int, batch_state: BatchState) -> str | None:
    """The mandate that allows this amount on top of what was captured; a question counted its try already."""
    standing = phone_payment.standing_of(about.person, about.plate, about.captured_us, about.station.id, batch_state)
    mandate = standing.mandate
    if mandate is None or mandate.is_paused or standing.is_blocked or standing.is_overdue:
        return None
    fits = amount_fen + captured_fen <= mandate.per_fill_fen and amount_fen <= standing.free_fen
    return mandate.id if fits and standing.spent_fen + amount_fen <= mandate.per_day_fen else None


def _given_mandate(
    about: _About, grant: Grant, together_fen: int, amount_fen: int, batch_state: BatchState
) -> str | None:
    """The mandate by which a station allowed it, where that was good then and its limits cover this amount now."""
    given = batch_state.payers.given.get((grant.mandate or "", about.plate))
    if given is None or given.person != about.person or not given.stood(grant.granted_us):
        return None
    wallet = batch_state.ledger.accounts[batch_state.payers.persons[about.person].wallet]
    zone, open_ones = zone_named(about.station.zone), batch_state.by_id.values()
    spent_fen = batch_state.payers.spent_fen(given.id, about.captured_us, zone, open_ones)
    fits = together_fen <= min(given.per_fill_fen, given.offline_fen) and amount_fen <= wallet.free_fen
    is_blocked = (about.plate, about.person) in batch_state.payers.blocked
    return given.id if fits and not is_blocked and spent_fen + amount_fen <= given.per_day_fen else None


def _pay_by_mandate(charge: Charge, batch_state: BatchState) -> None:
    charge.state, charge.paid_us, charge.paid_by = ChargeState.PAID.value, batch_state.now_us, charge.person
    created = _step(charge, CREATE, None, batch_state, new=ChargeState.CREATED)
    paid = _step(charge, ChargeEvent.PAY.value, ChargeState.CREATED, batch_state)
    batch_state.payers.add(charge, [created, paid])


def _charge(about: _About, part: int, amount_fen: int, batch_state: BatchState) -> Charge:
    return Charge(
        id=f"c-{secrets.token_hex(8)}",
        fuelling=about.number,
        part=part,
        visit=about.visit,
        plate=about.plate,
        station=about.station.id,
        person=about.person,
        asked=about.person,
        amount_fen=amount_fen,
        period=about.period,
        captured_us=about.captured_us,
        created_us=batch_state.now_us,
        mandate=None,
        hold=None,
        state=ChargeState.CREATED.value,
        due_us=None,
        overdue_us=None,
        paid_us=None,
        paid_by=None,
        refunded_fen=0,
        disputed_us=None,
    )


def _step(
    charge: Charge, event: str, old: ChargeState | None, batch_state: BatchState, *, new: ChargeState | None = None
) -> ChargeStep:
    return ChargeStep(
        id=batch_state.ids.next(batch_state.now_us),
        charge=charge.id,
        at_us=batch_state.now_us,
        event=event,
        old=None if old is None else old.value,
        new=charge.state if new is None else new.value,
        asked=charge.asked,
        actor="service" if charge.mandate is None else f"mandate {charge.mandate}",
        detail="",
    )
