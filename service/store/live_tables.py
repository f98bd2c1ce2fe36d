"""The table by which workers tell each other of changes."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, String, Table

from service.store.schema import metadata

live_changes = Table(
    "live_changes",
    metadata,
    Column("topic", String(100), primary_key=True),
    Column("number", BigInteger, nullable=False),
)
"""A counter per topic; whoever changes something adds one, and every worker sees it."""
