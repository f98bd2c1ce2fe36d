"""PINs of persons who pay by phone, for plates that they type themselves."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("persons", sa.Column("pin_hash", sa.String(length=200), nullable=True))


def downgrade() -> None:
    raise RuntimeError("the ledger only moves forward: restore a backup instead")
