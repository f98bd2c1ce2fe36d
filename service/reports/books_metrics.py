"""Metrics computed from the books when they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import Connection, func, select

from service.errors import Unavailable
from service.offline.visits import conflicts_since
from service.store.clock import WallClock, to_us
from service.store.database import Database, telling_faults
from service.store.identity_tables import devices
from service.store.schema import accounts, authorisations, rejected_messages

DAY_US = 86_400 * 1_000_000


class BooksCollector(Collector):
    """Reads the books at each scrape; a database that is away, or takes nothing, shows as greenlane_database_up 0.

    health: tries to write now and then. Raises Unavailable where that fails: on a full disk everything can be read.
    """

    def __init__(self, database: Database, clock: WallClock, health: Callable[[], object]) -> None:
        self._database = database
        self._clock = clock
        self._health = health

    def collect(self) -> Iterator[Metric]:
        up = 0
        with suppress(Unavailable):
            with telling_faults(), self._database.reading() as connection:
                yield from self._read(connection)
            self._health()
            up = 1
        yield GaugeMetricFamily("greenlane_database_up", "1 when the books can be read and written.", value=up)

    def _read(self, connection: Connection) -> list[Metric]:
        now_us = to_us(self._clock.now())
        is_open = authorisations.c.state == "open"
        held = select(func.count(), func.min(authorisations.c.expires_us)).where(is_open)
        count, first_us = connection.execute(held).one()
        overdue_s = max(0, now_us - first_us) / 1e6 if first_us is not None else 0.0
        held_fen = connection.execute(select(func.coalesce(func.sum(accounts.c.debits_pending_fen), 0))).scalar_one()
        today = select(func.count()).where(rejected_messages.c.at_us > now_us - DAY_US)
        rejected = connection.execute(today).scalar_one()
        conflicts = conflicts_since(connection, now_us - DAY_US)
        enrolled = GaugeMetricFamily("greenlane_devices", "Enrolled and not revoked.", labels=["kind"])
        living = select(devices.c.kind, func.count()).where(devices.c.revoked_us.is_(None)).group_by(devices.c.kind)
        for kind, number in connection.execute(living):
            enrolled.add_metric([kind], number)
        return [
            GaugeMetricFamily("greenlane_open_holds", "Authorisations that hold money now.", value=count),
            GaugeMetricFamily("greenlane_held_fen", "Money held now, in fen.", value=float(held_fen)),
            GaugeMetricFamily("greenlane_overdue_hold_seconds", "Oldest hold beyond its expiry.", value=overdue_s),
            GaugeMetricFamily("greenlane_rejected_reports_day", "Reports refused in 24 hours.", value=rejected),
            GaugeMetricFamily(
                "greenlane_offline_conflicts_day", "Offline fuellings of 24 hours that met a change.", value=conflicts
            ),
            enrolled,
        ]
