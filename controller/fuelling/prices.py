"""The station's prices as the service last told them, kept for times without a line."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from controller.fuelling.open_fuelling import UnitPrice
from controller.outbound.statefile import StateFile
from controller.ports import Clock
from wire.fuellings import Price

SCHEMA = (
    """CREATE TABLE IF NOT EXISTS price (
        product TEXT PRIMARY KEY,
        unit_price_fen_per_l INTEGER NOT NULL,
        told_at TEXT NOT NULL
    )""",
)


class PriceBook:
    """Prices in a state file, answered from memory. fetch asks the service within so many seconds."""

    def __init__(self, state: StateFile, clock: Clock, fetch: Callable[[float], Sequence[Price]]) -> None:
        self._state = state
        self._clock = clock
        self._fetch = fetch
        state.ensure(SCHEMA)
        rows = state.rows("SELECT product, unit_price_fen_per_l FROM price")
        self._prices: dict[str, int] = {row["product"]: row["unit_price_fen_per_l"] for row in rows}

    def unit_price(self, product: str, otherwise_fen_per_l: int) -> UnitPrice:
        """The price of a product; the one of the settings while the service has told none."""
        price_fen = self._prices.get(product)
        return UnitPrice(otherwise_fen_per_l, from_settings=True) if price_fen is None else UnitPrice(price_fen)

    def refresh(self, deadline_s: float) -> None:
        """Ask the service. Raises ClientError, StateError; the old prices stay then."""
        prices = {price.product: price.unit_price_fen_per_l for price in self._fetch(deadline_s)}
        if prices == self._prices:
            return
        told_at = self._clock.now().isoformat()
        with self._state.transaction() as connection:
            connection.execute("DELETE FROM price")
            connection.executemany("INSERT INTO price VALUES (?, ?, ?)", [(*item, told_at) for item in prices.items()])
        self._prices = prices
