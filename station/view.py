"""What people see of the central control, and what they decide about its parked messages."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from controller.outbound.outbox import MOST_PARKED, OutboxError, parked_message
from controller.outbound.statefile import StateError
from service.errors import AdminError, Unavailable
from service.identity import trail
from service.offline.visits import OfflineVisit
from service.station.overview.control_view import MOST_CONFLICTS, ControlView
from service.store.database import Database, telling_faults
from station.offline_list import HeldLists
from station.parts import StationParts
from wire.live import OrderKind

SHOWN_FOR = timedelta(days=30)


class StationView:
    """A CentralControl of the station's page. Thread-safe. changed() is called after people's decisions."""

    def __init__(self, parts: StationParts, lists: HeldLists, database: Database, changed: Callable[[], None]) -> None:
        self._station = parts.station
        self._uplink = parts.uplink
        self._store = parts.store
        self._outbox = parts.store.outbox
        self._clock = parts.clock
        self._cap_fen = parts.settings.cap_fen
        self._lists = lists
        self._database = database
        self._changed = changed

    def view(self) -> ControlView:
        """As it is now. Raises Unavailable."""
        try:
            return self._view()
        except StateError as error:
            raise Unavailable(str(error)) from error

    def conflicts(self) -> list[OfflineVisit]:
        """What the server has told of grants and fuellings, the newest first."""
        try:
            found = self._store.grants.visits(self._clock.now() - SHOWN_FOR)
        except StateError as error:
            raise Unavailable(str(error)) from error
        return [visit for visit in found if visit.conflicts][:MOST_CONFLICTS]

    def decide(self, kind: OrderKind, message: int, person: str, why: str) -> None:
        """Retry or discard, and write down who did. Raises AdminError for a message that is not parked."""
        deed = trail.TrailEntry(
            self._clock.now(), f"person:{person}", f"did {kind}", self._station, {"message": str(message), "why": why}
        )
        try:
            if kind is OrderKind.RETRY:
                self._outbox.retry(message, person, why)
            else:
                with self._store.together():
                    self._outbox.discard(message, person, why)
                    self._store.grants.settled(message)
        except OutboxError as error:
            raise AdminError(str(error)) from error
        except StateError as error:
            raise Unavailable(str(error)) from error
        with telling_faults(), self._database.writing() as connection:
            trail.note(connection, deed)
        self._changed()

    def _view(self) -> ControlView:
        state, held = self._uplink.state, self._lists.held
        return ControlView(
            line_up=state.up,
            since=state.since,
            trouble=state.trouble,
            exposure_fen=self._store.grants.exposure_fen(),
            cap_fen=self._cap_fen,
            open_grants=self._store.grants.count_open(),
            list_version=self._lists.version,
            list_until=None if held.listed is None else held.listed.expires_at,
            list_problem=held.why_not,
            list_refused=self._lists.refusal,
            waiting=self._outbox.count_waiting(),
            parked=tuple(parked_message(message) for message in self._outbox.parked()[:MOST_PARKED]),
            damaged=self._store.damaged(),
        )
