"""The tables of where and how far: vehicles and fleets, odometer rows, positions, tokens and known places.

Distances are integer metres, volumes integer ml, coordinates integers of 1e-7 degree in the datum beside them.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, CheckConstraint, Column, ForeignKey, Index, Integer, String, Table, Text

from service.store.schema import metadata

fleets = Table(
    "fleets",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("created_us", BigInteger, nullable=False),
)

vehicles = Table(
    "vehicles",
    metadata,
    Column("plate", String(12), primary_key=True),
    Column("tank_ml", Integer),
    Column("per_100km_ml", Integer),
    Column("product", String(20)),
    Column("fleet", String(40), ForeignKey("fleets.name")),
    Column("set_us", BigInteger, nullable=False),
    CheckConstraint("tank_ml > 0 and per_100km_ml > 0", name="above_zero"),
    Index(None, "fleet"),
)
"""Null is what nobody has said. fleet: whose vehicle it is."""

odometer_rows = Table(
    "odometer_rows",
    metadata,
    Column("plate", String(12), primary_key=True),
    Column("at_us", BigInteger, primary_key=True, autoincrement=False),
    Column("odometer_m", BigInteger, nullable=False),
    Column("volume_ml", Integer),
    Column("is_full", Boolean, nullable=False),
    Column("added_us", BigInteger, nullable=False),
    Column("total_fuel_ml", BigInteger),
    CheckConstraint("odometer_m >= 0 and volume_ml > 0", name="above_zero"),
)
"""volume_ml: fuel taken then, null for a plain reading; is_full: to the top; total_fuel_ml: the engine's own count."""

positions = Table(
    "positions",
    metadata,
    Column("plate", String(12), primary_key=True),
    Column("at_us", BigInteger, primary_key=True, autoincrement=False),
    Column("lat_e7", Integer, nullable=False),
    Column("lon_e7", Integer, nullable=False),
    Column("datum", String(5), nullable=False),
    Column("odometer_m", BigInteger),
    CheckConstraint("datum in ('wgs84', 'gcj02')", name="datum"),
)
"""As they came, so that a datum that was given wrongly can be told from a place that is wrong."""

vehicle_tokens = Table(
    "vehicle_tokens",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    Column("plate", String(12), nullable=False),
    Column("datum", String(5), nullable=False),
    Column("created_us", BigInteger, nullable=False),
    Column("revoked_us", BigInteger),
    CheckConstraint("datum in ('wgs84', 'gcj02')", name="datum"),
    Index(None, "plate"),
)
"""Who may tell where a vehicle is; of long random values a SHA-256 is enough. datum: of what the holder sends."""

known_places = Table(
    "known_places",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("lat_e7", Integer, nullable=False),
    Column("lon_e7", Integer, nullable=False),
    Column("datum", String(5), nullable=False),
    Column("created_us", BigInteger, nullable=False),
    CheckConstraint("datum in ('wgs84', 'gcj02')", name="datum"),
)
"""Stations of others; where our own stand is in the stations themselves."""

kept_placements = Table(
    "kept_placements",
    metadata,
    Column("plate", String(12), primary_key=True),
    Column("at_us", BigInteger, primary_key=True, autoincrement=False),
    Column("fuelling", String(120), primary_key=True),
    Column("status", String(16), nullable=False),
    Column("station", String(40)),
    Column("reason", Text),
    Column("evidence", Text, nullable=False),
    Column("kept_us", BigInteger, nullable=False),
)
"""Where a refuelling was by positions that are forgotten. fuelling: "" for a row of the odometer. evidence: JSON."""
