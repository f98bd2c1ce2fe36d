"""Which phones are woken by push, and up to which change they have been told."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "push_subscriptions",
        sa.Column("key", sa.String(length=43), nullable=False),
        sa.Column("person", sa.String(length=40), nullable=False),
        sa.Column("endpoint", sa.String(length=1000), nullable=False),
        sa.Column("p256dh", sa.String(length=88), nullable=False),
        sa.Column("auth", sa.String(length=24), nullable=False),
        sa.Column("made_us", sa.BigInteger(), nullable=False),
        sa.Column("seen_number", sa.BigInteger(), nullable=False),
        sa.Column("next_us", sa.BigInteger(), nullable=True),
        sa.Column("failures", sa.Integer(), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(["key"], ["phone_keys.id"], name=op.f("fk_push_subscriptions_key")),
        sa.ForeignKeyConstraint(["person"], ["persons.id"], name=op.f("fk_push_subscriptions_person")),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_push_subscriptions")),
    )
    op.create_index(op.f("ix_push_subscriptions_person"), "push_subscriptions", ["person"], unique=False)


def downgrade() -> None:
    raise RuntimeError("the ledger only moves forward: restore a backup instead")
