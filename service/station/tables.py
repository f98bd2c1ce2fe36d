"""The tables of the station's pages: each lane's last status, its visits with pictures, and orders for its unit.

Nothing here is money: all of it may be lost or deleted without harm to the books.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Index, LargeBinary, String, Table, Text

from service.store.schema import ROW_ID, metadata

lane_statuses = Table(
    "lane_statuses",
    metadata,
    Column("station", String(40), primary_key=True),
    Column("lane", String(40), primary_key=True),
    Column("at_us", BigInteger, nullable=False),
    Column("seen_us", BigInteger, nullable=False),
    Column("body", Text, nullable=False),
)
"""at_us: the unit's own time, so that a status that was overtaken replaces nothing. seen_us: when it came."""

visit_reports = Table(
    "visit_reports",
    metadata,
    Column("station", String(40), primary_key=True),
    Column("visit", String(80), primary_key=True),
    Column("lane", String(40), nullable=False),
    Column("at_us", BigInteger, nullable=False),
    Column("first_seen_us", BigInteger, nullable=False),
    Column("over", Boolean, nullable=False),
    Column("body", Text, nullable=False),
    Column("picture", LargeBinary),
    Column("picture_us", BigInteger),
    Index(None, "station", "first_seen_us"),
    Index(None, "picture_us"),
)
"""The last report of each visit without its picture, which stands apart so that it can be deleted earlier."""

lane_orders = Table(
    "lane_orders",
    metadata,
    Column("id", ROW_ID, primary_key=True, autoincrement=False),
    Column("station", String(40), nullable=False),
    Column("lane", String(40), nullable=False),
    Column("kind", String(8), nullable=False),
    Column("body", Text, nullable=False),
    Column("made_us", BigInteger, nullable=False),
    Column("expires_us", BigInteger, nullable=False),
    Column("result", String(8)),
    Column("detail", String(200), nullable=False, server_default=""),
    Index(None, "station", "lane", "id"),
)

asked_ahead = Table(
    "asked_ahead",
    metadata,
    Column("station", String(40), primary_key=True),
    Column("plate", String(12), primary_key=True),
    Column("lane", String(40), nullable=False),
    Column("asked_us", BigInteger, nullable=False),
    Index(None, "asked_us"),
)
"""Plates that an entry camera has read, for some minutes. asked_us: by this clock, not by the unit's."""
