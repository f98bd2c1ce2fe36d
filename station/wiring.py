"""Puts a station's central control together: its files, its line to the server, its workers and its application."""

from __future__ import annotations

import logging
import os
import signal
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from fastapi import FastAPI

from controller.clock import SystemClock
from controller.outbound.connections import Sign
from controller.outbound.folder_lock import FolderLock
from controller.outbound.key_pair import KeyPair
from controller.outbound.outbox import Outbox
from controller.outbound.signing import Signer
from controller.outbound.statefile import StateFile, StateUse
from controller.ports import Clock
from service.admin.admin import Admin
from service.app import assemble, open_books
from service.books.rows.prices import prices_of
from service.errors import Unavailable
from service.identity.guard import Guard
from service.identity.identity import Identity
from service.live.changes import count_change, station_topic
from station.answers import StationAnswers
from station.device_relay import DeviceRelay
from station.fuelling_forwarder import FuellingForwarder
from station.metrics import StationMetrics
from station.offline_answers import OfflineAnswers
from station.offline_list import HeldLists
from station.own_station import learn
from station.parts import StationParts
from station.pin_relay import PinRelay
from station.prices import StationPrices
from station.settings import StationSettings
from station.status_forwarder import StatusForwarder
from station.store.device_keys import DeviceKeys
from station.store.pages_file import carry_over, set_aside_if_damaged
from station.store.state_store import StateStore
from station.sync import StationSync
from station.uplink import Uplink
from station.upstream import Upstream
from station.view import StationView
from wire.codec import WireError, decode_text
from wire.devices import DeviceKind, Enrolment
from wire.files import LONGEST_PEM, read_regular

log = logging.getLogger(__name__)

KEY, ENROLMENT, STATE, PAGES = "device.key", "enrolment.json", "station.sqlite3", "pages.sqlite3"
"""Files in the station's state directory."""


BARRED = "barred"
"""Name of the fact that keeps why the server does not take this station's word; empty when it does."""


class NotEnrolled(Unavailable):
    """This machine is not a station's central control yet; str() says how it becomes one."""


@dataclass(frozen=True, slots=True)
class StationSite:
    """Where a station's central control keeps its files, and whom it asks. list_key: pinned by hand, else None."""

    folder: Path
    upstream_url: str
    ca_file: str | None = None
    list_key: str | None = None


