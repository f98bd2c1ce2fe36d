"""Whose dispenser it is: by the operators' last word, else by its first report; and who reported under it since."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, Row

from service.reports.proofs.findings import Finding, rows

Key = tuple[str, str]
"""Station and dispenser."""

_BOUND = """
select b.station, b.dispenser, b.lane, b.after_sequence, b.fuelling, d.last_sequence, f.station as fuelled_at,
  f.dispenser as fuelled_under, f.lane as fuelled_by
from dispenser_lanes b left join dispensers d on d.station = b.station and d.id = b.dispenser
left join fuellings f on f.id = b.fuelling order by b.station, b.dispenser, b.lane
"""
_EVENTS = """
select subject, detail from operator_events where action in ('bind_dispenser', 'release_dispenser') order by id
"""
_OTHERS = """
select f.station, f.dispenser, f.sequence, f.lane from fuellings f
join (select station, dispenser, max(after_sequence) as after_sequence from dispenser_lanes
  group by station, dispenser) b
  on b.station = f.station and b.dispenser = f.dispenser and f.sequence > b.after_sequence
left join dispenser_lanes l on l.station = f.station and l.dispenser = f.dispenser and l.lane = f.lane
where l.lane is null order by f.station, f.dispenser, f.sequence
"""


def dispenser_lanes(connection: Connection) -> Iterator[Finding]:
    """Every dispenser's lanes are those that the trail says, or the one whose report bound it; no other reported."""
    said = _said(connection)
    bound: dict[Key, list[Row[Any]]] = defaultdict(list)
    for row in rows(connection, _BOUND):
        bound[(row.station, row.dispenser)].append(row)
    used = {(row.station, row.id) for row in rows(connection, "select station, id from dispensers")}
    for key in sorted(used | set(bound) | set(said)):
        yield from _of_one(key, bound.get(key, []), said.get(key))
    for row in rows(connection, _OTHERS):
        words = f"fuelling {row.dispenser} {row.sequence} at {row.station} came from lane {row.lane}"
        yield Finding("dispensers", f"{words}, which its dispenser does not belong to")


def _said(connection: Connection) -> dict[Key, list[str]]:
    """The lanes after the last event; one that cannot be read is another proof's finding."""
    found: dict[Key, list[str]] = {}
    for row in rows(connection, _EVENTS):
        try:
            detail = json.loads(row.detail)
            found[(str(detail["station"]), row.subject)] = [str(lane) for lane in json.loads(detail["lanes"])]
        except (ValueError, KeyError, TypeError):
            continue
    return found


def _of_one(key: Key, bound: list[Row[Any]], said: list[str] | None) -> Iterator[Finding]:
    name = f"dispenser {key[1]} of {key[0]}"
    lanes = [row.lane for row in bound]
    by_report = [row for row in bound if row.fuelling is not None]
    free = not said
    if (said and lanes != sorted(said)) or (free and len(bound) > 1) or (said is None and not bound):
        words = "its first report" if said is None else ", ".join(said) or "-"
        yield Finding("dispensers", f"{name} belongs to lane {', '.join(lanes) or '-'}, the trail says {words}")
    elif len(by_report) != (len(bound) if free else 0):
        yield Finding("dispensers", f"{name} belongs to lane {', '.join(lanes)} by no report and no operator")
    for row in by_report:
        if (row.fuelled_at, row.fuelled_under, row.fuelled_by) != (row.station, row.dispenser, row.lane):
            yield Finding("dispensers", f"{name} belongs to lane {row.lane} by a report of another, or of none")
    for row in bound:
        if not 0 <= row.after_sequence <= (row.last_sequence or 0):
            words = f"{name} changed its lanes after sequence {row.after_sequence}, it has come to {row.last_sequence}"
            yield Finding("dispensers", words)
