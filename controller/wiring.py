"""Builds a lane unit out of its settings: the one place that knows concrete parts."""

from __future__ import annotations

import logging
import random
import secrets
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from controller import log as logs
from controller.client import HttpBalanceService
from controller.clock import SystemClock
from controller.courier import RELEASE, Courier, balance_senders
from controller.desk import ThreadDesk
from controller.errors import SettingsError
from controller.frames import FramePump
from controller.live import Bell, run_live
from controller.observers import Observers
from controller.outbox import Outbox
from controller.ports import Camera, Clock, Lamp, PlateReader, VisitObserver
from controller.runner import Parts, Runner
from controller.settings_records import CameraSettings, LampSettings, ReaderSettings, ServiceSettings, Settings
from controller.statefile import StateFile
from hardware.cameras import CameraWishes, open_camera
from hardware.lamp import FakeLamp, GpioLamp
from hardware.pins import open_pin_factory
from hardware.watchdog import systemd_watchdog
from models.build import build_reader
from models.change import ThumbnailMeter

log = logging.getLogger(__name__)

NETWORK_JOBS = 4
"""Questions and renewals that may wait; one vehicle never has more than two."""

STATE_FILE = "lane.sqlite3"


def camera_of(camera: CameraSettings, clock: Clock, paced: bool = True) -> Camera:
    """The camera of [camera]. paced: recorded pictures come at their own times by the clock."""
    wishes = CameraWishes(camera.width_px, camera.height_px, camera.fps, camera.reconnect_longest_s, paced)
    return open_camera(camera.kind, camera.source, clock, wishes)


def reader_of(reader: ReaderSettings) -> PlateReader:
    """The plate reader of [reader]. Raises ReaderError."""
    return build_reader(reader.engine, reader.threads)


def _gpio_lamp(lamp: LampSettings, pins: Any, clock: Clock) -> Lamp:
    return GpioLamp(
        lamp.red_pin,
        lamp.green_pin,
        pins,
        clock,
        active_high=lamp.active_high,
        red_rests_lit=lamp.red_rests_lit,
    )


def _fake_lamp(lamp: LampSettings, pins: Any, clock: Clock) -> Lamp:
    return FakeLamp(clock, guarded=True)


LAMPS: dict[str, Callable[[LampSettings, Any, Clock], Lamp]] = {"gpio": _gpio_lamp, "fake": _fake_lamp}


def lamp_of(lamp: LampSettings, pins: Any, clock: Clock) -> Lamp:
    """The lamp of [lamp] on an open pin factory. Raises LampFault, SettingsError."""
    if lamp.kind not in LAMPS:
        raise SettingsError(f"unknown kind of lamp {lamp.kind!r}; there are {', '.join(LAMPS)}")
    return LAMPS[lamp.kind](lamp, pins, clock)


def needs_pins(settings: Settings) -> bool:
    """Whether any part of this lane hangs on GPIO."""
    return settings.lamp.kind == "gpio" or settings.dispenser.kind == "gpio"


def service_of(service: ServiceSettings, station: str, clock: Clock) -> HttpBalanceService:
    """The client of [service], signing with the device's key where one is named. Raises SettingsError."""
    sign = None
    if service.key_file:
        from controller.signing import DeviceKey, Signer

        sign = Signer(DeviceKey.load(Path(service.key_file)), clock)
    return HttpBalanceService(service.url, station, sign=sign, ca_file=service.ca_file or None)


def new_visit_id(lane: str, clock: Clock) -> Callable[[], str]:
    """Makes ids such as lane-1-20260105T080000-3f9ac1: sorted by time and never used before."""
    name = "".join(c if c.isascii() and c.isalnum() else "-" for c in lane)[:30]
    return lambda: f"{name}-{clock.now():%Y%m%dT%H%M%S}-{secrets.token_hex(3)}"


class LaneUnit:
    """A whole lane, built in the order of what can fail first; closed in the opposite order, each part on its own."""

    def __init__(self, settings: Settings, clock: Clock | None = None) -> None:
        self.settings = settings
        self.clock = clock or SystemClock()
        self.bell = Bell()
        self._parts = ExitStack()
        try:
            self._build()
        except BaseException:
            self._parts.close()
            raise

    def _build(self) -> None:
        settings, clock = self.settings, self.clock
        close = self._parts.callback
        pins = self._opened(open_pin_factory(settings.lamp.pins)) if needs_pins(settings) else None
        lamp = self._opened(lamp_of(settings.lamp, pins, clock))
        reader = reader_of(settings.reader)
        state = self._opened(StateFile(Path(settings.trace.state_dir) / STATE_FILE, clock))
        outbox = Outbox(state, clock)
        service = self._opened(service_of(settings.service, settings.lane.station, clock))
        self._courier = Courier(outbox, balance_senders(service), clock, random.Random(), on_death=self.bell.fail)
        close(self._courier.stop)
        self.watchdog = self._opened(systemd_watchdog(clock))
        self.runner = Runner(
            Parts(
                clock=clock,
                reader=reader,
                meter=ThumbnailMeter(),
                lamp=lamp,
                service=service,
                observer=Observers(self._observers()),
                reading=self._opened(ThreadDesk("reader", 1, self.bell.ring)),
                network=self._opened(ThreadDesk("questions", NETWORK_JOBS, self.bell.ring)),
                release=self._release(outbox),
                new_id=new_visit_id(settings.lane.name, clock),
            ),
            settings,
        )
        self.pump = self._opened(FramePump(camera_of(settings.camera, clock), self.bell.ring))
        log.info(
            "lane %s of %s: camera %s, reader %s",
            settings.lane.name,
            settings.lane.station,
            settings.camera.kind,
            reader.name,
        )

    def _observers(self) -> list[VisitObserver]:
        return []

    def _release(self, outbox: Outbox) -> Callable[[str], None]:
        def release(authorisation: str) -> None:
            outbox.put(RELEASE, authorisation, {"authorisation": authorisation})
            self._courier.wake()

        return release

    def _opened(self, part: Any) -> Any:
        self._parts.callback(part.close)
        return part

    def run(self) -> int:
        """Run until stop() or a failure; the process's exit status."""
        self._courier.start()
        return run_live(self.runner, self.pump, self.bell, self.watchdog, self.settings.lane.idle_tick_s)

    def stop(self) -> None:
        """From a signal handler or another thread: end at red."""
        self.bell.stop()

    def close(self) -> None:
        self._parts.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def set_up_logging(settings: Settings, journal: bool) -> None:
    """Logging as [log] wants it."""
    logs.set_up(settings.log.level, journal)
