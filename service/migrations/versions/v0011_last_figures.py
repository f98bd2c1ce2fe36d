"""The last figures of each dispenser, against sales that do not belong to one fuelling."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("last_volume_ml", "last_own_ml"):
        op.add_column("dispensers", sa.Column(name, sa.BigInteger(), nullable=True))


def downgrade() -> None:
    raise RuntimeError("the ledger only moves forward: restore a backup instead")
