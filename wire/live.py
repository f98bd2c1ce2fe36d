"""What a lane shows and does now, the visits it reports, and the orders it takes."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from datetime import datetime

from wire.codec import records, text, whole
from wire.fuellings import MAX_ML
from wire.money import MAX_FEN
from wire.reasons import Reason, Verdict


class LampState(enum.StrEnum):
    """What a lane's lamp shows."""

    OFF = "off"
    RED = "red"
    GREEN = "green"


ENTRANCE = "entrance"
"""The phase of an entry camera: it has neither lamp nor pump, and its lamp is told as off."""


class OrderKind(enum.StrEnum):
    """What people at the panel or the station's page want of a lane unit."""

    TYPED = "typed"
    RETRY = "retry"
    DISCARD = "discard"
    MOVE = "move"
    CONFIRM = "confirm"
    REVOKE = "revoke"


FIRST_ORDERS = frozenset({OrderKind.TYPED, OrderKind.RETRY, OrderKind.DISCARD})
"""What a lane unit of version 1 of the wire can be asked to do; it would refuse a list with any other kind in it."""


class OrderResult(enum.StrEnum):
    """What became of an order. TAKEN: done; NOBODY: no vehicle waits for a plate; FAILED: the detail says why."""

    TAKEN = "taken"
    NOBODY = "nobody"
    FAILED = "failed"


class Stage(enum.StrEnum):
    """One step on the way from frame to lamp."""

    SEEN = "seen"
    READ = "read"
    VOTED = "voted"
    ASKED = "asked"
    ANSWERED = "answered"
    LAMP = "lamp"
    FUELLING = "fuelling"
    CHARGED = "charged"
    NOTE = "note"
    GONE = "gone"


@dataclass(frozen=True, slots=True, kw_only=True)
class ParkedMessage:
    """A message in the lane unit's outbox that the service refused for good."""

    id: int = whole(1, 2**53 - 1)
    kind: str = text(20)
    key: str = text(120)
    reason: str = text(40)
    detail: str = text(300, 0)
    queued_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneStatus:
    """What a lane shows and does now. camera: why there are no pictures to be trusted, null while there are.

    volume_ml, amount_fen: the running fuelling. charged_fen: what the last fuelling of this visit cost, once posted.
    open_lane: with OPEN_ELSEWHERE the lane that holds this plate's authorisation. damaged: how many damaged state files
    lie on the unit, so that fuellings may be missing.
    seen: what the camera read beside a typed plate, wire.typed.UNSEEN where it is not sure.
    metered_ml, metered_fen: the fuelling of this visit that is over. balance_fen: of the card that paid it; by_phone:
    a phone pays it. unit_price_fen_per_l: of the fuelling that runs or is over.
    asked_ahead: plates that an entry camera, whose phase is ENTRANCE, has told since it runs.
    """

    station: str = text(40)
    lane: str = text(40)
    at: datetime
    phase: str = text(20)
    lamp: LampState
    reason: Reason
    camera: Reason | None = None
    visit: str | None = field(default=None, metadata={"shortest": 1, "longest": 80})
    plate: str | None = field(default=None, metadata={"shortest": 1, "longest": 12})
    typed: bool = False
    limit_fen: int | None = field(default=None, metadata={"low": 0, "high": MAX_FEN})
    volume_ml: int | None = field(default=None, metadata={"low": 0, "high": MAX_ML})
    amount_fen: int | None = field(default=None, metadata={"low": 0, "high": MAX_FEN})
    charged_fen: int | None = field(default=None, metadata={"low": 0, "high": MAX_FEN})
    waiting: int = field(default=0, metadata={"low": 0, "high": 10**9})
    parked: tuple[ParkedMessage, ...] = records(20)
    open_lane: str | None = field(default=None, metadata={"shortest": 1, "longest": 40, "since": 2})
    damaged: int = field(default=0, metadata={"low": 0, "high": 10**6, "since": 2})
    seen: str | None = field(default=None, metadata={"shortest": 1, "longest": 12, "since": 2})
    unit_price_fen_per_l: int | None = field(default=None, metadata={"low": 0, "high": 10**6, "since": 2})
    metered_ml: int | None = field(default=None, metadata={"low": 0, "high": MAX_ML, "since": 2})
    metered_fen: int | None = field(default=None, metadata={"low": 0, "high": MAX_FEN, "since": 2})
    balance_fen: int | None = field(default=None, metadata={"low": -MAX_FEN, "high": MAX_FEN, "since": 2})
    by_phone: bool = field(default=False, metadata={"since": 2})
    asked_ahead: int = field(default=0, metadata={"low": 0, "high": 10**9, "since": 2})


@dataclass(frozen=True, slots=True, kw_only=True)
class StoryLine:
    """One step of a visit, at_s seconds after the vehicle came into view. words: one sentence for technicians."""

    at_s: float = field(metadata={"low": -1e6, "high": 1e7})
    stage: Stage
    words: str = field(default="", metadata={"shortest": 0, "longest": 200})
    reason: Reason | None = None
    plate: str | None = field(default=None, metadata={"shortest": 1, "longest": 12})
    lamp: LampState | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VisitReport:
    """A visit so far; a later report of the same visit replaces it, a missing picture leaves the one before.

    picture: base64 of a small JPEG, kept for 72 hours at most.
    """

    station: str = text(40)
    lane: str = text(40)
    visit: str = text(80)
    first_seen_at: datetime
    at: datetime
    plate: str | None = field(default=None, metadata={"shortest": 1, "longest": 12})
    typed: bool = False
    decision: Verdict
    reason: Reason
    over: bool
    limit_fen: int | None = field(default=None, metadata={"low": 0, "high": MAX_FEN})
    charged_fen: int | None = field(default=None, metadata={"low": 0, "high": MAX_FEN})
    story: tuple[StoryLine, ...] = records(80)
    picture: str | None = field(default=None, metadata={"shortest": 4, "longest": 32_000})


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderOutcome:
    """What the lane unit did about an order."""

    order: str = text(40)
    result: OrderResult
    detail: str = field(default="", metadata={"shortest": 0, "longest": 200})


@dataclass(frozen=True, slots=True, kw_only=True)
class OrdersWanted:
    """A lane unit asks for orders, waits for one up to wait_s, and tells what became of those before."""

    station: str = text(40)
    lane: str = text(40)
    wait_s: float = field(metadata={"low": 0.0, "high": 25.0})
    done: tuple[OrderOutcome, ...] = records(20)


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """Something for a lane unit to do; repeated until its outcome is told. message: the id of a parked message.

    pin_proof: of a typed plate, as in wire.questions.Question. visit: what the panel showed when it was typed.
    """

    id: str = text(40)
    kind: OrderKind
    by: str = text(80)
    plate: str | None = field(default=None, metadata={"shortest": 1, "longest": 12})
    message: int | None = field(default=None, metadata={"low": 1, "high": 2**53 - 1})
    why: str = field(default="", metadata={"shortest": 0, "longest": 200})
    pin_proof: str | None = field(default=None, repr=False, metadata={"shortest": 1, "longest": 64, "since": 2})
    visit: str | None = field(default=None, metadata={"shortest": 1, "longest": 80, "since": 2})
