"""A payer who says "not me" is answered by the staff: where the vehicle stood; and a person's blocks are found."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("payer_blocks", sa.Column("station", sa.String(length=40), nullable=True))
    op.add_column("payer_blocks", sa.Column("lane", sa.String(length=40), nullable=True))
    op.add_column("payer_blocks", sa.Column("visit", sa.String(length=80), nullable=True))
    op.create_index(op.f("ix_payer_blocks_person"), "payer_blocks", ["person"], unique=False)


def downgrade() -> None:
    raise RuntimeError("the ledger only moves forward: restore a backup instead")
