"""Hours that a person proposes on their phone, for the plate's owner to confirm."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "hours_proposals",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("plate", sa.String(length=12), nullable=False),
        sa.Column("person", sa.String(length=40), nullable=False),
        sa.Column("start_min", sa.Integer(), nullable=False),
        sa.Column("end_min", sa.Integer(), nullable=False),
        sa.Column("made_us", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("decided_us", sa.BigInteger(), nullable=True),
        sa.Column("decided_by", sa.String(length=40), nullable=True),
        sa.CheckConstraint(
            "state in ('waiting', 'confirmed', 'refused', 'withdrawn')", name=op.f("ck_hours_proposals_state")
        ),
        sa.CheckConstraint(
            "start_min >= 0 and start_min < 1440 and end_min > 0 and end_min <= 1440",
            name=op.f("ck_hours_proposals_hours"),
        ),
        sa.ForeignKeyConstraint(["decided_by"], ["persons.id"], name=op.f("fk_hours_proposals_decided_by")),
        sa.ForeignKeyConstraint(["person"], ["persons.id"], name=op.f("fk_hours_proposals_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hours_proposals")),
    )
    op.create_index(op.f("ix_hours_proposals_person"), "hours_proposals", ["person"], unique=False)
    op.create_index(op.f("ix_hours_proposals_plate"), "hours_proposals", ["plate"], unique=False)


def downgrade() -> None:
    raise RuntimeError("the ledger only moves forward: restore a backup instead")
