"""Which phones may be woken, and up to which change of their person they have been told."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, String, Table

from service.store.schema import metadata

push_subscriptions = Table(
    "push_subscriptions",
    metadata,
    Column("key", String(43), ForeignKey("phone_keys.id"), primary_key=True),
    Column("person", String(40), ForeignKey("persons.id"), nullable=False),
    Column("endpoint", String(1000), nullable=False),
    Column("p256dh", String(88), nullable=False),
    Column("auth", String(24), nullable=False),
    Column("made_us", BigInteger, nullable=False),
    Column("seen_number", BigInteger, nullable=False),
    Column("next_us", BigInteger),
    Column("failures", Integer, nullable=False, server_default="0"),
    Index(None, "person"),
)
"""One for each phone's key. seen_number: the change of the person's topic that the phone was told of or has looked at.

next_us: not tried before; failures: how often in a row. Nothing here is needed: the inbox is the truth.
"""
