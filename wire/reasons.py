"""Verdicts, reasons and error codes."""

from __future__ import annotations

import enum


class Verdict(enum.StrEnum):
    ALLOW = "allow"
    REFUSE = "refuse"


class Reason(enum.StrEnum):
    """Why a lane is green or red. The first group is the service's, the second the lane unit's own."""

    OK = "ok"
    BELOW_PRESET = "below_preset"
    UNKNOWN_PLATE = "unknown_plate"
    INVALID_PLATE = "invalid_plate"
    CARD_BLOCKED = "card_blocked"
    PLATE_BLOCKED = "plate_blocked"
    NO_PAYER = "no_payer"
    UNPAID_CHARGE = "unpaid_charge"
    STALE_QUESTION = "stale_question"
    NOT_CERTAIN = "not_certain"
    VISIT_OVER = "visit_over"
    EXPIRED = "expired"
    OFFLINE_ALLOWED = "offline_allowed"
    OFFLINE_CAP = "offline_cap"
    OPEN_ELSEWHERE = "open_elsewhere"
    GAP = "gap"
    MANDATE_MISSING = "mandate_missing"
    MANDATE_PAUSED = "mandate_paused"
    PAYER_OVERDUE = "payer_overdue"
    CLOCK_UNSURE = "clock_unsure"
    TYPED_DIFFERS = "typed_differs"
    ATTENDANT_NEEDED = "attendant_needed"
    PIN_NEEDED = "pin_needed"
    PIN_WRONG = "pin_wrong"
    TYPED_REFUSED = "typed_refused"

    UNSURE = "unsure"
    UNKNOWN_KIND = "unknown_kind"
    NO_PLATE = "no_plate"
    READ_TIMEOUT = "read_timeout"
    SERVICE_SILENT = "service_silent"
    SERVICE_FAULT = "service_fault"
    SERVICE_REJECTED = "service_rejected"
    CAMERA_LOST = "camera_lost"
    CAMERA_STALE = "camera_stale"
    PLATE_CHANGED = "plate_changed"
    NOZZLE_LIFTED = "nozzle_lifted"
    LIMIT_REACHED = "limit_reached"
    INTERNAL = "internal"


class ErrorCode(enum.StrEnum):
    """Codes of error answers, in the body as {"code", "detail"}: with 4xx the message is refused for good.

    UNAVAILABLE goes with 503, INTERNAL with 500: this message failed in the service, which otherwise works.
    """

    MALFORMED = "malformed"
    KEY_REUSED = "key_reused"
    OTHER_LANES_DISPENSER = "other_lanes_dispenser"
    CONFLICT = "conflict"
    UNKNOWN_AUTHORISATION = "unknown_authorisation"
    UNKNOWN_DISPENSER = "unknown_dispenser"
    UNKNOWN_STATION = "unknown_station"
    IMPOSSIBLE_FUELLING = "impossible_fuelling"
    UNAUTHENTICATED = "unauthenticated"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    UNAVAILABLE = "unavailable"
    TOO_LARGE = "too_large"
    THROTTLED = "throttled"
    INTERNAL = "internal"


NEAREST_OLD: dict[enum.Enum, enum.Enum] = {
    Reason.OPEN_ELSEWHERE: Reason.UNPAID_CHARGE,
    Reason.UNKNOWN_KIND: Reason.UNSURE,
    Reason.NOZZLE_LIFTED: Reason.UNSURE,
    Reason.LIMIT_REACHED: Reason.UNSURE,
    Reason.GAP: Reason.NO_PAYER,
    Reason.MANDATE_MISSING: Reason.NO_PAYER,
    Reason.MANDATE_PAUSED: Reason.NO_PAYER,
    Reason.PAYER_OVERDUE: Reason.UNPAID_CHARGE,
    Reason.CLOCK_UNSURE: Reason.STALE_QUESTION,
    Reason.TYPED_DIFFERS: Reason.SERVICE_REJECTED,
    Reason.ATTENDANT_NEEDED: Reason.SERVICE_REJECTED,
    Reason.PIN_NEEDED: Reason.SERVICE_REJECTED,
    Reason.PIN_WRONG: Reason.SERVICE_REJECTED,
    Reason.TYPED_REFUSED: Reason.SERVICE_REJECTED,
    ErrorCode.OTHER_LANES_DISPENSER: ErrorCode.KEY_REUSED,
}
"""Member that came after version 1 of the wire -> the nearest that version 1 knows, for peers that know no more."""
