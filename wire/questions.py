"""The question whether a plate may refuel, and the answer."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from wire.codec import WireError, text
from wire.money import MAX_FEN
from wire.reasons import Reason, Verdict

MAX_LIFE_S = 10.0**9
MAX_CLOCK_ERROR_S = 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """May this plate refuel? `visit` is made once per visit and kept through every retry: it is the idempotency key.

    seen: what the camera read of a vehicle whose plate was typed, wire.typed.UNSEEN for a character it is not sure of;
    seen_certain: it would have been asked about without typing. confirmed_by: who of the station vouches for the typed
    plate. pin_proof: what the service gave for the right PIN, good for this plate and lane and a short time.
    clock_error_s: by how much the unit's clock, and so captured_at, may be wrong. frame_age_s: how old the picture is,
    absent where that clock jumped since. Both are others at every attempt, and no part of what was asked.
    """

    visit: str = text(80)
    station: str = text(40)
    lane: str = text(40)
    plate: str = text(12)
    typed: bool
    captured_at: datetime
    confidence: float = field(metadata={"low": 0.0, "high": 1.0})
    weakest: float = field(metadata={"low": 0.0, "high": 1.0})
    seen: str | None = field(default=None, metadata={"shortest": 1, "longest": 12, "since": 2})
    seen_certain: bool = field(default=False, metadata={"since": 2})
    confirmed_by: str | None = field(default=None, metadata={"shortest": 1, "longest": 80, "since": 2})
    pin_proof: str | None = field(default=None, repr=False, metadata={"shortest": 1, "longest": 64, "since": 2})
    clock_error_s: float | None = field(default=None, metadata={"low": 0.0, "high": MAX_CLOCK_ERROR_S, "since": 2})
    frame_age_s: float | None = field(default=None, metadata={"low": 0.0, "high": MAX_LIFE_S, "since": 2})


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The answer. An allowed one carries the authorisation, its limit (the hold) and its expiry.

    expires_in_s: seconds from this answer to the expiry, counted by the asker's own monotonic clock from the moment it
    asked, so that no two wall clocks have to agree. Services before it leave it out.
    open_lane: with OPEN_ELSEWHERE the lane of the same station that holds this plate's authorisation; where a vehicle
    is on another station is nobody's business who types its plate here.
    """

    visit: str = text(80)
    plate: str = text(12)
    decision: Verdict
    reason: Reason
    authorisation: str | None = field(default=None, metadata={"shortest": 1, "longest": 80})
    limit_fen: int | None = field(default=None, metadata={"low": 0, "high": MAX_FEN})
    expires_at: datetime | None = None
    expires_in_s: float | None = field(default=None, metadata={"low": 0.0, "high": MAX_LIFE_S, "since": 2})
    open_lane: str | None = field(default=None, metadata={"shortest": 1, "longest": 40, "since": 2})

    def __post_init__(self) -> None:
        complete = None not in (self.authorisation, self.limit_fen, self.expires_at)
        if self.decision is Verdict.ALLOW and not complete:
            raise WireError("authorisation, limit_fen, expires_at: an allowed decision needs all three")
