"""Sessions of panels that are devices: a browser with a key of its own instead of an account."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "device_sessions",
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("key_id", sa.String(length=43), nullable=False),
        sa.Column("csrf", sa.String(length=64), nullable=False),
        sa.Column("created_us", sa.BigInteger(), nullable=False),
        sa.Column("seen_us", sa.BigInteger(), nullable=False),
        sa.Column("source", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["key_id"], ["device_keys.key_id"], name=op.f("fk_device_sessions_key_id")),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_device_sessions")),
    )
    op.create_index(op.f("ix_device_sessions_key_id"), "device_sessions", ["key_id"], unique=False)


def downgrade() -> None:
    raise RuntimeError("the ledger only moves forward: restore a backup instead")
