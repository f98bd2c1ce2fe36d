"""The tables of paying by a provider: what it said of plates, orders for charges, and money given back."""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, Index, Integer, String, Table, Text, text

import service.store.payer_tables  # noqa: F401 - orders name charges and persons
from service.store.schema import metadata

provider_plates = Table(
    "provider_plates",
    metadata,
    Column("provider", String(16), primary_key=True),
    Column("plate", String(12), primary_key=True),
    Column("state", String(16), nullable=False),
    Column("told_us", BigInteger, nullable=False),
    CheckConstraint("state in ('NORMAL', 'PAUSED', 'OVERDUE', 'UNAUTHORIZED')", name="state"),
)
"""What a provider said of a plate last, and when."""

payments = Table(
    "payments",
    metadata,
    Column("number", String(32), primary_key=True),
    Column("charge", String(40), ForeignKey("charges.id"), nullable=False, unique=True),
    Column("person", String(40), ForeignKey("persons.id"), nullable=False),
    Column("plate", String(12), nullable=False),
    Column("provider", String(16), nullable=False),
    Column("amount_fen", BigInteger, nullable=False),
    Column("captured_us", BigInteger, nullable=False),
    Column("made_us", BigInteger, nullable=False),
    Column("state", String(10), nullable=False),
    Column("due_us", BigInteger),
    Column("times", Integer, nullable=False),
    Column("transaction_id", String(64)),
    Column("reason", Text, nullable=False),
    Column("ended_us", BigInteger),
    CheckConstraint("amount_fen > 0", name="amount_above_zero"),
    CheckConstraint("state in ('waiting', 'accepted', 'unknown', 'paid', 'failed')", name="state"),
    CheckConstraint("(state in ('paid', 'failed')) = (ended_us is not null)", name="ended"),
    Index(None, "person", "captured_us"),
    Index(
        "ix_payments_due",
        "due_us",
        sqlite_where=text("due_us is not null"),
        postgresql_where=text("due_us is not null"),
    ),
)
"""One order for one charge, for ever. due_us: when the provider is asked next; times: how often it was."""

payment_refunds = Table(
    "payment_refunds",
    metadata,
    Column("number", String(34), primary_key=True),
    Column("payment", String(32), ForeignKey("payments.number"), nullable=False),
    Column("amount_fen", BigInteger, nullable=False),
    Column("made_us", BigInteger, nullable=False),
    Column("state", String(10), nullable=False),
    Column("due_us", BigInteger),
    Column("times", Integer, nullable=False),
    Column("reason", Text, nullable=False),
    CheckConstraint("amount_fen > 0", name="amount_above_zero"),
    CheckConstraint("state in ('waiting', 'done', 'failed')", name="state"),
    CheckConstraint("(state = 'waiting') = (due_us is not null)", name="due"),
    Index(None, "payment"),
    Index(
        "ix_payment_refunds_due",
        "due_us",
        sqlite_where=text("due_us is not null"),
        postgresql_where=text("due_us is not null"),
    ),
)
"""failed: the provider refused for good, and the money went to the person's wallet instead."""
