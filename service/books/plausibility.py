"""Whether the figures of a fuelling can be true: contradictions are refused, oddities are flagged."""

from __future__ import annotations

from service.books.batch_state import Situation
from service.store.clock import US_PER_S, to_us
from wire.fuellings import Fuelling
from wire.money import amount_fen

TOTALISER_STEP_ML = 50
"""Mechanical totalisers count in 10 to 50 ml; a difference within one step, or 0.5 %, is rounding."""
DISPLAY_STEP_ML = 10
"""Pump displays show centilitres, and compute the amount from what they show."""
_US_PER_MIN = 60 * US_PER_S
CLOCK_FLAGS = frozenset({"clock_unset", "clock_jumped"})


def contradiction(fuelling: Fuelling) -> str | None:
    """In words, how the report contradicts itself; None when it does not.

    Times are not held against a unit that says itself that its clock was wrong.
    """
    if fuelling.ended_at < fuelling.started_at and not CLOCK_FLAGS & set(fuelling.flags):
        return "ended_at is before started_at"
    if fuelling.totaliser_after_ml < fuelling.totaliser_before_ml:
        return "totaliser_after_ml is below totaliser_before_ml"
    counted_ml = fuelling.totaliser_after_ml - fuelling.totaliser_before_ml
    if abs(counted_ml - fuelling.volume_ml) > max(TOTALISER_STEP_ML, fuelling.volume_ml // 200):
        return f"volume_ml is {fuelling.volume_ml}, the totaliser moved by {counted_ml} ml"
    price = fuelling.unit_price_fen_per_l
    expected_fen = amount_fen(fuelling.volume_ml, price)
    if abs(expected_fen - fuelling.amount_fen) > 1 + DISPLAY_STEP_ML * price // 1000:
        return f"amount_fen is {fuelling.amount_fen}, volume and unit price make {expected_fen}"
    return None


def flags(fuelling: Fuelling, situation: Situation) -> list[str]:
    """What an operator should look at: clocks, flow, price, and the dispenser's totaliser and sequence."""
    found = []
    if to_us(fuelling.ended_at) > situation.now_us + situation.settings.clock_ahead_s * US_PER_S:
        found.append("clock_ahead")
    duration_us = to_us(fuelling.ended_at) - to_us(fuelling.started_at)
    if _too_fast(fuelling.volume_ml, duration_us, situation.settings.fastest_l_per_min):
        found.append("impossible_flow")
    if _price_differs(fuelling, situation):
        found.append("price_differs")
    return found + _sequence_flags(fuelling, situation)


def _too_fast(volume_ml: int, duration_us: int, fastest_l_per_min: int) -> bool:
    """Whether more flowed than the fastest pump gives in that time; a second is granted for rounded times."""
    return volume_ml * _US_PER_MIN > fastest_l_per_min * 1000 * (max(0, duration_us) + US_PER_S)


def _price_differs(fuelling: Fuelling, situation: Situation) -> bool:
    """Whether the unit charged another price than the one at the start or one set while fuel flowed."""
    known = situation.prices.get((fuelling.station, fuelling.product), [])
    at_start = [price for since, price in known if since <= to_us(fuelling.started_at)]
    until_end = [price for since, price in known if to_us(fuelling.started_at) < since <= to_us(fuelling.ended_at)]
    return bool(at_start) and fuelling.unit_price_fen_per_l not in at_start[-1:] + until_end


def _sequence_flags(fuelling: Fuelling, situation: Situation) -> list[str]:
    """The report beside the newest one of its dispenser; the audit looks at all of them again, in order."""
    known = situation.dispensers.get((fuelling.station, fuelling.dispenser))
    if known is None:
        return []
    if fuelling.sequence < known.last_sequence:
        return ["out_of_order"]
    found = ["sequence_gap"] if fuelling.sequence > known.last_sequence + 1 else []
    difference_ml = fuelling.totaliser_before_ml - known.totaliser_ml
    if difference_ml < 0:
        found.append("totaliser_back")
    elif difference_ml > 0:
        found.append("totaliser_gap")
    return found
