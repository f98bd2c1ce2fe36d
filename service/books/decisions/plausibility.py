"""Whether the figures of a fuelling can be true: contradictions are refused, oddities are flagged."""

from __future__ import annotations

from service.books.batch_state import BatchState
from service.books.decisions.patterns import Figures, pattern
from service.store.clock import US_PER_S, to_us
from wire.flags import CLOCK_FLAGS, BooksFlag
from wire.fuellings import Fuelling
from wire.money import amount_fen
from wire.plates import normalise

TOTALISER_STEP_ML = 50
"""Mechanical totalisers count in 10 to 50 ml; a difference within one step, or 0.5 %, is rounding."""
DISPLAY_STEP_ML = 10
"""Pump displays show centilitres, and compute the amount from what they show."""
CONTRADICTED = frozenset({BooksFlag.PULSES_DIFFER, BooksFlag.IMPOSSIBLE_FLOW, BooksFlag.TOTALISER_BACK})
"""Flags that say that the volume can't be right; beside one of them a pattern may name the kind of fault."""
_US_PER_MIN = 60 * US_PER_S


def contradiction(fuelling: Fuelling) -> str | None:
    """In words, how the report contradicts itself; None when it does not.

    Times are not held against a unit that says itself that its clock was wrong.
    """
    if fuelling.ended_at < fuelling.started_at and not CLOCK_FLAGS & set(fuelling.flags):
        return "ended_at is before started_at"
    if fuelling.totaliser_after_ml < fuelling.totaliser_before_ml:
        return "totaliser_after_ml is below totaliser_before_ml"
    counted_ml = fuelling.totaliser_after_ml - fuelling.totaliser_before_ml
    if _differ(fuelling.volume_ml, counted_ml):
        return f"volume_ml is {fuelling.volume_ml}, the totaliser moved by {counted_ml} ml"
    price = fuelling.unit_price_fen_per_l
    expected_fen = amount_fen(fuelling.volume_ml, price)
    if abs(expected_fen - fuelling.amount_fen) > 1 + DISPLAY_STEP_ML * price // 1000:
        return f"amount_fen is {fuelling.amount_fen}, volume and unit price give {expected_fen}"
    return None


def flags(fuelling: Fuelling, plate: str | None, batch_state: BatchState) -> list[BooksFlag]:
    """What an operator should look at: clocks, flow, tank, price, and the dispenser's totaliser and sequence.

    plate: of the vehicle that was filled, as the report or its authorisation names it.
    """
    found: list[BooksFlag] = []
    if to_us(fuelling.ended_at) > batch_state.now_us + batch_state.settings.clock_ahead_s * US_PER_S:
        found.append(BooksFlag.CLOCK_AHEAD)
    duration_us = to_us(fuelling.ended_at) - to_us(fuelling.started_at)
    if _too_fast(fuelling.volume_ml, duration_us, batch_state.settings.fastest_l_per_min):
        found.append(BooksFlag.IMPOSSIBLE_FLOW)
    if _above_tank(fuelling.volume_ml, plate, batch_state):
        found.append(BooksFlag.ABOVE_TANK)
    if _price_differs(fuelling, batch_state):
        found.append(BooksFlag.PRICE_DIFFERS)
    if fuelling.metered_ml is not None and _differ(fuelling.volume_ml, fuelling.metered_ml):
        found.append(BooksFlag.PULSES_DIFFER)
    found += _sequence_flags(fuelling, batch_state)
    kind = pattern_of(fuelling, batch_state) if CONTRADICTED & set(found) else None
    return found if kind is None else [*found, kind]


def figures(fuelling: Fuelling, totaliser_ml: int | None) -> Figures:
    """The volume and what an independent figure makes of it: the totaliser since the fuelling before (totaliser_ml),
    else the unit's own pulses, else the totaliser of this report; the volume itself where all of them agree.
    """
    own = fuelling.totaliser_after_ml - fuelling.totaliser_before_ml
    if fuelling.metered_ml is not None and _differ(fuelling.volume_ml, fuelling.metered_ml):
        own = fuelling.metered_ml
    elif totaliser_ml is not None and fuelling.totaliser_before_ml < totaliser_ml <= fuelling.totaliser_after_ml:
        own = fuelling.totaliser_after_ml - totaliser_ml
    return Figures(fuelling.volume_ml, own)


def pattern_of(fuelling: Fuelling, batch_state: BatchState) -> BooksFlag | None:
    """The kind of fault that the figures beside those of the fuelling before look like."""
    known = batch_state.dispensers.get((fuelling.station, fuelling.dispenser))
    if known is None or known.last_volume_ml is None or known.last_own_ml is None:
        return None
    before = Figures(known.last_volume_ml, known.last_own_ml)
    return pattern(figures(fuelling, known.totaliser_ml), before, TOTALISER_STEP_ML)


def _differ(one_ml: int, other_ml: int) -> bool:
    """By more than a totaliser's step and half a percent."""
    return abs(one_ml - other_ml) > max(TOTALISER_STEP_ML, one_ml // 200)


def _too_fast(volume_ml: int, duration_us: int, fastest_l_per_min: int) -> bool:
    """Whether more flowed than the fastest pump gives in that time; a second is granted for rounded times."""
    return volume_ml * _US_PER_MIN > fastest_l_per_min * 1000 * (max(0, duration_us) + US_PER_S)


def _above_tank(volume_ml: int, plate: str | None, batch_state: BatchState) -> bool:
    """Whether more was sold than the vehicle's tank takes; a little above its data sheet is honest."""
    tank_ml = None if plate is None else batch_state.tanks.get(normalise(plate))
    return tank_ml is not None and volume_ml * 100 > tank_ml * batch_state.settings.tank_percent


def _price_differs(fuelling: Fuelling, batch_state: BatchState) -> bool:
    """Whether the unit charged another price than the one at the start or one set while fuel flowed."""
    known = batch_state.prices.get((fuelling.station, fuelling.product), [])
    at_start = [price for since, price in known if since <= to_us(fuelling.started_at)]
    until_end = [price for since, price in known if to_us(fuelling.started_at) < since <= to_us(fuelling.ended_at)]
    return bool(at_start) and fuelling.unit_price_fen_per_l not in at_start[-1:] + until_end


def _sequence_flags(fuelling: Fuelling, batch_state: BatchState) -> list[BooksFlag]:
    """The report beside the newest one of its dispenser; the audit looks at all of them again, in order."""
    known = batch_state.dispensers.get((fuelling.station, fuelling.dispenser))
    if known is None or known.last_sequence == 0:
        return []
    if fuelling.sequence < known.last_sequence:
        return [BooksFlag.OUT_OF_ORDER]
    found = [BooksFlag.SEQUENCE_GAP] if fuelling.sequence > known.last_sequence + 1 else []
    difference_ml = fuelling.totaliser_before_ml - known.totaliser_ml
    if difference_ml < 0:
        found.append(BooksFlag.TOTALISER_BACK)
    elif difference_ml > 0:
        found.append(BooksFlag.TOTALISER_GAP)
    return found
