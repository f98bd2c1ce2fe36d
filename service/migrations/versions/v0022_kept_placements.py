"""Where a refuelling was by positions that are no longer kept."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "kept_placements",
        sa.Column("plate", sa.String(length=12), nullable=False),
        sa.Column("at_us", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("fuelling", sa.String(length=120), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("station", sa.String(length=40), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.Column("kept_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("plate", "at_us", "fuelling", name=op.f("pk_kept_placements")),
    )


def downgrade() -> None:
    raise RuntimeError("the ledger only moves forward: restore a backup instead")
