"""The facts of a visit's trace and their JSON form. Times ending in _s are seconds since the vehicle came into view."""

from __future__ import annotations

import dataclasses
import enum
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar

from controller.records import LampColour, PlateRead, VisitSummary, Vote
from wire.errors import GreenlaneError
from wire.fuellings import Fuelling, FuellingReceipt
from wire.questions import Decision, Question
from wire.reasons import Reason

FORMAT = 1


class TraceError(GreenlaneError):
    """A trace cannot be found, read or understood; str() names it."""


@dataclass(frozen=True, slots=True)
class TracedRead:
    """What the reader found in one frame of width x height pixels, and the milliseconds that each stage took."""

    at_s: float
    frame: int
    width: int
    height: int
    plates: tuple[PlateRead, ...] = ()
    ms: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TracedVote:
    at_s: float
    vote: Vote


@dataclass(frozen=True, slots=True)
class TracedAnswer:
    """A question and what came back; answered_s is None while nothing did, decision None where nothing usable did."""

    question: Question
    asked_s: float
    answered_s: float | None = None
    decision: Decision | None = None
    reason: Reason | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class TracedLamp:
    at_s: float
    colour: LampColour
    reason: Reason


@dataclass(frozen=True, slots=True)
class TracedFuelling:
    """ended_s is None while the nozzle is lifted; report is None when nothing flowed; receipt once it is posted."""

    started_s: float
    ended_s: float | None = None
    report: Fuelling | None = None
    receipt: FuellingReceipt | None = None


@dataclass(frozen=True, slots=True)
class TracedNote:
    at_s: float
    text: str


@dataclass(frozen=True, slots=True)
class TracedPicture:
    """A kept frame, in a JPEG file beside the trace. role: "first", "best" or "last"."""

    file: str
    frame: int
    at_s: float
    role: str


@dataclass(frozen=True, slots=True)
class VisitTrace:
    """Everything about one visit. summary is None while it lasts, or for ever where the unit died in it.

    reader: engine and weights in words. dropped_reads: reads of a long visit that were not kept.
    """

    visit: str
    first_seen_at: datetime
    reader: str
    format: int = FORMAT
    summary: VisitSummary | None = None
    reads: tuple[TracedRead, ...] = ()
    dropped_reads: int = 0
    votes: tuple[TracedVote, ...] = ()
    answers: tuple[TracedAnswer, ...] = ()
    lamp: tuple[TracedLamp, ...] = ()
    fuellings: tuple[TracedFuelling, ...] = ()
    notes: tuple[TracedNote, ...] = ()
    pictures: tuple[TracedPicture, ...] = ()

    @property
    def plate(self) -> str | None:
        """What the visit ended with; of one that has not ended, what its last certain vote said."""
        if self.summary is not None:
            return self.summary.plate
        return next((one.vote.candidate for one in reversed(self.votes) if one.vote.certain), None)


Record = TypeVar("Record")

FORMERLY = {"signs": "characters", "sign": "character"}
"""What traces written before characters had that name call them; read for one release."""


def to_json(value: Any) -> Any:
    """Dataclasses, enums, times and tuples as plain JSON values; real numbers keep four decimals."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: to_json(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, (tuple, list)):
        return [to_json(v) for v in value]
    if isinstance(value, Mapping):
        return {str(k): to_json(v) for k, v in value.items()}
    return round(float(value), 4) if isinstance(value, float) else value


def from_json(cls: type[Record], data: object) -> Record:
    """The inverse of to_json. Fields that this version does not know are ignored. Raises TraceError."""
    try:
        return typing.cast(Record, _value(cls, data))
    except (TypeError, ValueError, KeyError, AttributeError, OverflowError, RecursionError) as error:
        raise TraceError(f"the trace is damaged or of another version: {error}") from error


def _value(hint: Any, data: Any) -> Any:
    if isinstance(hint, types.UnionType):
        if data is None:
            return None
        return _value(next(a for a in typing.get_args(hint) if a is not type(None)), data)
    origin = typing.get_origin(hint)
    if origin is tuple:
        return _tuple(typing.get_args(hint), data)
    if origin is not None:
        return {str(k): _value(typing.get_args(hint)[1], v) for k, v in data.items()}
    if dataclasses.is_dataclass(hint):
        hints = typing.get_type_hints(hint)
        known = {f.name for f in dataclasses.fields(hint)}
        data = {FORMERLY.get(k, k): v for k, v in data.items()}
        return typing.cast(Any, hint)(**{k: _value(hints[k], v) for k, v in data.items() if k in known})
    if hint is datetime:
        return _moment(data)
    if issubclass(hint, enum.Enum):
        return hint(data)
    if hint is float:
        return _within(float(data))
    if not isinstance(data, hint):
        raise TypeError(f"expected {hint.__name__}, got {type(data).__name__}")
    return data.encode().decode() if isinstance(data, str) else _within(data)


_LARGEST = 2**53


def _within(number: float) -> float:
    """Raises ValueError for what no unit counts or measures; NaN is one of them."""
    if not -_LARGEST <= number <= _LARGEST:
        raise ValueError("a number out of range")
    return number


def _moment(text: str) -> datetime:
    """A moment that every time zone can show. Raises ValueError."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None or not 1970 <= moment.year <= 9998:
        raise ValueError("a time without a zone, or out of range")
    return moment


def _tuple(hints: tuple[Any, ...], data: Any) -> tuple[Any, ...]:
    if len(hints) == 2 and hints[1] is Ellipsis:
        return tuple(_value(hints[0], v) for v in data)
    return tuple(_value(hint, v) for hint, v in zip(hints, data, strict=True))
