"""Finds the disputed charge of a visit, whose picture is kept until it is resolved."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    disputed = sa.text("state = 'disputed'")
    op.create_index(
        "ix_charges_disputed", "charges", ["station", "visit"], sqlite_where=disputed, postgresql_where=disputed
    )


def downgrade() -> None:
    raise RuntimeError("the ledger only moves forward: restore a backup instead")
