"""Who pays by phone for what a station allowed without the service; and by which time an unsure clock was judged."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

GUARDED = (
    ("offline_grants", "payer", "person, mandate, period, captured_us"),
    ("authorisations", "judged", "judged_us"),
)


def upgrade() -> None:
    op.add_column("offline_grants", sa.Column("person", sa.String(length=40), nullable=True))
    op.add_column("offline_grants", sa.Column("mandate", sa.String(length=40), nullable=True))
    op.add_column("offline_grants", sa.Column("period", sa.String(length=11), nullable=True))
    op.add_column("offline_grants", sa.Column("captured_us", sa.BigInteger(), nullable=True))
    op.add_column("authorisations", sa.Column("judged_us", sa.BigInteger(), nullable=True))
    for table, name, columns in GUARDED:
        head = f"create trigger {table}_never_update_{name} before update of {columns} on {table}"
        if op.get_bind().dialect.name == "sqlite":
            op.execute(f"{head} begin select raise(abort, '{table}: what is written is never changed'); end")
        else:
            op.execute(f"{head} for each row execute function refuse_change()")


def downgrade() -> None:
    raise RuntimeError("the ledger only moves forward: restore a backup instead")
