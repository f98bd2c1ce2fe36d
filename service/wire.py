"""The records that lane units, stations and the balance service exchange as JSON.

Standard library only, so that the lane unit stays small. Money is integer fen, volume integer millilitres, times are
aware datetimes written as ISO 8601 in UTC. `encode` and `decode` are exact inverses; `decode` refuses unknown keys,
wrong types and values out of range with WireError, so that a nonsense answer never becomes a green lamp.
"""

from __future__ import annotations

import base64
import dataclasses
import enum
import functools
import hashlib
import json
import re
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar

MAX_FEN = 10**12
"""Ten thousand million yuan: beyond any card, far inside 64 bits."""
MAX_ML = 10**12


class WireError(ValueError):
    """A message does not have the form it must have; str() names the field."""


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

    UNSURE = "unsure"
    NO_PLATE = "no_plate"
    READ_TIMEOUT = "read_timeout"
    SERVICE_SILENT = "service_silent"
    SERVICE_FAULT = "service_fault"
    SERVICE_REJECTED = "service_rejected"
    CAMERA_LOST = "camera_lost"
    CAMERA_STALE = "camera_stale"
    PLATE_CHANGED = "plate_changed"
    INTERNAL = "internal"


class ErrorCode(enum.StrEnum):
    """Codes of error answers, in the body as {"code", "detail"}: with 4xx the message is refused for good.

    UNAVAILABLE goes with 503, INTERNAL with 500: this message failed in the service, which otherwise works.
    """

    MALFORMED = "malformed"
    KEY_REUSED = "key_reused"
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


class DeviceKind(enum.StrEnum):
    """What a machine with a key of its own is, and so what it may say."""

    LANE = "lane"
    PANEL = "panel"
    STATION = "station"


def _int(low: int, high: int) -> Any:
    return field(metadata={"low": low, "high": high})


