"""What the lane's state machine knows, hears and orders."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from datetime import datetime

from controller.records import LampColour
from wire.questions import Decision
from wire.reasons import Reason, Verdict


class Phase(enum.StrEnum):
    """What the lane is doing, for logs, pages and tests; it follows from the facts in LaneState."""

    EMPTY = "empty"
    READING = "reading"
    ASKING = "asking"
    GREEN = "green"
    FUELLING = "fuelling"
    RED = "red"
    FAULT = "fault"


@dataclass(frozen=True, slots=True)
class SeenText:
    """What the reads of a visit say of its plate: the text, wire.typed.UNSEEN for a character they are not sure of."""

    text: str
    certain: bool


@dataclass(frozen=True, slots=True)
class Subject:
    """The plate a question is about, as it was read or typed.

    seen, seen_certain, confirmed_by, pin_proof: of a typed one, as in wire.questions.Question.
    """

    plate: str
    typed: bool
    captured_at: datetime
    confidence: float
    weakest: float
    seen: str | None = None
    seen_certain: bool = False
    confirmed_by: str | None = None
    pin_proof: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Held:
    """An authorisation that this lane holds. expires_s is in the clock's monotonic seconds."""

    authorisation: str
    plate: str
    limit_fen: int
    expires_s: float
    renew_s: float


@dataclass(frozen=True, slots=True)
class Visit:
    """One vehicle at the pump.

    subject: the plate known for certain. hidden: it is not in view just now. question: the key of a question under way.
    keyed_s: when the question's key was made. next_ask_s: when to ask next; None for never.
    decision, reason: the last word so far, decided_s when it fell. open_lane: where the plate is being served instead.
    """

    id: str
    opened_s: float
    first_seen_s: float
    first_seen_at: datetime
    subject: Subject | None = None
    hidden: bool = False
    key: str = ""
    keyed_s: float = 0.0
    asks: int = 0
    question: str | None = None
    next_ask_s: float | None = None
    backoff_s: float = 0.0
    held: Held | None = None
    spent: bool = False
    timed_out: bool = False
    decision: Verdict = Verdict.REFUSE
    reason: Reason = Reason.NO_PLATE
    read_s: float | None = None
    decided_s: float | None = None
    last_held: Held | None = None
    open_lane: str | None = None


@dataclass(frozen=True, slots=True)
class Flow:
    """A lifted nozzle. held: the authorisation it flows under, if any. stopped: its limit is reached."""

    visit: str | None
    held: Held | None = None
    stopped: bool = False


@dataclass(frozen=True, slots=True)
class LaneState:
    """Everything the lane knows. camera: why there are no pictures, None while there are. stores: as of Storing."""

    visit: Visit | None = None
    flow: Flow | None = None
    camera: Reason | None = Reason.CAMERA_LOST
    stores: bool = True
    fault: str = ""
    shown: LampColour | None = None
    permitted: bool = False


@dataclass(frozen=True, slots=True)
class Opened:
    """A vehicle came."""

    visit: str
    first_seen_s: float
    first_seen_at: datetime


@dataclass(frozen=True, slots=True)
class Doubted:
    """The vote over the visit's reads is not certain, for this reason."""

    visit: str
    reason: Reason


@dataclass(frozen=True, slots=True)
class Identified:
    """The vote is certain and the vehicle stands."""

    visit: str
    subject: Subject


@dataclass(frozen=True, slots=True)
class Confirmed:
    """The visit's plate was seen again at that time."""

    visit: str
    captured_at: datetime


@dataclass(frozen=True, slots=True)
class Hidden:
    """The visit's plate ought to be in view and is not, or another one is."""

    visit: str


@dataclass(frozen=True, slots=True)
class Gone:
    """The vehicle left (VISIT_OVER), or another took its place (PLATE_CHANGED)."""

    visit: str
    reason: Reason = Reason.VISIT_OVER


@dataclass(frozen=True, slots=True)
class Typed:
    """A plate was typed at the panel. seen: what the camera has read of the vehicle so far."""

    plate: str
    typed_at: datetime
    seen: SeenText | None = None
    pin_proof: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Vouched:
    """Somebody of the station saw the vehicle and confirms the plate that was typed for it."""

    plate: str
    by: str


