"""A payer may block a plate in their hours; a pairing code may be for one more phone."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("pairing_codes", sa.Column("adds", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    op.create_table(
        "payer_blocks",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("plate", sa.String(length=12), nullable=False),
        sa.Column("person", sa.String(length=40), nullable=False),
        sa.Column("made_us", sa.BigInteger(), nullable=False),
        sa.Column("lifted_us", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["person"], ["persons.id"], name=op.f("fk_payer_blocks_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payer_blocks")),
    )
    op.create_index(op.f("ix_payer_blocks_plate"), "payer_blocks", ["plate"], unique=False)


def downgrade() -> None:
    raise RuntimeError("the ledger only moves forward: restore a backup instead")
