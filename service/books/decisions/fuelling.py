"""Posting of fuellings: what a report must satisfy, what is only flagged, who pays, and the receipt."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from service.books.batch_state import BatchState
from service.books.decisions import offline_grants as grants
from service.books.decisions import patterns
from service.books.decisions import plausibility as meter
from service.books.decisions.card_charges import Charged, charge_card
from service.books.decisions.coverage import card_of_plate, coverage, phone_turn_of
from service.books.decisions.person_charges import charge_granted, charge_held, charge_unauthorised, is_known
from service.books.decisions.phone_payment import card_of, person_of
from service.books.messages import Refused, Report
from service.books.records import (
    Authorisation,
    Card,
    DispenserLane,
    DispenserRow,
    Grant,
    PostedFuelling,
    State,
    Station,
    TransferKind,
)
from service.errors import AdminError
from service.payer_rules.periods import PayerKind
from service.store.clock import to_us
from service.store.naming import require_name
from wire.flags import BooksFlag
from wire.fuellings import Fuelling, FuellingReceipt
from wire.plates import normalise
from wire.reasons import ErrorCode

"""Without an authorisation the card was charged only up to the station's cap; the rest is in suspense."""


def report(message: Report, batch_state: BatchState) -> FuellingReceipt | Refused:
    """Post a fuelling once; its repeat gets the first receipt. Only what contradicts itself is refused."""
    fuelling = message.fuelling
    earlier = batch_state.fuellings.get((fuelling.station, fuelling.dispenser, fuelling.sequence))
    if earlier is not None and replace(earlier, **_reported(fuelling)) == earlier:
        return _receipt(earlier)
    refusal = _of_another_lane(fuelling, batch_state)
    if refusal is None and earlier is not None:
        key = f"dispenser {fuelling.dispenser}, sequence {fuelling.sequence}"
        words = f"{key} was reported before with other content, by lane {earlier.lane}"
        return Refused(ErrorCode.KEY_REUSED, words)
    refusal = refusal or _contradiction(fuelling, batch_state)
    return refusal if refusal is not None else _post(fuelling, batch_state)


def _of_another_lane(fuelling: Fuelling, batch_state: BatchState) -> Refused | None:
    """A dispenser is its lane's; one that belongs to none is the lane's that reports under it first."""
    bound = batch_state.lanes.get((fuelling.station, fuelling.dispenser))
    if not bound or fuelling.lane in bound:
        return None
    words = f"dispenser {fuelling.dispenser} belongs to lane {', '.join(sorted(bound))}, not to {fuelling.lane}"
    return Refused(ErrorCode.OTHER_LANES_DISPENSER, words)


def _contradiction(fuelling: Fuelling, batch_state: BatchState) -> Refused | None:
    if fuelling.station not in batch_state.stations:
        return Refused(ErrorCode.UNKNOWN_STATION, f"no station {fuelling.station} is set up")
    if (fuelling.station, fuelling.dispenser) not in batch_state.dispensers:
        try:
            require_name(fuelling.dispenser, "dispenser")
        except AdminError as error:  # or the first report would make one that looks like another
            return Refused(ErrorCode.MALFORMED, str(error))
    impossible = meter.contradiction(fuelling)
    if impossible is None:
        return None
    kind = meter.pattern_of(fuelling, batch_state)
    words = impossible if kind is None else f"{impossible}; it looks like {patterns.WORDS[kind]}"
    return Refused(ErrorCode.IMPOSSIBLE_FUELLING, words)


def _post(fuelling: Fuelling, batch_state: BatchState) -> FuellingReceipt:
    number = batch_state.ids.next(batch_state.now_us)
    station = batch_state.stations[fuelling.station]
    under = coverage(fuelling, batch_state)
    named = under.held or under.grant
    plate = fuelling.plate or (None if named is None else named.plate)
    flags = [*meter.flags(fuelling, plate, batch_state), *under.flags]
    if under.held is not None:
        flags += _authorisation_flags(fuelling, under.held)
        charge = _charge_authorised(fuelling, under.held, station, number, batch_state)
    elif under.grant is not None:
        charge = _charge_granted(fuelling, under.grant, station, number, batch_state)
        flags += grants.fuelling_flags(fuelling, under.grant) + ([BooksFlag.OFFLINE_DEBT] if charge.owed_fen else [])
        grants.mark(under.grant, number, batch_state)
    else:
        charge = _charge_unauthorised(fuelling, station, number, batch_state)
    if charge.overrun_fen:
        flags.append(BooksFlag.OVERRUN)
    if charge.card is not None and charge.suspended_fen:
        flags.append(BooksFlag.CAPPED)
    posted = _posted(fuelling, number, charge, flags, batch_state)
    batch_state.fuellings[(fuelling.station, fuelling.dispenser, fuelling.sequence)] = posted
    batch_state.new_fuellings.append(posted)
    _bind_dispenser(posted, batch_state)
    _remember_dispenser(fuelling, batch_state)
    return _receipt(posted)


