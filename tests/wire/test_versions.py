"""Peers of version 1 of the wire are told nothing that they would have to refuse."""

from __future__ import annotations

import dataclasses
import enum
import importlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from wire import versions
from wire.codec import WireError, decode, decode_text, encode, encode_text
from wire.live import FIRST_ORDERS, OrderKind
from wire.reasons import NEAREST_OLD, ErrorCode

VERSION_1 = json.loads((Path(__file__).parents[1] / "fixtures" / "wire" / "version_1.json").read_text("utf-8"))
"""Fields of the records and members of the enums, as the program of version 1 had them."""

MODULES = ("questions", "fuellings", "reasons", "devices", "live", "offline")


def _all_of(kind: type[Any]) -> dict[str, type[Any]]:
    found: dict[str, type[Any]] = {}
    for name in MODULES:
        module = importlib.import_module(f"wire.{name}")
        found |= {n: c for n, c in vars(module).items() if isinstance(c, type) and c.__module__ == module.__name__}
    if kind is enum.Enum:
        return {n: c for n, c in found.items() if issubclass(c, enum.Enum)}
    return {n: c for n, c in found.items() if dataclasses.is_dataclass(c)}


@pytest.mark.parametrize("name", VERSION_1["records"])
def test_fields_that_came_later_say_since_when_and_have_a_default(name: str) -> None:
    cls = _all_of(object)[name]
    for f in dataclasses.fields(cls):
        old = f.name in VERSION_1["records"][name]
        assert old == (f.metadata.get("since", 1) == 1), f"{name}.{f.name}"
        assert old or f.default is not dataclasses.MISSING, f"{name}.{f.name} needs a default"
    assert set(VERSION_1["records"][name]) <= {f.name for f in dataclasses.fields(cls)}


@pytest.mark.parametrize("name", [n for n in VERSION_1["enums"] if n not in ("ErrorCode", "OrderKind")])
def test_members_that_came_later_have_a_nearest_older_one(name: str) -> None:
    """Error codes go with a status that counts, and orders of a later kind are not handed to an old lane at all."""
    known = set(VERSION_1["enums"][name])
    for member in _all_of(enum.Enum)[name]:
        if member.value not in known:
            assert NEAREST_OLD[member].value in known, f"{name}.{member.name}"


def test_an_old_lane_is_handed_no_order_that_it_does_not_know() -> None:
    assert {kind.value for kind in FIRST_ORDERS} == set(VERSION_1["enums"]["OrderKind"])
    assert set(OrderKind) >= FIRST_ORDERS
    assert {code.value for code in ErrorCode} >= set(VERSION_1["enums"]["ErrorCode"])


@pytest.mark.parametrize(
    ("header", "version"), [(None, 1), ("", 1), ("1", 1), ("2", 2), ("9", 2), ("0", 1), ("²", 1), ("-2", 1), ("2.0", 1)]
)
def test_what_a_request_announces(header: str | None, version: int) -> None:
    assert versions.version_of(header) == version


@dataclass(frozen=True, slots=True, kw_only=True)
class Inner:
    old: int = 1
    new: int | None = field(default=None, metadata={"low": 0, "high": 9, "since": 2})


@dataclass(frozen=True, slots=True, kw_only=True)
class Outer:
    parts: tuple[Inner, ...] = field(default=(), metadata={"most": 3})
    word: str = field(default="", metadata={"shortest": 0, "longest": 9, "since": 2})


def test_later_fields_are_left_out_for_an_old_peer_and_while_they_hold_their_default() -> None:
    full = Outer(parts=(Inner(new=3), Inner()), word="x")
    assert encode(full) == {"parts": [{"old": 1, "new": 3}, {"old": 1}], "word": "x"}
    assert versions.encode_for(full, 1) == {"parts": [{"old": 1}, {"old": 1}]}
    assert versions.encode_for(full, 2) == encode(full)
    assert encode_text(Outer()) == '{"parts":[]}'


def test_what_an_old_peer_wrote_is_read_and_written_the_same() -> None:
    text = '{"parts":[{"old":4}]}'
    assert encode_text(decode_text(Outer, text)) == text
    with pytest.raises(WireError):
        decode(Inner, {"old": 1, "newest": 2})
