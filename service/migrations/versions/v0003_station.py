"""What lane units tell about themselves and their visits, and the orders people give them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "lane_statuses",
        sa.Column("station", sa.String(length=40), nullable=False),
        sa.Column("lane", sa.String(length=40), nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("seen_us", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("station", "lane", name=op.f("pk_lane_statuses")),
    )
    _visits()
    _orders()
    op.create_table(
        "live_changes",
        sa.Column("topic", sa.String(length=100), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("topic", name=op.f("pk_live_changes")),
    )


def _visits() -> None:
    op.create_table(
        "visit_reports",
        sa.Column("station", sa.String(length=40), nullable=False),
        sa.Column("visit", sa.String(length=80), nullable=False),
        sa.Column("lane", sa.String(length=40), nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("first_seen_us", sa.BigInteger(), nullable=False),
        sa.Column("over", sa.Boolean(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("picture", sa.LargeBinary(), nullable=True),
        sa.Column("picture_us", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("station", "visit", name=op.f("pk_visit_reports")),
    )
    by_time = op.f("ix_visit_reports_station_first_seen_us")
    op.create_index(by_time, "visit_reports", ["station", "first_seen_us"], unique=False)
    op.create_index(op.f("ix_visit_reports_picture_us"), "visit_reports", ["picture_us"], unique=False)


def _orders() -> None:
    op.create_table(
        "lane_orders",
        sa.Column("id", ROW_ID, autoincrement=False, nullable=False),
        sa.Column("station", sa.String(length=40), nullable=False),
        sa.Column("lane", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("made_us", sa.BigInteger(), nullable=False),
        sa.Column("expires_us", sa.BigInteger(), nullable=False),
        sa.Column("result", sa.String(length=8), nullable=True),
        sa.Column("detail", sa.String(length=200), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lane_orders")),
    )
    op.create_index(op.f("ix_lane_orders_station_lane_id"), "lane_orders", ["station", "lane", "id"], unique=False)
