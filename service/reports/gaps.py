"""Jumps of a dispenser's sequence or totaliser that an operator has explained (`greenlane admin explain-gap`)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, text

_EXPLAINED = "select subject, at_us, detail from operator_events where action = 'explain_gap'"


@dataclass(frozen=True, slots=True)
class ExplainedGap:
    """Of the jump before one fuelling. station: None in events of before version 6."""

    subject: str
    at_us: int
    station: str | None


def explained_gaps(connection: Connection) -> tuple[ExplainedGap, ...]:
    """All that were ever given."""
    rows = connection.execute(text(_EXPLAINED)).all()
    return tuple(ExplainedGap(row.subject, row.at_us, _station_in(row.detail)) for row in rows)


def is_explained(given: Sequence[ExplainedGap], station: str, dispenser: str, sequence: int, received_us: int) -> bool:
    """Whether one of them is of the jump before this fuelling.

    Without a station it speaks of the only such dispenser that there was then.
    """
    subject = f"{dispenser} {sequence}"
    return any(
        one.subject == subject and (received_us <= one.at_us if one.station is None else one.station == station)
        for one in given
    )


def _station_in(detail: str) -> str | None:
    try:
        parsed = json.loads(detail)
    except ValueError:
        return None
    return parsed.get("station") if isinstance(parsed, dict) else None
