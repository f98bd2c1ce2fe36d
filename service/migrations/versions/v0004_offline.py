"""How much may be fuelled offline, the lists handed out, and what stations allowed by them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

UNCHANGING = "id, visit, station, lane, plate, typed, card, limit_fen, list_version, granted_us, told_us, flags"
WORDS = "offline_grants: what is written is never changed"


def upgrade() -> None:
    op.add_column("stations", sa.Column("offline_fen", sa.BigInteger(), server_default="0", nullable=False))
    op.add_column("cards", sa.Column("offline_fen", sa.BigInteger(), nullable=True))
    _lists()
    _grants()
    for statement in _rules(op.get_bind().dialect.name == "sqlite"):
        op.execute(statement)


def _lists() -> None:
    op.create_table(
        "offline_lists",
        sa.Column("station", sa.String(length=40), nullable=False),
        sa.Column("version", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("issued_us", sa.BigInteger(), nullable=False),
        sa.Column("expires_us", sa.BigInteger(), nullable=False),
        sa.Column("entries", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["station"], ["stations.id"], name=op.f("fk_offline_lists_station")),
        sa.PrimaryKeyConstraint("station", "version", name=op.f("pk_offline_lists")),
    )


def _grants() -> None:
    op.create_table(
        "offline_grants",
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("visit", sa.String(length=80), nullable=False),
        sa.Column("station", sa.String(length=40), nullable=False),
        sa.Column("lane", sa.String(length=40), nullable=False),
        sa.Column("plate", sa.String(length=12), nullable=False),
        sa.Column("typed", sa.Boolean(), nullable=False),
        sa.Column("card", sa.String(length=40), nullable=True),
        sa.Column("limit_fen", sa.BigInteger(), nullable=False),
        sa.Column("list_version", sa.BigInteger(), nullable=False),
        sa.Column("granted_us", sa.BigInteger(), nullable=False),
        sa.Column("told_us", sa.BigInteger(), nullable=False),
        sa.Column("flags", sa.Text(), nullable=False),
        sa.Column("fuelling", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["station"], ["stations.id"], name=op.f("fk_offline_grants_station")),
        sa.ForeignKeyConstraint(["card"], ["cards.id"], name=op.f("fk_offline_grants_card")),
        sa.ForeignKeyConstraint(["fuelling"], ["fuellings.id"], name=op.f("fk_offline_grants_fuelling")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_offline_grants")),
    )
    by_time = op.f("ix_offline_grants_station_told_us")
    op.create_index(by_time, "offline_grants", ["station", "told_us"], unique=False)
    op.create_index(op.f("ix_offline_grants_visit"), "offline_grants", ["visit"], unique=False)


def _rules(sqlite: bool) -> list[str]:
    """Grants are added and marked with their fuelling once; nothing else about them changes."""
    events = (
        ("delete", "", "delete"),
        (f"update of {UNCHANGING}", "", "change"),
        ("update of fuelling", " when (old.fuelling is not null)", "mark"),
    )
    if sqlite:
        return [
            f"create trigger offline_grants_never_{name} before {event} on offline_grants{when} "
            f"begin select raise(abort, '{WORDS}'); end"
            for event, when, name in events
        ]
    return [
        f"create trigger offline_grants_never_{name} before {event} on offline_grants for each row{when} "
        "execute function refuse_change()"
        for event, when, name in events
    ] + [
        "create trigger offline_grants_never_truncate before truncate on offline_grants for each statement "
        "execute function refuse_change()"
    ]
