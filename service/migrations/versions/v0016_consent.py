"""What a person agreed to when a phone was paired."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

WORDS = "phone_keys: what is written is never changed"


def upgrade() -> None:
    op.add_column("phone_keys", sa.Column("consent", sa.String(length=20), nullable=True))
    head = "create trigger phone_keys_never_update_consent before update of consent on phone_keys"
    if op.get_bind().dialect.name == "sqlite":
        op.execute(f"{head} begin select raise(abort, '{WORDS}'); end")
    else:
        op.execute(f"{head} for each row execute function refuse_change()")


def downgrade() -> None:
    raise RuntimeError("the ledger only moves forward: restore a backup instead")
