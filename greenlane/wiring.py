"""Builds a lane unit out of its settings: the one place that knows concrete parts."""

from __future__ import annotations

import logging
import random
import secrets
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol, TypeVar

from controller import log as logs
from controller.clock import SystemClock
from controller.clock_error import kernel_error_s
from controller.errors import SettingsError
from controller.fuelling.journal import FuellingJournal
from controller.fuelling.meter import FuellingMeter, MeteredTerminal
from controller.fuelling.open_fuelling import MeterSettings
from controller.fuelling.prices import PriceBook
from controller.fuelling.terminal import RunningFuelling
from controller.fuelling.totaliser import exact
from controller.lane import view as lane_view
from controller.loop import Bell, run_live
from controller.outbound.courier import RELEASE, Courier, balance_senders
from controller.outbound.folder_lock import FolderLock
from controller.outbound.http import HttpBalanceService
from controller.outbound.outbox import Message, Outbox
from controller.outbound.periodic import PeriodicTask
from controller.outbound.rescue import damaged_copies
from controller.outbound.statefile import StateError, StateFile, StateUse
from controller.parts import Parts
from controller.ports import Camera, Clock, Dispenser, Lamp, PlateReader
from controller.runner import Runner
from controller.settings_records import (
    CameraSettings,
    DispenserSettings,
    LampSettings,
    ReaderSettings,
    Settings,
    TraceSettings,
)
from controller.telling.metrics import LaneMetrics, exposition, gauge
from controller.telling.metrics_server import MetricsServer
from controller.telling.observers import Observers
from controller.telling.panel import LanePanel
from controller.telling.reporter import Reporter
from controller.telling.unit_messages import UnitMessages
from controller.telling.visit_reports import VisitReports
from controller.traces.recorder import TraceRecorder
from controller.traces.store import FOLDER, TraceLimits, TraceStore
from controller.watching.frames import FramePump
from controller.watching.moved_view import MovedView, leave_mark
from controller.worker import ThreadWorker
from greenlane.early_wiring import EarlyParts
from greenlane.service_clients import service_of, station_link_of
from hardware.cameras import CameraWishes, open_camera
from hardware.dispensers.gpio import DispenserWires, GpioDispenser
from hardware.dispensers.pulses import closest_edges_s
from hardware.dispensers.simulated import Customer, SimulatedDispenser
from hardware.jpeg import encode_jpeg
from hardware.lamp import FakeLamp, GpioLamp, LampWires
from hardware.pins import Pins, open_pin_factory
from hardware.resource import Resource
from hardware.watchdog import systemd_watchdog
from models.build import build_reader
from models.change import ThumbnailChangeMeter
from models.closeups import Picture
from models.reader import OnDeviceReader
from wire.spelling.address import listening_at

log = logging.getLogger(__name__)

NETWORK_JOBS = 4
"""Questions and renewals that may wait; one vehicle never has more than two."""

JOURNAL_JOBS = 4
TRACE_JOBS = 32
PRICES_EVERY_S = 600.0

STATE_FILE = "lane.sqlite3"


class Closing(Protocol):
    """A part that is closed with the lane unit."""

    def close(self) -> None: ...


Part = TypeVar("Part", bound=Closing)

OnSent = Callable[[Message, Mapping[str, object] | None], None]


def camera_of(camera: CameraSettings, clock: Clock, paced: bool = True) -> Camera:
    """The camera of [camera]. paced: recorded pictures come at their own times by the clock."""
    wishes = CameraWishes(camera.width_px, camera.height_px, camera.fps, camera.reconnect_longest_s, paced, camera.loop)
    return open_camera(camera.kind, camera.source, clock, wishes)


def reader_of(reader: ReaderSettings) -> OnDeviceReader:
    """The plate reader of [reader]. Raises ReaderError."""
    models = Path(reader.easyocr_models) if reader.easyocr_models else None
    return build_reader(reader.engine, reader.threads, models)