def _charge_authorised(
    fuelling: Fuelling, held: Authorisation, station: Station, number: int, batch_state: BatchState
) -> Charged:
    """Capture at most the hold, release its rest, and post what is beyond it to the same card."""
    if held.rule is not None:
        return charge_held(fuelling, held, station, number, batch_state)
    assert held.card is not None
    assert held.limit_fen is not None
    card = batch_state.cards[held.card]
    captured_fen, released_fen = 0, 0
    if held.state == State.OPEN:
        captured_fen = min(fuelling.amount_fen, held.limit_fen)
        released_fen = held.limit_fen - captured_fen
        ((_, hold),) = batch_state.holds_of(held)
        if captured_fen:
            batch_state.ledger.capture(hold, captured_fen, number)
        else:
            batch_state.give_back(held, State.CAPTURED)
        batch_state.end(held, State.CAPTURED)
    charge_card(card, station, fuelling.amount_fen - captured_fen, number, batch_state)
    return Charged(card, captured_fen, max(0, fuelling.amount_fen - held.limit_fen), released_fen)


def _charge_granted(
    fuelling: Fuelling, grant: Grant, station: Station, number: int, batch_state: BatchState
) -> Charged:
    """The card or payer that the station's list named pays, whatever became of it since: the fuel has flowed.

    A payer whose mandate for this plate the books do not know was on no list: then the plate's own payer is asked.
    """
    if grant.person is not None and is_known(grant, batch_state):
        return charge_granted(fuelling, grant, station, number, batch_state)
    overrun_fen = max(0, fuelling.amount_fen - grant.limit_fen)
    if grant.card is None:
        return replace(_charge_unauthorised(fuelling, station, number, batch_state), overrun_fen=overrun_fen)
    card = batch_state.cards[grant.card]
    owed_fen = charge_card(card, station, fuelling.amount_fen, number, batch_state)
    return Charged(card, overrun_fen=overrun_fen, owed_fen=owed_fen)


def _charge_unauthorised(fuelling: Fuelling, station: Station, number: int, batch_state: BatchState) -> Charged:
    """The plate's card pays up to the station's cap for one day; what is beyond it waits in suspense."""
    turn = phone_turn_of(fuelling, batch_state)
    person = None if turn is None else person_of(turn)
    card = card_of_plate(fuelling, batch_state) if turn is None else card_of(turn, batch_state)
    if person is not None and (turn is None or turn.payer.kind is not PayerKind.CARD):
        card = None
    charged_fen = 0 if card is None else min(fuelling.amount_fen, _left_of_cap_fen(card, station, batch_state))
    owed_fen = 0
    if card is not None and charged_fen:
        owed_fen = charge_card(card, station, charged_fen, number, batch_state)
        key = (station.id, card.id)
        batch_state.unauthorised[key] = batch_state.unauthorised.get(key, 0) + charged_fen
    suspended_fen = fuelling.amount_fen - charged_fen
    if person is not None and turn is not None and suspended_fen:
        period = None if turn.hours is None else str(turn.hours)
        charge_unauthorised(fuelling, person, period, suspended_fen, number, batch_state)
        suspended_fen = 0
    if suspended_fen:
        debit, credit = station.suspense_account, station.revenue_account
        batch_state.ledger.move(TransferKind.UNCLAIMED, debit, credit, suspended_fen, fuelling_id=number)
    return Charged(card, owed_fen=owed_fen, suspended_fen=suspended_fen, unauthorised_fen=charged_fen, person=person)


def _left_of_cap_fen(card: Card, station: Station, batch_state: BatchState) -> int:
    cap_fen = station.preset_fen if station.unauthorised_cap_fen is None else station.unauthorised_cap_fen
    return max(0, cap_fen - batch_state.unauthorised.get((station.id, card.id), 0))


