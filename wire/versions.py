"""Which version of the records a peer knows, and what a record looks like to one that knows an older version.

Every request names the newest version that its sender knows in the header WIRE_HEADER; one without it is of version 1,
which had no such header. A field that came later carries its version in its metadata as "since" and has a default; a
member of an enum that came later has a nearest older one in wire.reasons.NEAREST_OLD. So the service may be upgraded
first, then stations, then lanes, and none of them is told what it would have to refuse.
"""

from __future__ import annotations

import dataclasses
import enum
from typing import Any, cast

from wire.codec import OLDEST_VERSION, encode
from wire.reasons import NEAREST_OLD, ErrorCode

WIRE_VERSION = 2
WIRE_HEADER = "Greenlane-Wire"


def version_of(header: str | None) -> int:
    """The version to answer in: the one announced, at most ours; the oldest where nothing sensible is announced."""
    if header is None or not (header.isascii() and header.isdigit() and len(header) <= 4):
        return OLDEST_VERSION
    return max(OLDEST_VERSION, min(int(header), WIRE_VERSION))


def encode_for(record: Any, version: int) -> dict[str, Any]:
    """As encode, without the fields that came after `version` and with the nearest older member of each enum."""
    return encode(record) if version >= WIRE_VERSION else encode(_older(record), version)


def error_code_for(code: ErrorCode, version: int) -> ErrorCode:
    """The code as that version knows it: one that it does not know would be tried again for ever."""
    return code if version >= WIRE_VERSION else cast(ErrorCode, NEAREST_OLD.get(code, code))


def _older(value: Any) -> Any:
    """The value with each enum member that version 1 does not know replaced by its nearest."""
    if isinstance(value, enum.Enum):
        return NEAREST_OLD.get(value, value)
    if isinstance(value, tuple):
        return tuple(_older(part) for part in value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        changed = {f.name: _older(getattr(value, f.name)) for f in dataclasses.fields(value)}
        return dataclasses.replace(value, **changed)
    return value
