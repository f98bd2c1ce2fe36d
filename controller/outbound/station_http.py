"""The line to the station's pages over HTTP, on connections of its own: a question never waits for a report."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from controller.errors import ServiceFault
from controller.outbound.connections import Call, ConnectionPool, Sign
from controller.outbound.http import decoded, understood
from wire.codec import encode
from wire.live import LaneStatus, Order, OrderOutcome, OrdersWanted, VisitReport


class HttpStationLink:
    """controller.telling.reporter.StationLink over HTTP. Thread-safe.

    ca_file: certificates to trust, not the public ones.
    """

    def __init__(
        self, base_url: str, station: str, lane: str, *, sign: Sign | None = None, ca_file: str | None = None
    ) -> None:
        self._base_url = base_url.rstrip("/")
        self._place = {"station": station, "lane": lane}
        self._connections = ConnectionPool(sign, ca_file or True)

    def tell_status(self, status: LaneStatus, deadline_s: float) -> None:
        self._call("/v1/lane-status", encode(status), deadline_s)

    def tell_visit(self, report: VisitReport, deadline_s: float) -> None:
        self._call("/v1/visits", encode(report), deadline_s)

    def orders(self, done: tuple[OrderOutcome, ...], wait_s: float, deadline_s: float) -> tuple[Order, ...]:
        wanted = OrdersWanted(**self._place, wait_s=wait_s, done=done)
        answer = self._call("/v1/lane-orders", encode(wanted), deadline_s)
        if not isinstance(answer, list):
            raise ServiceFault("answer: expected a list of orders")
        return tuple(decoded(Order, entry) for entry in answer)

    def close(self) -> None:
        """Cut what is under way and close the connections. Idempotent."""
        self._connections.close()

    def _call(self, path: str, body: Mapping[str, Any], deadline_s: float) -> object:
        data = json.dumps(body, ensure_ascii=False).encode()
        return understood(self._connections.call(Call("POST", self._base_url + path, data), deadline_s))
