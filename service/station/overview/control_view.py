"""What the station's page shows of a central control: its line, its exposure, its queue, and what met a conflict."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from service.offline.visits import OfflineVisit, offline_visits
from service.store.database import Database
from wire.live import OrderKind, ParkedMessage

MOST_CONFLICTS = 20


@dataclass(frozen=True, slots=True)
class ControlView:
    """list_problem: why nobody can be allowed offline now; None while the list is good. since: of the line's state.

    list_refused: why the newest list was not taken, while an older one still counts.
    """

    line_up: bool
    since: datetime
    trouble: str
    exposure_fen: int
    cap_fen: int
    open_grants: int
    list_version: int
    list_until: datetime | None
    list_problem: str | None
    list_refused: str | None
    waiting: int
    parked: tuple[ParkedMessage, ...]
    damaged: int = 0


class CentralControl(Protocol):
    """A station's central control as its own page knows it."""

    def view(self) -> ControlView: ...

    def conflicts(self) -> list[OfflineVisit]: ...

    def decide(self, kind: OrderKind, message: int, person: str, why: str) -> None:
        """Retry or discard a parked message. Raises AdminError."""


def conflicts_of(database: Database, station: str, since: datetime) -> list[OfflineVisit]:
    """The newest conflicts of a station in the service's own books."""
    return offline_visits(database, station, since, only_conflicts=True)[:MOST_CONFLICTS]