def _text(longest: int, shortest: int = 1) -> Any:
    return field(metadata={"shortest": shortest, "longest": longest})


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """May this plate refuel? `visit` is made once per visit and kept through every retry: it is the idempotency key."""

    visit: str = _text(80)
    station: str = _text(40)
    lane: str = _text(40)
    plate: str = _text(12)
    typed: bool
    captured_at: datetime
    confidence: float = field(metadata={"low": 0.0, "high": 1.0})
    weakest: float = field(metadata={"low": 0.0, "high": 1.0})


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The answer. An allowed one carries the authorisation, its limit (the hold) and its expiry."""

    visit: str = _text(80)
    plate: str = _text(12)
    decision: Verdict
    reason: Reason
    authorisation: str | None = field(default=None, metadata={"shortest": 1, "longest": 80})
    limit_fen: int | None = field(default=None, metadata={"low": 0, "high": MAX_FEN})
    expires_at: datetime | None = None

    def __post_init__(self) -> None:
        complete = None not in (self.authorisation, self.limit_fen, self.expires_at)
        if self.decision is Verdict.ALLOW and not complete:
            raise WireError("authorisation, limit_fen, expires_at: an allowed decision needs all three")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fuelling:
    """One finished fuelling. The pair (dispenser, sequence) posts once, for ever."""

    station: str = _text(40)
    lane: str = _text(40)
    dispenser: str = _text(40)
    sequence: int = _int(1, 2**53 - 1)
    visit: str | None = field(metadata={"shortest": 1, "longest": 80})
    authorisation: str | None = field(metadata={"shortest": 1, "longest": 80})
    plate: str | None = field(metadata={"shortest": 1, "longest": 12})
    started_at: datetime
    ended_at: datetime
    volume_ml: int = _int(0, MAX_ML)
    amount_fen: int = _int(0, MAX_FEN)
    unit_price_fen_per_l: int = _int(0, 10**6)
    product: str = _text(20)
    totaliser_before_ml: int = _int(0, MAX_ML)
    totaliser_after_ml: int = _int(0, MAX_ML)
    flags: tuple[str, ...] = ()
    """What the lane unit itself noticed: "power_cut", "clock_unset", "clock_jumped", "no_authorisation"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FuellingReceipt:
    """What a fuelling did to the books. A repeat of the same report returns the same receipt."""

    dispenser: str = _text(40)
    sequence: int = _int(1, 2**53 - 1)
    charged_fen: int = _int(0, MAX_FEN)
    captured_fen: int = _int(0, MAX_FEN)
    overrun_fen: int = _int(0, MAX_FEN)
    released_fen: int = _int(0, MAX_FEN)
    balance_fen: int | None = field(metadata={"low": -MAX_FEN, "high": MAX_FEN})
    flags: tuple[str, ...] = ()
    """What the service noticed: "overrun", "late", "expired_authorisation", "uncovered", "totaliser_gap", ..."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """Price of one product at one station."""

    product: str = _text(20)
    unit_price_fen_per_l: int = _int(0, 10**6)


SIGNATURE_TAG = "greenlane"
"""The tag parameter (RFC 9421, 2.3) of every signature, so that one made for another protocol is never taken."""

SIGNED_PARTS = ("@method", "@authority", "@path", "@query")
"""What a signature covers always; content-digest and content-type too where the message has a body. Scheme and
transport are left out, so that a proxy may end the TLS."""

SIGNATURE_AGE_S = 300
"""A signature older than this, or made as far in the future, is refused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrolmentRequest:
    """A device's first words, signed with the key it brings. public_key: the 32 raw bytes of Ed25519, base64."""

    code: str = _text(20)
    public_key: str = _text(44, 44)


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolment:
    """Who the device is from now on. `lane` is absent for a station's central control."""

    device: str = _text(40)
    key_id: str = _text(43, 43)
    kind: DeviceKind
    station: str = _text(40)
    lane: str | None = field(metadata={"shortest": 1, "longest": 40})


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRotation:
    """A device's next key. proof: base64 of the new key's signature over rotation_words(old key id, new key id).

    relayed_for: the old key's id, where a station's central control passes on what one of its devices has signed.
    """

    public_key: str = _text(44, 44)
    proof: str = _text(88, 88)
    relayed_for: str | None = field(default=None, metadata={"shortest": 43, "longest": 43})


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceKey:
    """One key that may speak for a lane or panel of a station; revoked ones are listed until they are forgotten."""

    device: str = _text(40)
    key_id: str = _text(43, 43)
    kind: DeviceKind
    station: str = _text(40)
    lane: str | None = field(metadata={"shortest": 1, "longest": 40})
    public_key: str = _text(44, 44)
    revoked: bool


class LampState(enum.StrEnum):
    """What a lane's lamp shows."""

    OFF = "off"
    RED = "red"
    GREEN = "green"


class OrderKind(enum.StrEnum):
    """What people at the panel or the station's page want of a lane unit."""

    TYPED = "typed"
    RETRY = "retry"
    DISCARD = "discard"


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


def _records(most: int) -> Any:
    return field(default=(), metadata={"most": most})


