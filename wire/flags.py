"""What is odd about a fuelling or a grant, as reports, receipts and books carry it: one enum for each side.

The wire keeps flags as texts, so that a peer of a later version may say more than this one knows.
"""

from __future__ import annotations

import enum


class LaneFlag(enum.StrEnum):
    """What the lane unit itself noticed about a fuelling that it reports."""

    POWER_CUT = "power_cut"
    CLOCK_UNSET = "clock_unset"
    CLOCK_JUMPED = "clock_jumped"
    NO_AUTHORISATION = "no_authorisation"
    LATE_AUTHORISATION = "late_authorisation"
    IMPOSSIBLE_FLOW = "impossible_flow"
    NOZZLE_HUNG = "nozzle_hung"
    COUNTER_RESET = "counter_reset"
    STRAY_PULSES = "stray_pulses"
    PULSER_BOUNCE = "pulser_bounce"
    PRICE_FROM_SETTINGS = "price_from_settings"


class StationFlag(enum.StrEnum):
    """What a station's central control says of a receipt that it gives in the service's place, until that comes."""

    PROVISIONAL = "provisional"


class BooksFlag(enum.StrEnum):
    """What the balance service noticed about a fuelling or an offline grant."""

    CLOCK_AHEAD = "clock_ahead"
    IMPOSSIBLE_FLOW = "impossible_flow"
    PRICE_DIFFERS = "price_differs"
    ABOVE_TANK = "above_tank"
    PULSES_DIFFER = "pulses_differ"
    OUT_OF_ORDER = "out_of_order"
    SEQUENCE_GAP = "sequence_gap"
    TOTALISER_BACK = "totaliser_back"
    TOTALISER_GAP = "totaliser_gap"
    SUM_OF_TWO = "sum_of_two"
    SAME_AGAIN = "same_again"
    TWO_SWAPPED = "two_swapped"
    UNKNOWN_AUTHORISATION = "unknown_authorisation"
    OTHER_STATION = "other_station"
    OTHER_LANE = "other_lane"
    OTHER_PLATE = "other_plate"
    UNCOVERED = "uncovered"
    LATE = "late"
    SECOND_FUELLING = "second_fuelling"
    AFTER_RELEASE = "after_release"
    EXPIRED_AUTHORISATION = "expired_authorisation"
    OVERRUN = "overrun"
    CAPPED = "capped"
    OFFLINE = "offline"
    OFFLINE_DEBT = "offline_debt"
    CARD_UNKNOWN = "card_unknown"
    PAYER_UNKNOWN = "payer_unknown"
    MANDATE_UNKNOWN = "mandate_unknown"
    MANDATE_ENDED = "mandate_ended"
    CARD_BLOCKED = "card_blocked"
    PLATE_REBOUND = "plate_rebound"
    PLATE_BLOCKED = "plate_blocked"
    OVER_CAP = "over_cap"
    LIST_UNKNOWN = "list_unknown"
    LIST_EXPIRED = "list_expired"
    ANSWERED_TOO_LATE = "answered_too_late"


CLOCK_FLAGS = frozenset({LaneFlag.CLOCK_UNSET, LaneFlag.CLOCK_JUMPED})
"""The unit says itself that its times cannot be trusted."""
