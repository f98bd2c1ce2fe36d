"""The tables of offline answers: the versions of lists handed out, and what stations allowed by them."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Integer, String, Table, Text

from service.store.schema import metadata

offline_lists = Table(
    "offline_lists",
    metadata,
    Column("station", String(40), ForeignKey("stations.id"), primary_key=True),
    Column("version", BigInteger, primary_key=True, autoincrement=False),
    Column("issued_us", BigInteger, nullable=False),
    Column("expires_us", BigInteger, nullable=False),
    Column("entries", Integer, nullable=False),
    Column("digest", String(64), nullable=False),
)
"""One row per version; the entries themselves are made anew from the cards, the digest tells whether they changed."""

offline_grants = Table(
    "offline_grants",
    metadata,
    Column("id", String(80), primary_key=True),
    Column("visit", String(80), nullable=False),
    Column("station", String(40), ForeignKey("stations.id"), nullable=False),
    Column("lane", String(40), nullable=False),
    Column("plate", String(12), nullable=False),
    Column("typed", Boolean, nullable=False),
    Column("card", String(40), ForeignKey("cards.id")),
    Column("limit_fen", BigInteger, nullable=False),
    Column("list_version", BigInteger, nullable=False),
    Column("granted_us", BigInteger, nullable=False),
    Column("told_us", BigInteger, nullable=False),
    Column("flags", Text, nullable=False),
    Column("fuelling", BigInteger, ForeignKey("fuellings.id")),
    Column("person", String(40)),
    Column("mandate", String(40)),
    Column("period", String(11)),
    Column("captured_us", BigInteger),
    Index(None, "station", "told_us"),
    Index(None, "visit"),
)
"""What stations allowed without the service. fuelling: the first one posted under it; all else never changes.

person to captured_us: who pays by phone and why, as the station's list named them; null where a card pays."""
