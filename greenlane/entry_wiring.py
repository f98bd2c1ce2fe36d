"""The entry camera put together: `greenlane run` with role = "entry" in lane.toml."""

from __future__ import annotations

import logging
from contextlib import ExitStack

from controller.clock import SystemClock
from controller.entrance import EntranceParts, EntranceRunner
from controller.loop import Bell, run_live
from controller.outbound.folder_lock import FolderLock
from controller.parts import Read
from controller.ports import Clock
from controller.settings_records import Settings
from controller.telling.entrance_reporter import EntranceReporter, entrance_series
from controller.telling.metrics import exposition
from controller.watching.frames import FramePump
from controller.worker import ThreadWorker
from greenlane.service_clients import ahead_link_of, station_link_of
from greenlane.wiring import camera_of, metrics_server_of, new_visit_id, reader_of, state_dir_of
from hardware.resource import Resource
from hardware.watchdog import systemd_watchdog
from models.change import ThumbnailChangeMeter

log = logging.getLogger(__name__)

SENDING_JOBS = 4


class EntryUnit(Resource):
    """A whole entry camera, closed in the opposite order of its making."""

    def __init__(self, settings: Settings, clock: Clock | None = None) -> None:
        self.settings = settings
        self.clock = clock or SystemClock()
        self.bell = Bell()
        with ExitStack() as parts:
            self._build(parts)
            self._parts = parts.pop_all()

    def _build(self, parts: ExitStack) -> None:
        settings, clock = self.settings, self.clock
        parts.callback(FolderLock(state_dir_of(settings.trace), "greenlane run").close)
        reader = reader_of(settings.reader)
        link = ahead_link_of(settings, clock)
        parts.callback(link.close)
        reading: ThreadWorker[Read] = ThreadWorker("reader", 1, self.bell.ring)
        sending: ThreadWorker[str] = ThreadWorker("ahead", SENDING_JOBS, self.bell.ring)
        parts.callback(sending.close)
        parts.callback(reading.close)
        self.watchdog = systemd_watchdog(clock)
        parts.callback(self.watchdog.close)
        new_id = new_visit_id(settings.lane.name, clock)
        made = EntranceParts(clock, reader, ThumbnailChangeMeter(), link, reading, sending, new_id)
        self.runner = EntranceRunner(made, settings)
        self.pump = FramePump(camera_of(settings.camera, clock), self.bell.ring)
        parts.callback(self.pump.close)
        if settings.service.report:
            reporter = EntranceReporter(station_link_of(settings, clock), lambda: self.runner.status, clock)
            parts.callback(reporter.close)
            reporter.start()
        if settings.metrics.listen:
            parts.callback(metrics_server_of(settings.metrics.listen, self._exposition, self._problem).close)
        place = (settings.lane.name, settings.lane.station)
        log.info("entry camera %s of %s: camera %s, reader %s", *place, settings.camera.kind, reader.name)

    def _exposition(self) -> str:
        asked, reads = self.runner.asked_ahead, self.runner.reads
        is_trusted, is_heard = self.runner.trouble is None, not self.runner.failing
        return exposition(entrance_series(asked, reads, is_trusted=is_trusted, is_heard=is_heard))

    def _problem(self) -> str | None:
        trouble = self.runner.trouble
        return None if trouble is None else f"no picture to be trusted: {trouble.value}"

    def run(self) -> int:
        """Run until stop() or a failure; the process's exit status."""
        return run_live(self.runner, self.pump, self.bell, self.watchdog, self.settings.lane.idle_tick_s)

    def stop(self) -> None:
        """From a signal handler or another thread."""
        self.bell.stop()

    def close(self) -> None:
        self._parts.close()
