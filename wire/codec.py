"""Records as JSON and back, exactly: what does not have the form it must have is a WireError.

Money is integer fen, volume integer millilitres, times are aware datetimes written as ISO 8601 in UTC. `encode` and
`decode` are exact inverses; `decode` refuses unknown keys, wrong types and values out of range, so that a nonsense
answer never becomes a green lamp.
"""

from __future__ import annotations

import dataclasses
import enum
import functools
import json
import re
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import field
from datetime import UTC, datetime
from typing import Any, TypeVar

from wire.errors import GreenlaneError


class WireError(GreenlaneError, ValueError):
    """A message does not have the form it must have; str() names the field."""


def whole(low: int, high: int) -> Any:
    return field(metadata={"low": low, "high": high})


def text(longest: int, shortest: int = 1) -> Any:
    return field(metadata={"shortest": shortest, "longest": longest})


def records(most: int) -> Any:
    return field(default=(), metadata={"most": most})


Record = TypeVar("Record")

EARLIEST, LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
"""Times of messages, both inclusive: a unit whose clock was never set begins in 1970. What lies beyond cannot be told
in every time zone, and one such report would spoil the pages of everybody who meets it."""


OLDEST_VERSION = 1
"""Fields without "since" in their metadata were there from the first version of the wire on."""


def encode(record: Any, version: int | None = None) -> dict[str, Any]:
    """The record as plain JSON values, for a peer that knows the fields up to `version` (all of them, when not given).

    A field that came after the first version is left out while it holds its default: what an older version has written
    and what this one writes of the same thing are the same.
    """
    return {
        name: _plain(value, version)
        for name, since, default in _fields(type(record))  # type: ignore[arg-type]
        if _is_sent(value := getattr(record, name), since, default, version)
    }


def _is_sent(value: object, since: int, default: object, version: int | None) -> bool:
    return since <= OLDEST_VERSION or (value != default and (version is None or since <= version))


@functools.cache
def _fields(cls: type[Any]) -> tuple[tuple[str, int, object], ...]:
    """Name, version in which it came, and default of each field."""
    return tuple((f.name, f.metadata.get("since", OLDEST_VERSION), f.default) for f in dataclasses.fields(cls))


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


def encode_text(record: Any, version: int | None = None) -> str:
    """The record as compact JSON text; version as for encode."""
    return json.dumps(encode(record, version), ensure_ascii=False, separators=(",", ":"))


def decode_text(cls: type[Record], text: str) -> Record:
    """The record that a JSON text stands for. Raises WireError."""
    try:
        parsed = json.loads(text, object_pairs_hook=once_each)
    except (ValueError, RecursionError):
        raise WireError(f"{cls.__name__}: no JSON") from None
    return decode(cls, parsed)


def once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object whose names stand once each: what is signed reads in one way alone."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice")
    return found


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


def _plain(value: object, version: int | None = None) -> Any:
    if type(value) in _PLAIN:
        return value
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise WireError(f"{value}: a time without a zone")
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, tuple):
        return [_plain(v, version) for v in value]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return encode(value, version)
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
        at = parsed.astimezone(UTC)
    except (OverflowError, ValueError):
        at = datetime.max.replace(tzinfo=UTC)
    if not EARLIEST <= at <= LATEST:
        raise WireError(f"{name}: the time is out of range, 1970 to 2199")
    return at
