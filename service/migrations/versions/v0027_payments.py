"""Paying by a provider: what it says of plates, orders and refunds that are never used twice, and its account."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

ORDERED = "number, charge, person, plate, provider, amount_fen, captured_us, made_us"
GIVEN_BACK = "number, payment, amount_fen, made_us"
GUARDS = (
    ("payments", "never_delete", "before delete", ""),
    ("payments", "never_change", f"before update of {ORDERED}", ""),
    ("payments", "never_unpaid", "before update of state", "old.state = 'paid' and new.state <> 'paid'"),
    ("payment_refunds", "never_delete", "before delete", ""),
    ("payment_refunds", "never_change", f"before update of {GIVEN_BACK}", ""),
    ("payment_refunds", "never_again", "before update of state", "old.state <> 'waiting'"),
    ("authorisations", "never_update_provider", "before update of provider", ""),
)

REPLACED = (
    ("payments", "number = new.number or charge = new.charge or rowid = new.rowid"),
    ("payment_refunds", "number = new.number or rowid = new.rowid"),
)
"""SQLite's `insert or replace` deletes without a word to the triggers above."""


def upgrade() -> None:
    op.execute("insert into accounts (id, kind, owner) values (4, 'provider', '')")
    op.add_column("persons", sa.Column("pays_by", sa.String(length=16), server_default="wallet", nullable=False))
    op.add_column("authorisations", sa.Column("provider", sa.String(length=16), nullable=True))
    for make in (_provider_plates, _payments, _refunds):
        make()
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    for table, name, event, when in GUARDS:
        op.execute(_guard(table, name, event, when, is_sqlite))
    for table, taken in REPLACED if is_sqlite else ():
        op.execute(
            _guard(table, "never_replace", "before insert", f"exists (select 1 from {table} where {taken})", True)
        )


def _guard(table: str, name: str, event: str, when: str, is_sqlite: bool) -> str:
    head = f"create trigger {table}_{name} {event} on {table}"
    if is_sqlite:
        condition = f"when {when} " if when else ""
        return f"{head} {condition}begin select raise(abort, '{table}: what is written is never changed'); end"
    condition = f"when ({when}) " if when else ""
    return f"{head} for each row {condition}execute function refuse_change()"


def _provider_plates() -> None:
    op.create_table(
        "provider_plates",
        sa.Column("provider", sa.String(length=16), nullable=False),
        sa.Column("plate", sa.String(length=12), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("told_us", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "state in ('NORMAL', 'PAUSED', 'OVERDUE', 'UNAUTHORIZED')", name=op.f("ck_provider_plates_state")
        ),
        sa.PrimaryKeyConstraint("provider", "plate", name=op.f("pk_provider_plates")),
    )


def _payments() -> None:
    op.create_table(
        "payments",
        sa.Column("number", sa.String(length=32), nullable=False),
        sa.Column("charge", sa.String(length=40), nullable=False),
        sa.Column("person", sa.String(length=40), nullable=False),
        sa.Column("plate", sa.String(length=12), nullable=False),
        sa.Column("provider", sa.String(length=16), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("captured_us", sa.BigInteger(), nullable=False),
        sa.Column("made_us", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("due_us", sa.BigInteger(), nullable=True),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.Column("transaction_id", sa.String(length=64), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("ended_us", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("amount_fen > 0", name=op.f("ck_payments_amount_above_zero")),
        sa.CheckConstraint(
            "state in ('waiting', 'accepted', 'unknown', 'paid', 'failed')", name=op.f("ck_payments_state")
        ),
        sa.CheckConstraint("(state in ('paid', 'failed')) = (ended_us is not null)", name=op.f("ck_payments_ended")),
        sa.ForeignKeyConstraint(["charge"], ["charges.id"], name=op.f("fk_payments_charge")),
        sa.ForeignKeyConstraint(["person"], ["persons.id"], name=op.f("fk_payments_person")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_payments")),
        sa.UniqueConstraint("charge", name=op.f("uq_payments_charge")),
    )
    due = sa.text("due_us is not null")
    op.create_index("ix_payments_due", "payments", ["due_us"], unique=False, sqlite_where=due, postgresql_where=due)
    op.create_index(op.f("ix_payments_person_captured_us"), "payments", ["person", "captured_us"], unique=False)


def _refunds() -> None:
    op.create_table(
        "payment_refunds",
        sa.Column("number", sa.String(length=34), nullable=False),
        sa.Column("payment", sa.String(length=32), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("made_us", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("due_us", sa.BigInteger(), nullable=True),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.CheckConstraint("amount_fen > 0", name=op.f("ck_payment_refunds_amount_above_zero")),
        sa.CheckConstraint("state in ('waiting', 'done', 'failed')", name=op.f("ck_payment_refunds_state")),
        sa.CheckConstraint("(state = 'waiting') = (due_us is not null)", name=op.f("ck_payment_refunds_due")),
        sa.ForeignKeyConstraint(["payment"], ["payments.number"], name=op.f("fk_payment_refunds_payment")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_payment_refunds")),
    )
    due = sa.text("due_us is not null")
    op.create_index(
        "ix_payment_refunds_due",
        "payment_refunds",
        ["due_us"],
        unique=False,
        sqlite_where=due,
        postgresql_where=due,
    )
    op.create_index(op.f("ix_payment_refunds_payment"), "payment_refunds", ["payment"], unique=False)


def downgrade() -> None:
    raise RuntimeError("the ledger only moves forward: restore a backup instead")