@dataclass(frozen=True, slots=True, kw_only=True)
class ParkedMessage:
    """A message in the lane unit's outbox that the service refused for good."""

    id: int = _int(1, 2**53 - 1)
    kind: str = _text(20)
    key: str = _text(120)
    reason: str = _text(40)
    detail: str = _text(300, 0)
    queued_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneStatus:
    """What a lane shows and does now. camera: why there are no pictures to be trusted, null while there are.

    volume_ml, amount_fen: the running fuelling. charged_fen: what the last fuelling of this visit cost, once posted.
    """

    station: str = _text(40)
    lane: str = _text(40)
    at: datetime
    phase: str = _text(20)
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
    parked: tuple[ParkedMessage, ...] = _records(20)


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

    station: str = _text(40)
    lane: str = _text(40)
    visit: str = _text(80)
    first_seen_at: datetime
    at: datetime
    plate: str | None = field(default=None, metadata={"shortest": 1, "longest": 12})
    typed: bool = False
    decision: Verdict
    reason: Reason
    over: bool
    limit_fen: int | None = field(default=None, metadata={"low": 0, "high": MAX_FEN})
    charged_fen: int | None = field(default=None, metadata={"low": 0, "high": MAX_FEN})
    story: tuple[StoryLine, ...] = _records(80)
    picture: str | None = field(default=None, metadata={"shortest": 4, "longest": 32_000})


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderOutcome:
    """What the lane unit did about an order."""

    order: str = _text(40)
    result: OrderResult
    detail: str = field(default="", metadata={"shortest": 0, "longest": 200})


@dataclass(frozen=True, slots=True, kw_only=True)
class OrdersWanted:
    """A lane unit asks for orders, waits for one up to wait_s, and tells what became of those before."""

    station: str = _text(40)
    lane: str = _text(40)
    wait_s: float = field(metadata={"low": 0.0, "high": 25.0})
    done: tuple[OrderOutcome, ...] = _records(20)


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """Something for a lane unit to do; repeated until its outcome is told. message: the id of a parked message."""

    id: str = _text(40)
    kind: OrderKind
    by: str = _text(80)
    plate: str | None = field(default=None, metadata={"shortest": 1, "longest": 12})
    message: int | None = field(default=None, metadata={"low": 1, "high": 2**53 - 1})
    why: str = field(default="", metadata={"shortest": 0, "longest": 200})


def key_id(public_key: bytes) -> str:
    """The JWK thumbprint (RFC 7638, RFC 8037) of a raw Ed25519 public key: 43 characters of base64url."""
    coordinate = base64.urlsafe_b64encode(public_key).decode().rstrip("=")
    jwk = f'{{"crv":"Ed25519","kty":"OKP","x":"{coordinate}"}}'
    return base64.urlsafe_b64encode(hashlib.sha256(jwk.encode()).digest()).decode().rstrip("=")


def rotation_words(old_key_id: str, new_key_id: str) -> bytes:
    """What a new key signs to show that the device holds it."""
    return f"greenlane rotate {old_key_id} {new_key_id}".encode()


Record = TypeVar("Record")


def encode(record: Any) -> dict[str, Any]:
    """The record as plain JSON values."""
    return {name: _plain(getattr(record, name)) for name in _readers(type(record))}  # type: ignore[arg-type]


def decode(cls: type[Record], data: object) -> Record:
    """The record that `data` (parsed JSON) stands for. Raises WireError naming the first field that is wrong."""
    if not isinstance(data, Mapping):
        raise WireError(f"{cls.__name__}: expected an object, got {type(data).__name__}")
    readers = _readers(cls)  # type: ignore[arg-type]
    unknown = sorted(str(key) for key in data if key not in readers)
    if unknown:
        raise WireError(f"{_field_name(unknown[0])}: {cls.__name__} has no such field")
    values = {}
    for name, (read, is_required) in readers.items():
        if name in data:
            values[name] = read(data[name])
        elif is_required:
            raise WireError(f"{name}: missing")
    return cls(**values)


def encode_text(record: Any) -> str:
    """The record as compact JSON text."""
    return json.dumps(encode(record), ensure_ascii=False, separators=(",", ":"))


def decode_text(cls: type[Record], text: str) -> Record:
    """The record that a JSON text stands for. Raises WireError."""
    try:
        parsed = json.loads(text)
    except (ValueError, RecursionError):
        raise WireError(f"{cls.__name__}: no JSON") from None
    return decode(cls, parsed)


def _field_name(name: str) -> str:
    """A stranger's field as an error may name it: never text that a log or a page could choke on."""
    return name if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,39}", name) else "a field"


