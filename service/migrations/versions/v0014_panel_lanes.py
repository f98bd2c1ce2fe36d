"""A panel's account is bound to its lane; accounts of before keep working, bound to none."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("people", sa.Column("lane", sa.String(length=40), nullable=True))


def downgrade() -> None:
    raise RuntimeError("the ledger only moves forward: restore a backup instead")
