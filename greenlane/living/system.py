"""Puts the live demonstration together in one process, on loopback and in one folder, and ends it in order."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

from fastapi import FastAPI

from controller.outbound.key_pair import KeyPair
from controller.settings_records import (
    CameraSettings,
    DispenserSettings,
    LampSettings,
    LaneSettings,
    ServiceSettings,
    Settings,
    TraceSettings,
)
from greenlane.living.demo_pages import DemoPage, StartLink, add_people, demo_pages, serve_pages, serve_start
from greenlane.living.seeding import ACTOR, LANE, PRODUCT, STATION, seed
from greenlane.simulation.cast import Bundled
from greenlane.simulation.world import UNIT_PRICE_FEN_PER_L
from greenlane.wiring import LaneUnit
from service.app import create_app
from service.identity.guard import SIGNED_ONLY
from service.identity.signed.devices import Place as DevicePlace
from service.identity.signed.devices import new_code, shown_code
from service.server import listening_on, running
from station.settings import StationSettings
from station.wiring import ENROLMENT, KEY, StationSite, StationWiring
from wire.codec import encode_text
from wire.devices import DeviceKind, Enrolment, EnrolmentRequest
from wire.live import LaneStatus

CUSTOMER_LITRES = 2.0
READ_TIMEOUT_S = 3.0
"""The vehicle that cannot be read stands for ten seconds: who types its plate needs most of them."""
LANE_KEY = "lane.key"


class LivingSystem:
    """Open it as a context manager; on_end() tells when its lane has stopped by itself, failed whether by a fault.

    ports: of the service and of the central control, 0 for free ones. Raises ServiceError where one is taken.
    """

    def __init__(self, folder: Path, own: Bundled, ports: tuple[int, int] = (0, 0)) -> None:
        self.password = shown_code(new_code()).lower()
        self.entries: tuple[StartLink, ...] = ()
        self.start = ""
        self._folder = folder
        self._own = own
        self._ports = ports
        self._token = secrets.token_urlsafe(12)
        self._stack = ExitStack()
        self._listener: Callable[[], None] = lambda: None
        self.failed = False

    def __enter__(self) -> Self:
        try:
            self._build()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    @property
    def status(self) -> LaneStatus | None:
        """What the lane shows now."""
        return self._unit.panel.status

    def on_end(self, listener: Callable[[], None]) -> None:
        """Call told when the lane ends by itself."""
        self._listener = listener

    def _build(self) -> None:
        for port in self._ports:
            listening_on(port).close()
        app = create_app(f"sqlite:///{self._folder / 'service.sqlite3'}", guard=SIGNED_ONLY)
        seeded = seed(app.state.books, self._own)
        self._enrol(app, DeviceKind.STATION, self._folder / "station" / KEY)
        self._enrol(app, DeviceKind.LANE, self._folder / "lane" / LANE_KEY)
        found = demo_pages(seeded)
        here, there = [d for d in found if not d.at_station], [d for d in found if d.at_station]
        add_people(app, self.password, here)
        serve_pages(app, self._token, here)
        service = self._stack.enter_context(running(app, self._ports[0]))
        wiring = StationWiring(StationSite(self._folder / "station", service), SIGNED_ONLY, StationSettings())
        self._stack.callback(wiring.close)
        add_people(wiring.app, self.password, there)
        serve_pages(wiring.app, self._token, there)
        wiring.start()
        station = self._stack.enter_context(running(wiring.app, self._ports[1]))
        self.entries = tuple(self._entry(target, station if target.at_station else service) for target in found)
        serve_start(app, self._token, self.password, self.entries)
        self.start = f"{service}/demo/{self._token}"
        self._drive(station)

    def _entry(self, target: DemoPage, base: str) -> StartLink:
        return StartLink(target, f"{target.url(base)}/demo/{self._token}/{target.name}")

    def _enrol(self, app: FastAPI, kind: DeviceKind, path: Path) -> None:
        """A key of the device's own and its place in the books, as `greenlane enrol` makes them."""
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        key, lane = KeyPair.make(), LANE if kind is DeviceKind.LANE else None
        devices = app.state.identity.devices
        code = devices.issue_code(DevicePlace(kind, STATION, lane), ACTOR)
        enrolled: Enrolment = devices.enrol(EnrolmentRequest(code=code, public_key=key.public_text), ACTOR)
        key.save(path)
        if kind is DeviceKind.STATION:
            path.with_name(ENROLMENT).write_text(encode_text(enrolled) + "\n", encoding="utf-8")

    def _drive(self, station: str) -> None:
        self._unit = self._stack.enter_context(LaneUnit(self._settings(station)))
        thread = threading.Thread(target=self._run, name="lane", daemon=True)
        thread.start()
        self._stack.callback(thread.join)
        self._stack.callback(self._unit.stop)

    def _run(self) -> None:
        self.failed = self._unit.run() != 0
        self._listener()

    def _settings(self, station: str) -> Settings:
        folder = self._folder / "lane"
        return Settings(
            lane=LaneSettings(station=STATION, name=LANE, read_timeout_s=READ_TIMEOUT_S),
            camera=CameraSettings(kind="file", source=str(self._own.clip), loop=True, max_age_s=2.0),
            lamp=LampSettings(kind="fake"),
            service=ServiceSettings(url=station, key_file=str(folder / LANE_KEY)),
            dispenser=DispenserSettings(
                kind="simulated",
                name=f"{STATION}-D1",
                product=PRODUCT,
                unit_price_fen_per_l=UNIT_PRICE_FEN_PER_L,
                customer_litres=CUSTOMER_LITRES,
            ),
            trace=TraceSettings(state_dir=str(folder)),
        )


def playing(own: Bundled, clip: Path | None) -> Bundled:
    """The bundled cast, on another clip where one is given."""
    return own if clip is None else replace(own, clip=clip)
