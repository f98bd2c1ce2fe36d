"""Cards, plates, stations, prices, people and devices against the operator events that made and changed them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection

from service.reports.proofs.findings import Finding, later_than_its_number, rows

_NOT_SAID = object()
"""In place of a value that the trail does not speak of."""

COMPARED: dict[str, tuple[str, tuple[str, ...]]] = {
    "cards": ("id", ("name", "preset_fen", "whole_balance", "offline_fen", "state")),
    "plates": ("plate", ("card", "state")),
    "stations": ("id", ("name", "preset_fen", "zone", "offline_fen", "unauthorised_cap_fen", "second_person_fen")),
    "people": ("name", ("role", "station", "lane", "disabled")),
    "devices": ("id", ("revoked",)),
}
"""Key and columns of each table that operators set up."""


@dataclass
class _Recorded:
    """What the trail says of all that operators set up, by name, and by column as far as it speaks of it."""

    cards: dict[str, dict[str, Any]] = field(default_factory=dict)
    plates: dict[str, dict[str, Any]] = field(default_factory=dict)
    stations: dict[str, dict[str, Any]] = field(default_factory=dict)
    people: dict[str, dict[str, Any]] = field(default_factory=dict)
    devices: dict[str, dict[str, Any]] = field(default_factory=dict)
    by_phone: set[str] = field(default_factory=set)
    """Plates that persons pay for, so that they stay when they lose their card."""
    prices: set[tuple[str, str, int]] = field(default_factory=set)


def trail(connection: Connection) -> Iterator[Finding]:
    """Replays the events in order and compares what they leave with what is there."""
    recorded = _Recorded()
    for row in rows(connection, "select id, at_us, action, subject, detail from operator_events order by id"):
        try:
            detail = json.loads(row.detail)
            if not isinstance(detail, dict):
                raise ValueError
        except ValueError:
            yield Finding("trail", f"event {row.id} ({row.action} {row.subject}): its detail is not a record")
            continue
        _apply(recorded, row.action, row.subject, detail)
    query = f"select id, action from operator_events e where {later_than_its_number('e', 'at_us')}"
    for row in rows(connection, query):
        yield Finding("trail", f"event {row.id} ({row.action}) says a later time than its number was made at")
    for table, (key, columns) in COMPARED.items():
        yield from _compared(connection, table, key, getattr(recorded, table), columns)
    yield from _prices(connection, recorded)
    yield from _rejected(connection)


def _apply(recorded: _Recorded, action: str, subject: str, detail: dict[str, Any]) -> None:
    match action:
        case "create_card":
            recorded.cards[subject] = {
                "name": str(detail.get("name", ""))[:80],
                "preset_fen": detail.get("preset_fen"),
                "whole_balance": bool(detail.get("whole")),
                "offline_fen": None,
                "state": "active",
            }
        case "set_card_preset":
            changed = {"preset_fen": detail.get("preset_fen"), "whole_balance": bool(detail.get("whole"))}
            recorded.cards.setdefault(subject, {}).update(changed)
        case "set_card_offline":
            recorded.cards.setdefault(subject, {})["offline_fen"] = detail.get("offline_fen")
        case "block_card" | "unblock_card":
            recorded.cards.setdefault(subject, {})["state"] = _state(action)
        case "bind_plate":
            recorded.plates.setdefault(subject, {"state": "active"})["card"] = detail.get("card")
        case "unbind_plate" if subject in recorded.by_phone:
            recorded.plates.setdefault(subject, {})["card"] = None
        case "unbind_plate":
            recorded.plates.pop(subject, None)
        case "payer.set" | "payer.rule" | "payer.gap" | "payer.owner":
            recorded.plates.setdefault(subject, {"state": "active", "card": None})
            recorded.by_phone.add(subject)
        case "block_plate" | "unblock_plate":
            recorded.plates.setdefault(subject, {})["state"] = _state(action)
        case "set_station":
            _apply_station(recorded, subject, detail)
        case "set_price":
            recorded.prices.add((subject, str(detail.get("product")), int(detail.get("fen_per_l", -1))))
        case _:
            _apply_identity(recorded, action, subject, detail)


_TAKEN_BACK = (("unauthorised_cap_fen", "preset"), ("second_person_fen", "none"))
"""Words of the trail that stand for no amount."""


def _apply_station(recorded: _Recorded, subject: str, detail: dict[str, Any]) -> None:
    first = {
        "name": subject,
        "preset_fen": 10_000,
        "zone": "Asia/Shanghai",
        "offline_fen": 0,
        "unauthorised_cap_fen": None,
        "second_person_fen": 100_000,
    }
    station = recorded.stations.setdefault(subject, first)
    for column, value in detail.items():
        if value is not None:
            station[column] = None if (column, value) in _TAKEN_BACK else value


def _apply_identity(recorded: _Recorded, action: str, subject: str, detail: dict[str, Any]) -> None:
    match action:
        case "person.add":
            everywhere = detail.get("station") == "all" or detail.get("role") == "fleet"
            recorded.people[subject] = {
                "role": detail.get("role"),
                "station": None if everywhere else detail.get("station"),
                "lane": detail.get("lane"),
                "disabled": False,
            }
        case "person.role":
            named = {"role": detail.get("role"), "lane": detail.get("lane")}
            place = {"station": detail["station"]} if "station" in detail else {}
            recorded.people.setdefault(subject, {}).update(named | place)
        case "person.disable" | "person.enable":
            recorded.people.setdefault(subject, {})["disabled"] = action == "person.disable"
        case "device.enrol":
            recorded.devices[subject] = {"revoked": False}
        case "device.revoke":
            recorded.devices.setdefault(subject, {})["revoked"] = True


def _state(action: str) -> str:
    return "blocked" if action.startswith("block") else "active"


def _compared(
    connection: Connection, table: str, key: str, recorded: dict[str, dict[str, Any]], columns: tuple[str, ...]
) -> Iterator[Finding]:
    special = {"disabled": "disabled_us is not null", "revoked": "revoked_us is not null"}
    listed = ", ".join(f"{special.get(column, column)} as {column}" for column in columns)
    found = {row[0]: row for row in rows(connection, f"select {key}, {listed} from {table}")}
    for name, row in found.items():
        said = recorded.get(name)
        if said is None:
            yield Finding("trail", f"{table}: {name} is there, and no event says who set it up")
            continue
        for column, value in zip(columns, row[1:], strict=True):
            expected = said.get(column, _NOT_SAID)
            if expected is not _NOT_SAID and _plain(value, expected) != expected:
                words = f"{table}: {column} of {name} is {value!r}, the last event says {expected!r}"
                yield Finding("trail", words)
    for name in recorded.keys() - found.keys():
        yield Finding("trail", f"{table}: {name} was set up and is gone without an event")


def _plain(value: object, expected: object) -> object:
    """SQLite's truths are 0 and 1."""
    return bool(value) if isinstance(expected, bool) and isinstance(value, int) else value


def _prices(connection: Connection, recorded: _Recorded) -> Iterator[Finding]:
    found = {(r[0], r[1], r[2]) for r in rows(connection, "select station, product, unit_price_fen_per_l from prices")}
    for station, product, price in sorted(found - recorded.prices, key=str):
        yield Finding("trail", f"prices: {product} at {station} for {price} fen was set by no event")
    for station, product, price in sorted(recorded.prices - found, key=str):
        yield Finding("trail", f"prices: {product} at {station} for {price} fen was set and is gone")


def _rejected(connection: Connection) -> Iterator[Finding]:
    for row in rows(connection, "select id, digest, body from rejected_messages"):
        if hashlib.sha256(str(row.body).encode("utf-8", "surrogatepass")).hexdigest() != row.digest:
            yield Finding("rejected", f"rejected message {row.id} is not what was received: its digest is another")