@dataclass(frozen=True, slots=True)
class Moved:
    """An attendant moves this plate's authorisation to the lane where its vehicle stands now."""

    plate: str


@dataclass(frozen=True, slots=True)
class Revoked:
    """The payer of this plate's authorisation takes it away. has_flowed: fuel has flowed already, so that it stays."""

    plate: str
    has_flowed: bool


@dataclass(frozen=True, slots=True)
class Answered:
    """The service answered the question of that key; an allowed one lives until expires_s, monotonic seconds."""

    key: str
    decision: Decision
    expires_s: float = 0.0


@dataclass(frozen=True, slots=True)
class AskFailed:
    """No usable answer; final: the service will never take this question."""

    key: str
    reason: Reason
    final: bool = False


@dataclass(frozen=True, slots=True)
class Renewed:
    """The service answered a renewal; an allowed one lives until expires_s, monotonic seconds."""

    authorisation: str
    decision: Decision
    expires_s: float = 0.0


@dataclass(frozen=True, slots=True)
class PicturesLost:
    """No picture that can be trusted."""

    reason: Reason = Reason.CAMERA_LOST


@dataclass(frozen=True, slots=True)
class CameraBack:
    """Fresh pictures again."""


@dataclass(frozen=True, slots=True)
class Storing:
    """Whether what flows can be stored: a disk that is full takes nothing, and a power cut would lose it."""

    works: bool


@dataclass(frozen=True, slots=True)
class NozzleLifted:
    pass


@dataclass(frozen=True, slots=True)
class NozzleHung:
    """The nozzle is back; volume_ml flowed."""

    volume_ml: int


@dataclass(frozen=True, slots=True)
class LimitReached:
    """What flowed is worth the authorised limit."""


@dataclass(frozen=True, slots=True)
class Tick:
    """Time passed. seen_at: when the newest picture that can be trusted was taken; seen: what all reads say by now."""

    seen_at: datetime | None = None
    seen: SeenText | None = None


@dataclass(frozen=True, slots=True)
class Faulted:
    """Something the lane cannot work without has failed for good; only a restart helps."""

    detail: str


Event = (
    Opened
    | Doubted
    | Identified
    | Confirmed
    | Hidden
    | Gone
    | Typed
    | Moved
    | Revoked
    | Vouched
    | Answered
    | AskFailed
    | Renewed
    | PicturesLost
    | CameraBack
    | Storing
    | NozzleLifted
    | NozzleHung
    | LimitReached
    | Tick
    | Faulted
)


@dataclass(frozen=True, slots=True)
class Show:
    """Show a colour; GREEN for lease_s only."""

    colour: LampColour
    reason: Reason
    lease_s: float = 0.0


@dataclass(frozen=True, slots=True)
class SendQuestion:
    """Ask the service about a subject. The same key always goes with the same content."""

    visit: str
    key: str
    subject: Subject


@dataclass(frozen=True, slots=True)
class SendRenewal:
    authorisation: str


@dataclass(frozen=True, slots=True)
class SendRelease:
    authorisation: str


@dataclass(frozen=True, slots=True)
class Permit:
    allowed: bool


@dataclass(frozen=True, slots=True)
class Close:
    """The visit is over; these are its last facts."""

    visit: Visit
    gone_s: float
    why: Reason


@dataclass(frozen=True, slots=True)
class Note:
    text: str


Command = Show | SendQuestion | SendRenewal | SendRelease | Permit | Close | Note


@dataclass(frozen=True, slots=True)
class LaneRules:
    """The times of settings [lane] and [lamp] that the lane decides by."""

    read_timeout_s: float = 6.0
    reask_first_s: float = 1.0
    reask_longest_s: float = 15.0
    refusal_retry_s: float = 30.0
    authorisation_longest_s: float = 300.0
    renew_before_s: float = 45.0
    lease_s: float = 1.0
    renew_retry_s: float = field(default=5.0)


@dataclass(frozen=True, slots=True)
class FlowContext:
    """Under what fuel flows now: the visit and its authorisation, all None for a flow nobody authorised."""

    visit: str | None = None
    authorisation: str | None = None
    plate: str | None = None
    limit_fen: int | None = None
