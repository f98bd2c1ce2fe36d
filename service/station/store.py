"""What the station's pages know of its lanes: what units tell, what is ordered of them, and when it is forgotten."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import Connection

from service.station.lane_statuses import LaneStatuses
from service.station.orders import LaneOrders
from service.station.visit_reports import VisitReportStore
from service.store.database import Database, telling_faults
from wire.live import LaneStatus, VisitReport

SWEEP_EVERY = timedelta(minutes=10)

ReportListener = Callable[[LaneStatus | VisitReport], None]
"""Hears each status and visit as it comes; quick, and raises nothing."""


def silence(_heard: LaneStatus | VisitReport) -> None:
    """Nobody else wants to know."""


class StationStore:
    """One database's lanes, orders and visits. Safe between threads."""

    def __init__(
        self,
        database: Database,
        now: Callable[[], datetime],
        heard: ReportListener = silence,
    ) -> None:
        self.now = now
        self.lanes = LaneStatuses(database, now, heard)
        self.orders = LaneOrders(database, now, self.lanes)
        self.visits = VisitReportStore(database, now, heard, self._sweep)
        self._database = database
        self._next_sweep: datetime | None = None

    def age_s(self, moment: datetime) -> float:
        """Seconds since then, by the service's clock."""
        return (self.now() - moment).total_seconds()

    def sweep(self) -> None:
        """Delete what has been kept for too long, now."""
        self._next_sweep = None
        with telling_faults(), self._database.writing() as connection:
            self._sweep(connection)

    def _sweep(self, connection: Connection) -> None:
        now = self.now()
        # With every visit that comes, but not each time: the deletions look at every picture and order.
        if self._next_sweep is not None and now < self._next_sweep:
            return
        self._next_sweep = now + SWEEP_EVERY
        self.visits.forget_old(connection)
        self.orders.forget_old(connection)
