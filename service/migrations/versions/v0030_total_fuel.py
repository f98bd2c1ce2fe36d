"""What an engine says it has used since it was built, read beside the odometer."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("odometer_rows", sa.Column("total_fuel_ml", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    raise RuntimeError("the ledger only moves forward: restore a backup instead")
