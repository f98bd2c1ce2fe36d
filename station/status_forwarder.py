"""Tells the server's pages what the lanes tell: the latest of each lane and visit, as well as it goes."""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from dataclasses import replace

from controller.errors import ClientError, Rejected
from controller.outbound.station_http import HttpStationLink
from station.uplink import Uplink
from wire.live import LaneStatus, VisitReport

log = logging.getLogger(__name__)

MOST_WAITING = 500
"""Statuses and visits; beyond these the oldest are dropped."""
DEADLINE_S = 5.0
PAUSE_S = 1.0


class StatusForwarder:
    """tell() from any thread; one worker sends. close() is idempotent."""

    def __init__(self, link: HttpStationLink, uplink: Uplink) -> None:
        self._link = link
        self._uplink = uplink
        self._lock = threading.Lock()
        self._waiting: OrderedDict[tuple[str, str], LaneStatus | VisitReport] = OrderedDict()
        self._woken = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="status forwarder", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self._stopping.set()
        self._woken.set()
        if self._thread.is_alive():
            self._thread.join(5.0)

    def tell(self, report: LaneStatus | VisitReport) -> None:
        """Have this sent, instead of an earlier one about the same that still waits."""
        key = ("status", report.lane) if isinstance(report, LaneStatus) else ("visit", report.visit)
        with self._lock:
            self._waiting[key] = _with_picture(report, self._waiting.get(key))
            if len(self._waiting) > MOST_WAITING:
                self._waiting.popitem(last=False)
        self._woken.set()

    def send_one(self) -> bool:
        """Send what waits longest; False when nothing does or the line is down. Raises ClientError; it waits on."""
        if not self._uplink.state.up:
            return False
        with self._lock:
            if not self._waiting:
                return False
            key, report = self._waiting.popitem(last=False)
        try:
            if isinstance(report, LaneStatus):
                self._link.tell_status(report, DEADLINE_S)
            else:
                self._link.tell_visit(report, DEADLINE_S)
        except Rejected as error:
            log.warning("what a lane told is not taken by the server: %s", error)
        except ClientError:
            with self._lock:
                self._waiting.setdefault(key, report)
            raise
        return True

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._woken.wait(PAUSE_S)
            self._woken.clear()
            try:
                while not self._stopping.is_set() and self.send_one():
                    pass
            except ClientError:
                self._stopping.wait(PAUSE_S)
            except Exception:
                log.exception("status forwarder: one report is not passed on")


def _with_picture(
    report: LaneStatus | VisitReport, before: LaneStatus | VisitReport | None
) -> LaneStatus | VisitReport:
    """A report without a picture does not take away the one that still waits."""
    if isinstance(report, VisitReport) and isinstance(before, VisitReport) and report.picture is None:
        return replace(report, picture=before.picture)
    return report
