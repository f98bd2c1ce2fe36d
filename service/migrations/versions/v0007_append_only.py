"""No statement rewrites what is written: not by `insert or replace`, nor by a row's number; no sum, no account."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from service.migrations import append_only
from service.migrations.rebuild import rebuild

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Rows of before count as moved; a new one is not, until its own insert is done."""
    op.add_column("transfers", sa.Column("moved", sa.Integer(), server_default="1", nullable=False))
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    if is_sqlite:
        rebuild(
            op.get_bind(), "transfers", {"moved INTEGER DEFAULT '1' NOT NULL": "moved INTEGER DEFAULT '0' NOT NULL"}
        )
    else:
        op.alter_column("transfers", "moved", server_default="0")
    unmoved = sa.text("moved = 0")
    op.create_index(
        "ix_transfers_unmoved", "transfers", ["moved"], unique=False, sqlite_where=unmoved, postgresql_where=unmoved
    )
    for statement in append_only.sqlite() if is_sqlite else append_only.postgresql():
        op.execute(statement)


def downgrade() -> None:
    raise RuntimeError("the ledger only moves forward: restore a backup instead")