def _gpio_lamp(lamp: LampSettings, pins: Pins, clock: Clock) -> Lamp:
    return GpioLamp(LampWires(lamp.red_pin, lamp.green_pin, lamp.active_high, lamp.red_rests_lit), pins, clock)


def _fake_lamp(lamp: LampSettings, pins: Pins, clock: Clock) -> Lamp:
    return FakeLamp(clock, guarded=True)


LAMPS: dict[str, Callable[[LampSettings, Pins, Clock], Lamp]] = {"gpio": _gpio_lamp, "fake": _fake_lamp}


def lamp_of(lamp: LampSettings, pins: Pins, clock: Clock) -> Lamp:
    """The lamp of [lamp] on an open pin factory. Raises LampFault, SettingsError."""
    if lamp.kind not in LAMPS:
        raise SettingsError(f"unknown kind of lamp {lamp.kind!r}; there are {', '.join(LAMPS)}")
    return LAMPS[lamp.kind](lamp, pins, clock)


def needs_pins(settings: Settings) -> bool:
    """Whether any part of this lane hangs on GPIO."""
    return settings.lamp.kind == "gpio" or settings.dispenser.kind == "gpio"


def small_jpeg(image: Picture) -> bytes:
    """A visit's picture for the station's page, about 15 KB."""
    return encode_jpeg(image, longest_px=480, quality=60)


def new_visit_id(lane: str, clock: Clock) -> Callable[[], str]:
    """Makes ids such as lane-1-20260105T080000-3f9ac1: sorted by time and never used before."""
    name = "".join(c if c.isascii() and c.isalnum() else "-" for c in lane)[:30]
    return lambda: f"{name}-{clock.now():%Y%m%dT%H%M%S}-{secrets.token_hex(3)}"


def _gpio_dispenser(dispenser: DispenserSettings, pins: Pins, clock: Clock) -> Dispenser:
    wires = DispenserWires(
        dispenser.nozzle_pin,
        dispenser.pulser_pin,
        dispenser.permit_pin if dispenser.permit_pin >= 0 else None,
        debounce_s=dispenser.debounce_s,
        closest_s=closest_edges_s(dispenser.fastest_l_per_min, dispenser.pulses_per_litre),
    )
    return GpioDispenser(wires, pins, clock, name=dispenser.name)


def _simulated_dispenser(dispenser: DispenserSettings, pins: Pins, clock: Clock) -> Dispenser:
    litres = dispenser.customer_litres
    return SimulatedDispenser(
        clock,
        customer=Customer(litres) if litres > 0 else None,
        pulses_per_litre=dispenser.pulses_per_litre,
        name=dispenser.name,
    )


DISPENSERS: dict[str, Callable[[DispenserSettings, Pins, Clock], Dispenser]] = {
    "gpio": _gpio_dispenser,
    "simulated": _simulated_dispenser,
}


def dispenser_of(dispenser: DispenserSettings, pins: Pins, clock: Clock) -> Dispenser | None:
    """The dispenser of [dispenser] on an open pin factory, None for "none". Raises DispenserFault, SettingsError."""
    if dispenser.kind == "none":
        return None
    if dispenser.kind not in DISPENSERS:
        raise SettingsError(f"unknown kind of dispenser {dispenser.kind!r}; write none, {', '.join(DISPENSERS)}")
    return DISPENSERS[dispenser.kind](dispenser, pins, clock)


def state_dir_of(trace: TraceSettings) -> Path:
    """The folder of [trace] state_dir, made where it is missing. Raises SettingsError."""
    folder = Path(trace.state_dir)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SettingsError(f"trace.state_dir {folder} cannot be used: {error.strerror}") from error
    return folder


def trace_store_of(trace: TraceSettings, clock: Clock) -> TraceStore:
    """The traces of [trace]."""
    limits = TraceLimits(keep_hours=trace.keep_hours, keep_days=trace.keep_days, max_mb=trace.max_mb)
    return TraceStore(Path(trace.state_dir) / FOLDER, clock, limits)


