"""The tables of the counter: shifts, what was taken in and paid out in them, and what waits for a second person."""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, Index, String, Table, Text, text

import service.store.identity_tables  # noqa: F401 - shifts refer to people
from service.store.schema import ROW_ID, metadata

_OPEN = text("closed_us is null")

shifts = Table(
    "shifts",
    metadata,
    Column("id", ROW_ID, primary_key=True, autoincrement=False),
    Column("station", String(40), ForeignKey("stations.id"), nullable=False),
    Column("cashier", String(40), ForeignKey("people.name"), nullable=False),
    Column("opened_us", BigInteger, nullable=False),
    Column("float_fen", BigInteger, nullable=False),
    Column("closed_us", BigInteger),
    Column("expected_fen", BigInteger),
    Column("counted_fen", BigInteger),
    Column("note", Text, nullable=False),
    CheckConstraint("float_fen >= 0 and counted_fen >= 0", name="cash_not_below_zero"),
    CheckConstraint(
        "(closed_us is null) = (counted_fen is null) and (closed_us is null) = (expected_fen is null)",
        name="closed_is_counted",
    ),
    Index("ix_shifts_open", "cashier", unique=True, sqlite_where=_OPEN, postgresql_where=_OPEN),
    Index(None, "station"),
)
"""float_fen: cash in the drawer at its beginning. A person has one open shift at most; a closed one never changes."""

counter_entries = Table(
    "counter_entries",
    metadata,
    Column("key", String(120), primary_key=True),
    Column("shift", BigInteger, ForeignKey("shifts.id"), nullable=False),
    Column("at_us", BigInteger, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("subject", String(40), nullable=False),
    Column("amount_fen", BigInteger, nullable=False),
    Column("method", String(8), nullable=False),
    Column("note", Text, nullable=False),
    CheckConstraint("amount_fen > 0", name="amount_above_zero"),
    CheckConstraint("kind in ('top_up', 'refund', 'cash_payment', 'charge_refund')", name="kind"),
    CheckConstraint("method in ('cash', 'scan', 'bank')", name="method"),
    Index(None, "shift"),
)
"""What was posted from the counter, written in one transaction with the transfer of the same key and kind.

subject: the card, of cash_payment and charge_refund the charge. Only ever added to.
"""

money_requests = Table(
    "money_requests",
    metadata,
    Column("key", String(120), primary_key=True),
    Column("station", String(40), ForeignKey("stations.id"), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("card", String(40), ForeignKey("cards.id")),
    Column("amount_fen", BigInteger, nullable=False),
    Column("method", String(8), nullable=False),
    Column("note", Text, nullable=False),
    Column("asked_by", String(40), ForeignKey("people.name"), nullable=False),
    Column("asked_us", BigInteger, nullable=False),
    Column("state", String(10), nullable=False),
    Column("decided_by", String(40), ForeignKey("people.name")),
    Column("decided_us", BigInteger),
    Column("bill", String(40), ForeignKey("charges.id")),
    CheckConstraint("kind in ('refund', 'correction', 'charge_refund')", name="kind"),
    CheckConstraint(
        "(kind = 'charge_refund') = (bill is not null) and (bill is null) = (card is not null)", name="of_bill"
    ),
    CheckConstraint("state in ('waiting', 'confirmed', 'declined')", name="state"),
    CheckConstraint("(state = 'waiting') = (decided_by is null)", name="decided"),
    CheckConstraint("state <> 'confirmed' or decided_by <> asked_by", name="two_persons"),
    Index(None, "station", "state"),
)
"""Refunds, of cards and of bills, and corrections above the station's limit: nobody confirms their own."""
