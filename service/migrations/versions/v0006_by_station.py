"""Visits, dispensers and fuellings by station; what is charged without an authorisation has a cap."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from service.migrations.rebuild import rebuild

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

KEYS = (
    ("authorisations", "pk_authorisations", "PRIMARY KEY", "visit", "station, visit"),
    ("dispensers", "pk_dispensers", "PRIMARY KEY", "id", "station, id"),
    ("fuellings", "uq_fuellings_dispenser_sequence", "UNIQUE", "dispenser, sequence", "station, dispenser, sequence"),
)
"""Table, constraint, its kind, its columns before and now."""
UNIQUE_NOW = "uq_fuellings_station_dispenser_sequence"

_SUSPENDED = "update fuellings set suspended_fen = amount_fen where card is null"
_UNAUTHORISED = (
    "update fuellings set unauthorised_fen = amount_fen where card is not null and flags like '%\"uncovered\"%'"
)


def upgrade() -> None:
    op.add_column("stations", sa.Column("unauthorised_cap_fen", sa.BigInteger(), nullable=True))
    for name in ("suspended_fen", "unauthorised_fen"):
        op.add_column("fuellings", sa.Column(name, sa.BigInteger(), server_default="0", nullable=False))
    if op.get_bind().dialect.name == "sqlite":
        _sqlite()
    else:
        _postgresql()
    for name, columns in (("suspended", ["station", "id"]), ("unauthorised", ["card", "received_us"])):
        some = sa.text(f"{name}_fen > 0")
        op.create_index(
            f"ix_fuellings_{name}", "fuellings", columns, unique=False, sqlite_where=some, postgresql_where=some
        )


def _sqlite() -> None:
    connection = op.get_bind()
    trigger = connection.exec_driver_sql(
        "select sql from sqlite_master where type = 'trigger' and name = 'fuellings_never_update'"
    ).scalar_one()
    op.execute("drop trigger fuellings_never_update")
    op.execute(_SUSPENDED)
    op.execute(_UNAUTHORISED)
    connection.exec_driver_sql(trigger)
    for table, name, kind, before, now in KEYS:
        new_name = UNIQUE_NOW if kind == "UNIQUE" else name
        rebuild(connection, table, {f"CONSTRAINT {name} {kind} ({before})": f"CONSTRAINT {new_name} {kind} ({now})"})


def _postgresql() -> None:
    op.execute("alter table fuellings disable trigger fuellings_never_update")
    op.execute(_SUSPENDED)
    op.execute(_UNAUTHORISED)
    op.execute("alter table fuellings enable trigger fuellings_never_update")
    for table, name, kind, _, now in KEYS:
        new_name = UNIQUE_NOW if kind == "UNIQUE" else name
        op.execute(f"alter table {table} drop constraint {name}")
        op.execute(f"alter table {table} add constraint {new_name} {kind} ({now})")


def downgrade() -> None:
    raise RuntimeError("the ledger only moves forward: restore a backup instead")
