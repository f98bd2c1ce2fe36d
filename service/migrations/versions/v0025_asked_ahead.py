"""Plates that an entry camera read before their vehicles stood at a pump."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "asked_ahead",
        sa.Column("station", sa.String(length=40), nullable=False),
        sa.Column("plate", sa.String(length=12), nullable=False),
        sa.Column("lane", sa.String(length=40), nullable=False),
        sa.Column("asked_us", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("station", "plate", name=op.f("pk_asked_ahead")),
    )
    op.create_index(op.f("ix_asked_ahead_asked_us"), "asked_ahead", ["asked_us"], unique=False)


def downgrade() -> None:
    raise RuntimeError("the ledger only moves forward: restore a backup instead")
