"""The prices in force at a station."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select

from service.store import schema
from service.store.clock import to_us
from service.store.database import Database, telling_faults
from wire.fuellings import Price


def prices_of(database: Database, station: str, now: datetime) -> list[Price] | None:
    """One price per product, by name of product; None for a station that is not set up."""
    newest = (
        select(schema.prices.c.product, schema.prices.c.unit_price_fen_per_l)
        .where(schema.prices.c.station == station, schema.prices.c.since_us <= to_us(now))
        .order_by(schema.prices.c.since_us)
    )
    with telling_faults(), database.reading() as connection:
        if connection.execute(select(1).where(schema.stations.c.id == station)).first() is None:
            return None
        found = {row.product: row.unit_price_fen_per_l for row in connection.execute(newest)}
    return [Price(product=product, unit_price_fen_per_l=found[product]) for product in sorted(found)]


def price_of(database: Database, station: str, product: str, now: datetime) -> int | None:
    """One product's price in fen per litre; None where the station has none."""
    known = prices_of(database, station, now) or ()
    return next((price.unit_price_fen_per_l for price in known if price.product == product), None)