def metrics_server_of(listen: str, text: Callable[[], str], problem: Callable[[], str | None]) -> MetricsServer:
    """On the address of [metrics]. Raises SettingsError where it cannot be listened on."""
    try:
        host, port = listening_at(listen)
    except ValueError as error:
        raise SettingsError(f"metrics.listen: {error}") from None
    return MetricsServer(host, port, text, problem)


class LaneUnit(Resource):
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
        self._opened(FolderLock(state_dir_of(settings.trace), "greenlane run"))
        pins = self._opened(open_pin_factory(settings.lamp.pins)) if needs_pins(settings) else None
        lamp = self._opened(lamp_of(settings.lamp, pins, clock))
        self.dispenser = dispenser = self._made_dispenser(pins)
        reader = reader_of(settings.reader)
        state = self._opened(StateFile(state_dir_of(settings.trace) / STATE_FILE, clock, use=StateUse.OWN))
        outbox = Outbox(state, clock)
        service = self._opened(service_of(settings.service, settings.lane.station, clock))
        prices, traces = PriceBook(state, clock, service.prices), self._recorder(reader)
        metrics, place = LaneMetrics(clock), (settings.lane.station, settings.lane.name)
        visit_reports = VisitReports(*place, clock)
        self.panel = LanePanel(*place, clock, self._running, self.bell.ring)
        self._courier = self._made_courier(outbox, service, prices, self._charged(traces, visit_reports))
        self._terminal_side = terminal = None if dispenser is None else self._terminal(dispenser, state, outbox, prices)
        self.watchdog = self._opened(systemd_watchdog(clock))
        release = self._release()
        self._early = self._opened(EarlyParts(settings, clock, service, release, self.bell.ring))
        parts = Parts(
            clock=clock,
            reader=reader,
            together=reader,
            meter=ThumbnailChangeMeter(),
            lamp=lamp,
            service=service,
            observer=Observers([traces, metrics, visit_reports, self.panel]),
            reading=self._opened(ThreadWorker("reader", 1, self.bell.ring)),
            network=self._opened(ThreadWorker("questions", NETWORK_JOBS, self.bell.ring)),
            release=release,
            new_id=new_visit_id(settings.lane.name, clock),
            terminal=terminal,
            panel=self.panel,
            early=self._early.questions,
            view_moved=self._mark_moved_view,
            clock_error=kernel_error_s,
        )
        self.runner = Runner(parts, settings)
        self._show(metrics, visit_reports, outbox)
        log.info("lane %s of %s: camera %s, reader %s", *reversed(place), settings.camera.kind, reader.name)

    def _show(self, metrics: LaneMetrics, visit_reports: VisitReports, outbox: Outbox) -> None:
        """What others see of the lane; the camera last, so that nothing comes before there is a place for it."""
        self._serve_metrics(metrics, outbox)
        self._reporter = self._made_reporter(visit_reports, outbox)
        self.pump = self._opened(FramePump(camera_of(self.settings.camera, self.clock), self.bell.ring))

    def _made_dispenser(self, pins: Pins | None) -> Dispenser | None:
        made = dispenser_of(self.settings.dispenser, pins, self.clock)
        return None if made is None else self._opened(made)

    def _made_courier(self, outbox: Outbox, service: HttpBalanceService, prices: PriceBook, on_sent: OnSent) -> Courier:
        """The worker that empties the outbox; it dies only by an error that takes the lane down."""
        metered = self.settings.dispenser.kind != "none"
        courier = Courier(
            outbox,
            balance_senders(service),
            self.clock,
            random.Random(),
            on_sent=on_sent,
            on_death=self.bell.fail,
            tasks=[PeriodicTask("prices", prices.refresh, PRICES_EVERY_S)] if metered else [],
        )
        self._parts.callback(courier.stop)
        return courier

    def _charged(self, traces: TraceRecorder, visit_reports: VisitReports) -> OnSent:
        """Tells trace, station and panel what a fuelling cost."""

        def charged(message: Message, receipt: Mapping[str, object] | None) -> None:
            traces.charged(message, receipt)
            posted = visit_reports.charged(message, receipt)
            if posted is not None:
                self.panel.charged(*posted)

        return charged

    def _running(self) -> RunningFuelling | None:
        return None if self._terminal_side is None else self._terminal_side.running

    def _made_reporter(self, visit_reports: VisitReports, outbox: Outbox) -> Reporter:
        """Tells the station's pages what happens here; it works only where [service] report wants it."""
        link = station_link_of(self.settings, self.clock)
        path = state_dir_of(self.settings.trace) / STATE_FILE
        messages = UnitMessages(outbox, self._courier.wake, lambda: len(damaged_copies(path)))
        reporter: Reporter = self._opened(Reporter(link, self.panel, visit_reports, messages, self.clock, small_jpeg))
        return reporter

    def _recorder(self, reader: PlateReader) -> TraceRecorder:
        trace = self.settings.trace
        worker: ThreadWorker[OSError | None] = self._opened(ThreadWorker("traces", TRACE_JOBS, self.bell.ring))
        return TraceRecorder(trace_store_of(trace, self.clock), worker, encode_jpeg, trace.pictures, reader.name)

    def _terminal(self, dispenser: Dispenser, state: StateFile, outbox: Outbox, prices: PriceBook) -> MeteredTerminal:
        """The dispenser's meter with its memory on disk; a fuelling that a power cut ended goes to the outbox here."""
        lane, pump, clock = self.settings.lane, self.settings.dispenser, self.clock
        journal = FuellingJournal(state, outbox, clock, random.Random(), pump.name, exact(pump.pulses_per_litre))
        if journal.interrupted is not None:
            log.warning("a fuelling of %s ended by a power cut is reported", pump.name)
        worker: ThreadWorker[StateError | None] = self._opened(ThreadWorker("journal", JOURNAL_JOBS, self.bell.ring))
        meter = FuellingMeter(
            MeterSettings(lane.station, lane.name, pump.product, pump.fastest_l_per_min, noise_ml=pump.noise_ml),
            journal,
            worker,
            clock,
            lambda: prices.unit_price(pump.product, pump.unit_price_fen_per_l),
        )
        terminal: MeteredTerminal = self._opened(MeteredTerminal(dispenser, meter, self._courier.wake))
        return terminal

    def _mark_moved_view(self, moved: MovedView) -> None:
        try:
            leave_mark(state_dir_of(self.settings.trace), moved)
        except OSError as error:
            log.error("the mark of a moved camera cannot be kept: %s", error)

    def _serve_metrics(self, metrics: LaneMetrics, outbox: Outbox) -> None:
        """On the address of [metrics], where one is named. Raises SettingsError for one that is none."""
        if not self.settings.metrics.listen:
            return

        def text() -> str:
            waiting = gauge("greenlane_lane_outbox_waiting", "Messages not sent yet.", len(outbox.waiting()))
            parked = gauge("greenlane_lane_outbox_parked", "Messages refused for good.", len(outbox.parked()))
            return exposition([*metrics.series(), waiting, parked])

        listen = self.settings.metrics.listen
        self._opened(metrics_server_of(listen, text, lambda: lane_view.problem(self.runner.state)))

    def _release(self) -> Callable[[str], None]:
        """Gives an unused authorisation back, later where the line or the disk fails; the lane never waits for it."""

        def release(authorisation: str) -> None:
            self._courier.put_soon(RELEASE, authorisation, {"authorisation": authorisation})

        return release

    def _opened(self, part: Part) -> Part:
        self._parts.callback(part.close)
        return part

    def run(self) -> int:
        """Run until stop() or a failure; the process's exit status."""
        self._courier.start()
        if self.settings.service.report:
            self._reporter.start()
        self._early.start()
        return run_live(self.runner, self.pump, self.bell, self.watchdog, self.settings.lane.idle_tick_s)

    def stop(self) -> None:
        """From a signal handler or another thread: end at red."""
        self.bell.stop()

    def close(self) -> None:
        self._parts.close()


def set_up_logging(settings: Settings, journal: bool) -> None:
    """Logging as [log] wants it."""
    logs.set_up(settings.log.level, journal)