_SPENT: dict[str, BooksFlag] = {State.EXPIRED: BooksFlag.LATE, State.CAPTURED: BooksFlag.SECOND_FUELLING}
"""What a fuelling says whose authorisation was not open any more; any other end is a release."""


def _authorisation_flags(fuelling: Fuelling, held: Authorisation) -> list[BooksFlag]:
    flags = []
    if held.state != State.OPEN:
        flags.append(_SPENT.get(held.state, BooksFlag.AFTER_RELEASE))
    if held.expires_us is not None and to_us(fuelling.ended_at) > held.expires_us:
        flags.append(BooksFlag.EXPIRED_AUTHORISATION)
    if fuelling.plate is not None and normalise(fuelling.plate) != normalise(held.plate):
        flags.append(BooksFlag.OTHER_PLATE)
    return flags


def _bind_dispenser(posted: PostedFuelling, batch_state: BatchState) -> None:
    key = (posted.station, posted.dispenser)
    if batch_state.lanes.get(key):
        return
    known = batch_state.dispensers.get(key)
    last = 0 if known is None else known.last_sequence
    batch_state.lanes[key] = {posted.lane}
    bound = DispenserLane(posted.station, posted.dispenser, posted.lane, last, batch_state.now_us, posted.id)
    batch_state.new_lanes.append(bound)


def _remember_dispenser(fuelling: Fuelling, batch_state: BatchState) -> None:
    known = batch_state.dispensers.get((fuelling.station, fuelling.dispenser))
    if known is None:
        known = DispenserRow(fuelling.dispenser, fuelling.station, 0, 0)
        batch_state.dispensers[(known.station, known.id)] = known
        batch_state.new_dispensers.append(known)
    if fuelling.sequence > known.last_sequence:
        figures = meter.figures(fuelling, None if known.last_sequence == 0 else known.totaliser_ml)
        known.last_sequence, known.totaliser_ml = fuelling.sequence, fuelling.totaliser_after_ml
        known.last_volume_ml, known.last_own_ml = figures.volume_ml, figures.own_ml
        if known not in batch_state.new_dispensers:
            batch_state.seen_dispensers[(known.station, known.id)] = known


def _reported(fuelling: Fuelling) -> dict[str, Any]:
    """The report in the columns that keep it."""
    return {
        "dispenser": fuelling.dispenser,
        "sequence": fuelling.sequence,
        "station": fuelling.station,
        "lane": fuelling.lane,
        "visit": fuelling.visit,
        "authorisation": fuelling.authorisation,
        "plate": fuelling.plate,
        "started_us": to_us(fuelling.started_at),
        "ended_us": to_us(fuelling.ended_at),
        "volume_ml": fuelling.volume_ml,
        "amount_fen": fuelling.amount_fen,
        "unit_price_fen_per_l": fuelling.unit_price_fen_per_l,
        "product": fuelling.product,
        "totaliser_before_ml": fuelling.totaliser_before_ml,
        "totaliser_after_ml": fuelling.totaliser_after_ml,
        "unit_flags": json.dumps(list(fuelling.flags), ensure_ascii=False),
    }


def _posted(
    fuelling: Fuelling, number: int, charge: Charged, flags: list[str], batch_state: BatchState
) -> PostedFuelling:
    return PostedFuelling(
        id=number,
        **_reported(fuelling),
        received_us=batch_state.now_us,
        card=None if charge.card is None else charge.card.id,
        captured_fen=charge.captured_fen,
        overrun_fen=charge.overrun_fen,
        released_fen=charge.released_fen,
        balance_fen=None if charge.card is None else batch_state.balance_fen(charge.card),
        flags=json.dumps(flags),
        suspended_fen=charge.suspended_fen,
        unauthorised_fen=charge.unauthorised_fen,
        person=charge.person,
    )


def _receipt(posted: PostedFuelling) -> FuellingReceipt:
    return FuellingReceipt(
        dispenser=posted.dispenser,
        sequence=posted.sequence,
        charged_fen=posted.amount_fen,
        captured_fen=posted.captured_fen,
        overrun_fen=posted.overrun_fen,
        released_fen=posted.released_fen,
        balance_fen=posted.balance_fen,
        by_phone=posted.person is not None and posted.card is None,
        flags=tuple(json.loads(posted.flags)),
    )
