"""What the central control tells Prometheus, read at each scrape."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from service.errors import Unavailable
from service.station.overview.control_view import CentralControl, ControlView


class StationMetrics(Collector):
    """Only greenlane_station_disk_up, as 0, while the station's own disk can't be read; 0 too while it takes nothing.

    health: tries to write now and then. Raises Unavailable where that fails.
    """

    def __init__(self, control: CentralControl, now: Callable[[], datetime], health: Callable[[], object]) -> None:
        self._control = control
        self._now = now
        self._health = health

    def collect(self) -> Iterator[Metric]:
        up = 0
        with suppress(Unavailable):
            view, conflicts = self._control.view(), self._control.conflicts()
            yield from self._figures(view, len(conflicts))
            self._health()
            up = 1
        yield GaugeMetricFamily("greenlane_station_disk_up", "1 when the station's own files can be used.", value=up)

    def _figures(self, view: ControlView, conflicts: int) -> Iterator[Metric]:
        left_s = 0.0 if view.list_until is None else (view.list_until - self._now()).total_seconds()
        figures = (
            ("line_up", "1 while the server answers.", float(view.line_up)),
            ("line_seconds", "Since the line went up or down.", (self._now() - view.since).total_seconds()),
            ("exposure_fen", "Allowed offline and not yet with the server, in fen.", view.exposure_fen),
            ("cap_fen", "What the exposure never exceeds, in fen.", view.cap_fen),
            ("open_grants", "Offline authorisations that nothing was fuelled under yet.", view.open_grants),
            ("list_usable", "1 while plates of the offline list may be allowed.", float(view.list_problem is None)),
            ("list_refused", "1 when the newest list was not taken.", float(view.list_refused is not None)),
            ("list_left_seconds", "Until the offline list expires.", left_s),
            ("waiting", "Messages on their way to the server.", view.waiting),
            ("parked", "Messages that the server refused for good.", len(view.parked)),
            ("conflicts", "Offline fuellings of 30 days that met a change, at most 20.", conflicts),
        )
        for name, words, value in figures:
            yield GaugeMetricFamily(f"greenlane_station_{name}", words, value=value)
