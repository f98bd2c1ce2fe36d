"""What the service tells Prometheus: requests, refusals, log-ins, and what else is shown to it at each scrape.

With several worker processes, PROMETHEUS_MULTIPROC_DIR names a folder through which they count together; it has to be
set before this module is imported.
"""

from __future__ import annotations

import os
import time

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.store.database import Database

BUCKETS_S = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
CONTENT_TYPE = CONTENT_TYPE_LATEST
GONE = "gone"
"""Status of a request whose client went away before it had an answer."""


class Metrics:
    """Counters of one process, and the exposition of all of them. Safe between threads."""

    def __init__(self, database: Database) -> None:
        self._registry = CollectorRegistry()
        self._state = CollectorRegistry()
        labels = ("method", "route", "status")
        self.requests = Counter("greenlane_requests", "Requests answered.", labels, registry=self._registry)
        self.seconds = Histogram(
            "greenlane_request_seconds", "Time to answer.", ("route",), buckets=BUCKETS_S, registry=self._registry
        )
        self._refusals = Counter(
            "greenlane_refused_signatures", "Signed routes: requests not taken.", ("flaw",), registry=self._registry
        )
        self._connections = Counter(
            "greenlane_refused_connections", "Connections not let in or dropped.", ("why",), registry=self._registry
        )
        self._logins = Counter("greenlane_logins", "Log-ins by outcome.", ("outcome",), registry=self._registry)
        self._pages = Gauge(
            "greenlane_live_waiters",
            "Pages and lane units that wait for changes.",
            registry=self._registry,
            multiprocess_mode="livesum",
        )
        self._listening: Gauge | None = None
        if not database.is_sqlite:
            words = "1 while a process that serves live pages hears PostgreSQL's notifications, 0 while it polls."
            self._listening = Gauge(
                "greenlane_live_listening", words, registry=self._registry, multiprocess_mode="livemin"
            )
            self._listening.set(1)

    def note_live(self, waiters: int, is_listening: bool) -> None:
        """How many wait in this process, and whether it hears of changes at once; without waiters it need not."""
        self._pages.set(waiters)
        if self._listening is not None:
            self._listening.set(1 if is_listening or not waiters else 0)

    def show(self, collector: Collector) -> None:
        """Add figures that are read at each scrape."""
        self._state.register(collector)

    def count_refusal(self, flaw: str) -> None:
        """flaw: one of service.identity.signed.signatures.Flaw."""
        self._refusals.labels(flaw).inc()

    def count_refused_connection(self, why: str) -> None:
        """why: "all", "address", "half_open", "slow_head", "large_head" or "slow_body"."""
        self._connections.labels(why).inc()

    def count_login(self, outcome: str) -> None:
        """outcome: "welcome", "wrong" or "throttled"."""
        self._logins.labels(outcome).inc()

    def exposition(self) -> bytes:
        """The text format that Prometheus scrapes, of CONTENT_TYPE."""
        counted = self._registry
        if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
            counted = CollectorRegistry()
            MultiProcessCollector(counted)  # type: ignore[no-untyped-call]
        return generate_latest(counted) + generate_latest(self._state)


class Measured:
    """ASGI middleware: counts and times every request under the path pattern of its route, never the path itself."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started_s = time.perf_counter()
        status = GONE

        async def note_status(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = str(message["status"])
            await send(message)

        try:
            await self._app(scope, receive, note_status)
        except Exception:
            status = "500"
            raise
        finally:
            route = getattr(scope.get("route"), "path", None) or "other"
            method = scope["method"] if scope["method"] in ("GET", "POST", "HEAD") else "other"
            self._metrics.requests.labels(method, route, status).inc()
            self._metrics.seconds.labels(route).observe(time.perf_counter() - started_s)
