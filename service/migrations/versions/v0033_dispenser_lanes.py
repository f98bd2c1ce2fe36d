"""A dispenser belongs to a lane: each to the one that fuelled under it last."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None

_BOUND = """
insert into dispenser_lanes (station, dispenser, lane, after_sequence, bound_us, fuelling)
select f.station, f.dispenser, f.lane, d.last_sequence, f.received_us, f.id
from dispensers d
join fuellings f on f.station = d.station and f.dispenser = d.id and f.sequence = d.last_sequence
"""


def upgrade() -> None:
    op.create_table(
        "dispenser_lanes",
        sa.Column("station", sa.String(length=40), nullable=False),
        sa.Column("dispenser", sa.String(length=40), nullable=False),
        sa.Column("lane", sa.String(length=40), nullable=False),
        sa.Column("after_sequence", sa.BigInteger(), nullable=False),
        sa.Column("bound_us", sa.BigInteger(), nullable=False),
        sa.Column("fuelling", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["fuelling"], ["fuellings.id"], name=op.f("fk_dispenser_lanes_fuelling")),
        sa.ForeignKeyConstraint(["station"], ["stations.id"], name=op.f("fk_dispenser_lanes_station")),
        sa.PrimaryKeyConstraint("station", "dispenser", "lane", name=op.f("pk_dispenser_lanes")),
    )
    op.execute(_BOUND)


def downgrade() -> None:
    raise RuntimeError("the ledger only moves forward: restore a backup instead")
