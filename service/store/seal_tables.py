"""The tables of the chained proof: seals over written rows, the salts of their texts, and what waits for a seal."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, String, Table, Text

from service.store.schema import ROW_ID, metadata

seals = Table(
    "seals",
    metadata,
    Column("number", ROW_ID, primary_key=True, autoincrement=False),
    Column("at_us", BigInteger, nullable=False),
    Column("sealed_rows", Text, nullable=False),
    Column("facts", String(64), nullable=False),
    Column("digest", String(64), nullable=False),
)
"""sealed_rows: JSON, by table, of [row number, first characters of the digest of its facts]. facts: the digest of all
these facts in that order. digest: of the seal before, sealed_rows and facts."""

sealed_texts = Table(
    "sealed_texts",
    metadata,
    Column("kind", String(16), primary_key=True),
    Column("row_id", BigInteger, primary_key=True, autoincrement=False),
    Column("salt", String(32)),
    Column("digest", String(64), nullable=False),
)
"""The salted digest of a sealed row's texts, where it has any; salt null: its texts were erased."""

unsealed = Table(
    "unsealed",
    metadata,
    Column("kind", String(16), primary_key=True),
    Column("row_id", BigInteger, primary_key=True, autoincrement=False),
)
"""Filled by triggers: written, and not sealed yet."""
