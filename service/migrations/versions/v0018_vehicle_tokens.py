"""Tokens by which a vehicle's phone or tracker tells where it is; of each only a hash is kept."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "vehicle_tokens",
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("plate", sa.String(length=12), nullable=False),
        sa.Column("datum", sa.String(length=5), nullable=False),
        sa.Column("created_us", sa.BigInteger(), nullable=False),
        sa.Column("revoked_us", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("datum in ('wgs84', 'gcj02')", name=op.f("ck_vehicle_tokens_datum")),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_vehicle_tokens")),
    )
    op.create_index(op.f("ix_vehicle_tokens_plate"), "vehicle_tokens", ["plate"], unique=False)


def downgrade() -> None:
    raise RuntimeError("the ledger only moves forward: restore a backup instead")
