"""Typed plates: what they need where nothing was read, PINs of cards, and what was seen beside what was typed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

SEEN = "seen, seen_certain, confirmed_by"
WORDS = "authorisations: what is written is never changed"


def upgrade() -> None:
    for table in ("stations", "cards", "plates"):
        op.add_column(table, sa.Column("typed_rule", sa.String(length=12), nullable=True))
    op.add_column("cards", sa.Column("pin_hash", sa.String(length=200), nullable=True))
    op.add_column("authorisations", sa.Column("seen", sa.String(length=12), nullable=True))
    op.add_column("authorisations", sa.Column("seen_certain", sa.Boolean(), nullable=True))
    op.add_column("authorisations", sa.Column("confirmed_by", sa.String(length=80), nullable=True))
    head = f"create trigger authorisations_never_update_seen before update of {SEEN} on authorisations"
    if op.get_bind().dialect.name == "sqlite":
        op.execute(f"{head} begin select raise(abort, '{WORDS}'); end")
    else:
        op.execute(f"{head} for each row execute function refuse_change()")


def downgrade() -> None:
    raise RuntimeError("the ledger only moves forward: restore a backup instead")