class StationWiring:
    """Everything of one station. start() its workers, close() them; the application closes its own database."""

    def __init__(self, place: StationSite, guard: Guard, settings: StationSettings, clock: Clock | None = None) -> None:
        """Raises GreenlaneError or ServiceError where a file cannot be used."""
        self.clock = clock or SystemClock()
        self.enrolment = enrolment_of(place.folder)
        self.station = self.enrolment.station
        with ExitStack() as stack:
            stack.callback(FolderLock(place.folder, "greenlane station").close)
            self.state = stack.enter_context(StateFile(place.folder / STATE, self.clock, use=StateUse.OWN))
            self.store = StateStore(self.state, Outbox(self.state, self.clock), self.clock)
            damaged = set_aside_if_damaged(place.folder / PAGES, self.clock.now())
            self.books = open_books(f"sqlite:///{place.folder / PAGES}", self.clock)
            stack.callback(self.books.database.close)
            if prices_of(self.books.database, self.station, self.clock.now()) is None:
                Admin(self.books, "station").stations.set(self.station)
            if damaged is not None:
                carry_over(damaged, place.folder / PAGES, self.clock.now())
            self._set_up(place, guard, settings)
            self._stack = stack.pop_all()

    def _set_up(self, place: StationSite, guard: Guard, settings: StationSettings) -> None:
        sign: Sign = Signer(KeyPair.load(place.folder / KEY), self.clock)
        self.upstream = Upstream(place.upstream_url, self.station, sign=sign, ca_file=place.ca_file)
        self.uplink = Uplink(self.clock, self.store.facts.get(BARRED) or "")
        self._parts = parts = StationParts(self.upstream, self.uplink, self.store, self.clock, settings)
        self.lists = HeldLists(self.store, self.station, self.clock, place.list_key)
        self.keys = DeviceKeys(self.books.database, self.station, self.clock)
        self.forwarder = FuellingForwarder(parts, died)
        prices = StationPrices(parts)
        offline = OfflineAnswers(parts, self.lists, self.books.settings)
        self.control = StationAnswers(parts, offline, prices, self.forwarder, self.books)
        self.status_forwarder = StatusForwarder(self.upstream.link, self.uplink)
        self.sync = StationSync(parts, prices, self.lists, self.keys, died)
        self.app = self._application(guard)
        self._show()
        self._learn()
        self.sync.learn = self._learn
        self.uplink.changed = self.control.changed = offline.changed = self.forwarder.changed = self._changed

    def _application(self, guard: Guard) -> FastAPI:
        gate = guard.gate
        database, now = self.books.database, self.clock.now
        identity = Identity.open(database, now, gate, guard.hasher, self.control.lane_of)
        identity.keys.confirmed = self.forwarder.key_spoken
        relay = DeviceRelay(database, now, self.upstream, self.uplink, self.keys)
        return assemble(
            self.control,
            database,
            self.clock,
            guard,
            title="greenlane station",
            identity=replace(identity, devices=relay),
            listener=self.status_forwarder.tell,
        )

    def _show(self) -> None:
        """The station's own page and figures."""
        view = StationView(self._parts, self.lists, self.books.database, self._changed)
        self.app.state.control = view
        self.app.state.check_pin = PinRelay(self.upstream, self.uplink).check
        self.app.state.metrics.show(StationMetrics(view, self.clock.now, self.app.state.clerk.health))

    def _learn(self) -> None:
        if learn(self.books, self.lists.held.listed):
            self._changed()

    def start(self) -> None:
        """Start the workers."""
        for worker in (self.forwarder, self.status_forwarder, self.sync):
            worker.start()

    def close(self) -> None:
        """Idempotent; what is under way is cut."""
        self.upstream.close()
        for part in (self.sync, self.status_forwarder, self.forwarder, self.control):
            part.close()
        self._stack.close()

    def _changed(self) -> None:
        """Something that the station's page shows is different; and what waits for the line may go."""
        state = self.uplink.state
        if state.up:
            self.forwarder.courier.wake()
        try:
            barred = state.trouble if state.barred else ""
            if barred != (self.store.facts.get(BARRED) or ""):
                self.store.facts.keep(BARRED, barred)
            with self.books.database.writing() as connection:
                count_change(connection, station_topic(self.station))
        except Exception as error:
            log.warning("the station's page was not told of a change: %s", error)
        else:
            self.app.state.changes.ring()


def enrolment_of(folder: Path) -> Enrolment:
    """Who this central control is. Raises NotEnrolled."""
    how = (
        "get a code with `greenlane admin enrol --kind station --station S1`, then run "
        f"`greenlane enrol CODE --service URL --state {folder}`"
    )
    try:
        found = decode_text(Enrolment, read_regular(folder / ENROLMENT, LONGEST_PEM).decode())
    except FileNotFoundError:
        raise NotEnrolled(f"{folder}: this is not a station's central control yet; {how}") from None
    except (OSError, WireError, UnicodeDecodeError) as error:
        raise NotEnrolled(f"{folder / ENROLMENT}: {error}; {how}") from error
    if found.kind is not DeviceKind.STATION:
        raise NotEnrolled(f"{folder}: enrolled as a {found.kind.value}; {how}")
    return found


def died(error: BaseException) -> None:
    """A worker that the station can't do without has ended: so does the station, and is started afresh."""
    log.critical("the station stops: %s", error)
    os.kill(os.getpid(), signal.SIGTERM)