Read = Callable[[object], Any]
"""Turns a parsed JSON value into a field's value, or raises WireError with the field's name."""


@functools.cache
def _readers(cls: type[Any]) -> dict[str, tuple[Read, bool]]:
    """What reads each field, and whether it must be there. Made once: telling types apart is slower than reading."""
    hints = typing.get_type_hints(cls)
    return {
        f.name: (_reader(f.name, hints[f.name], f.metadata), f.default is dataclasses.MISSING)
        for f in dataclasses.fields(cls)
    }


def _reader(name: str, hint: Any, limits: Mapping[str, Any]) -> Read:
    if isinstance(hint, types.UnionType):
        inner = _reader(name, next(a for a in typing.get_args(hint) if a is not type(None)), limits)
        return lambda value: None if value is None else inner(value)
    if hint is datetime:
        return functools.partial(_time, name)
    if typing.get_origin(hint) is tuple:
        part = typing.get_args(hint)[0]
        if dataclasses.is_dataclass(part):
            return functools.partial(_several, name, part, limits["most"])
        return functools.partial(_short_texts, name)
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return functools.partial(_choice, name, hint)
    if hint is str:
        return functools.partial(_text_of, name, limits["shortest"], limits["longest"])
    return functools.partial(_scalar, name, hint, limits)


_PLAIN = (str, int, bool, float, type(None))


def _plain(value: object) -> Any:
    if type(value) in _PLAIN:
        return value
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise WireError(f"{value}: a time without a zone")
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, tuple):
        return [_plain(v) for v in value]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return encode(value)
    return value


def _short_texts(name: str, value: object) -> tuple[str, ...]:
    short = isinstance(value, list) and all(isinstance(v, str) and len(v) <= 40 and v.isprintable() for v in value)
    if not short or len(value) > 20:  # type: ignore[arg-type]
        raise WireError(f"{name}: expected at most 20 short texts of printable characters")
    return tuple(value)  # type: ignore[arg-type]


def _several(name: str, part: Any, most: int, value: object) -> tuple[Any, ...]:
    """The records of a list, at most so many."""
    if not isinstance(value, list) or len(value) > most:
        raise WireError(f"{name}: expected at most {most} records")
    return tuple(decode(part, v) for v in value)


def _text_of(name: str, shortest: int, longest: int, value: object) -> str:
    if not isinstance(value, str):
        raise WireError(f"{name}: expected str, got {type(value).__name__}")
    if not shortest <= len(value) <= longest or not value.isprintable():
        raise WireError(f"{name}: expected {shortest} to {longest} printable characters")
    return value


def _scalar(name: str, hint: type, limits: Mapping[str, Any], value: Any) -> Any:
    accepted: tuple[type, ...] = (int, float) if hint is float else (hint,)
    if not isinstance(value, accepted) or (isinstance(value, bool) and hint is not bool):
        raise WireError(f"{name}: expected {hint.__name__}, got {type(value).__name__}")
    if "low" in limits and not limits["low"] <= value <= limits["high"]:
        raise WireError(f"{name}: expected a value between {limits['low']} and {limits['high']}")
    return value


def _choice(name: str, hint: type[enum.Enum], value: object) -> enum.Enum:
    try:
        return hint(value)
    except ValueError:
        raise WireError(f"{name}: expected one of {', '.join(str(m.value) for m in hint)}"[:300]) from None


def _time(name: str, value: object) -> datetime:
    if not isinstance(value, str) or len(value) > 40:
        raise WireError(f"{name}: expected an ISO 8601 time")
    try:
        parsed = datetime.fromisoformat(value)
    except ValueError:
        raise WireError(f"{name}: expected an ISO 8601 time") from None
    if parsed.tzinfo is None:
        raise WireError(f"{name}: expected a time with its time zone")
    try:
        return parsed.astimezone(UTC)
    except (OverflowError, ValueError):
        raise WireError(f"{name}: the time is out of range") from None
