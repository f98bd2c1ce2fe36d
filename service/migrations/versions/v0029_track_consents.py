"""Whether a driver lets the fleet see the positions of their own hours."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "track_consents",
        sa.Column("plate", sa.String(length=12), nullable=False),
        sa.Column("person", sa.String(length=40), nullable=False),
        sa.Column("fleet", sa.String(length=40), nullable=False),
        sa.Column("agreed_us", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("withdrawn_us", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["fleet"], ["fleets.name"], name=op.f("fk_track_consents_fleet")),
        sa.ForeignKeyConstraint(["person"], ["persons.id"], name=op.f("fk_track_consents_person")),
        sa.PrimaryKeyConstraint("plate", "person", "fleet", "agreed_us", name=op.f("pk_track_consents")),
    )
    op.create_index(op.f("ix_track_consents_person"), "track_consents", ["person"], unique=False)


def downgrade() -> None:
    raise RuntimeError("the ledger only moves forward: restore a backup instead")
