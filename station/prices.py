"""A station's prices: the server's, else the last ones that it told."""

from __future__ import annotations

import json

from controller.errors import ClientError
from controller.outbound.statefile import StateError
from service.errors import Unavailable
from station.parts import StationParts
from wire.codec import WireError, decode, encode
from wire.fuellings import Price

PRICES = "prices"
"""The fact of the state file that keeps them."""


class StationPrices:
    """Thread-safe."""

    def __init__(self, parts: StationParts) -> None:
        self._upstream = parts.upstream
        self._uplink = parts.uplink
        self._facts = parts.store.facts

    def now(self, station: str, deadline_s: float) -> list[Price] | None:
        """None for another station. Raises Unavailable where the line is down and none were ever told."""
        if station != self._upstream.station:
            return None
        try:
            if self._uplink.state.up:
                self.fetch(deadline_s)
            kept = self._facts.get(PRICES)
        except ClientError:
            kept = self._facts.get(PRICES)
        except StateError as error:
            raise Unavailable(str(error)) from error
        if kept is None:
            raise Unavailable("the line is down, and no prices are known yet")
        try:
            return [decode(Price, price) for price in json.loads(kept)]
        except (ValueError, WireError) as error:
            raise Unavailable("the line is down, and the prices that were kept are damaged") from error

    def fetch(self, deadline_s: float) -> None:
        """Ask for the prices and keep them. Raises ClientError."""
        found = self._uplink.ask(self._upstream.balance.prices, deadline_s)
        text = json.dumps([encode(price) for price in found], ensure_ascii=False)
        if text != self._facts.get(PRICES):
            self._facts.keep(PRICES, text)
