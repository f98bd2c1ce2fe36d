"""Vehicles, fleets, odometer rows, positions, and where stations stand; people of a fleet."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from service.migrations.rebuild import rebuild

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

ROLES = "role in ('panel', 'attendant', 'operator', 'administrator')"
ROLES_NOW = "role in ('panel', 'attendant', 'operator', 'administrator', 'fleet')"
_DATUM = "datum in ('wgs84', 'gcj02')"


def upgrade() -> None:
    for make in (_fleets, _vehicles, _odometer_rows, _positions, _known_places):
        make()
    for name, kind in (("lat_e7", sa.Integer()), ("lon_e7", sa.Integer()), ("datum", sa.String(length=5))):
        op.add_column("stations", sa.Column(name, kind, nullable=True))
    op.add_column("people", sa.Column("fleet", sa.String(length=40), nullable=True))
    if op.get_bind().dialect.name == "sqlite":
        role = f"CONSTRAINT ck_people_role CHECK ({ROLES})"
        now = (
            f"CONSTRAINT ck_people_role CHECK ({ROLES_NOW}), "
            "CONSTRAINT ck_people_fleet_role_has_fleet CHECK ((role = 'fleet') = (fleet is not null)), "
            "CONSTRAINT fk_people_fleet FOREIGN KEY(fleet) REFERENCES fleets (name)"
        )
        rebuild(op.get_bind(), "people", {role: now})
        return
    op.drop_constraint(op.f("ck_people_role"), "people", type_="check")
    op.create_check_constraint(op.f("ck_people_role"), "people", ROLES_NOW)
    op.create_check_constraint(
        op.f("ck_people_fleet_role_has_fleet"), "people", "(role = 'fleet') = (fleet is not null)"
    )
    op.create_foreign_key(op.f("fk_people_fleet"), "people", "fleets", ["fleet"], ["name"])


def _fleets() -> None:
    op.create_table(
        "fleets",
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("created_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_fleets")),
    )


def _vehicles() -> None:
    op.create_table(
        "vehicles",
        sa.Column("plate", sa.String(length=12), nullable=False),
        sa.Column("tank_ml", sa.Integer(), nullable=True),
        sa.Column("per_100km_ml", sa.Integer(), nullable=True),
        sa.Column("product", sa.String(length=20), nullable=True),
        sa.Column("fleet", sa.String(length=40), nullable=True),
        sa.Column("set_us", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("tank_ml > 0 and per_100km_ml > 0", name=op.f("ck_vehicles_above_zero")),
        sa.ForeignKeyConstraint(["fleet"], ["fleets.name"], name=op.f("fk_vehicles_fleet")),
        sa.PrimaryKeyConstraint("plate", name=op.f("pk_vehicles")),
    )
    op.create_index(op.f("ix_vehicles_fleet"), "vehicles", ["fleet"], unique=False)


def _odometer_rows() -> None:
    op.create_table(
        "odometer_rows",
        sa.Column("plate", sa.String(length=12), nullable=False),
        sa.Column("at_us", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("odometer_m", sa.BigInteger(), nullable=False),
        sa.Column("volume_ml", sa.Integer(), nullable=True),
        sa.Column("is_full", sa.Boolean(), nullable=False),
        sa.Column("added_us", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("odometer_m >= 0 and volume_ml > 0", name=op.f("ck_odometer_rows_above_zero")),
        sa.PrimaryKeyConstraint("plate", "at_us", name=op.f("pk_odometer_rows")),
    )


def _positions() -> None:
    op.create_table(
        "positions",
        sa.Column("plate", sa.String(length=12), nullable=False),
        sa.Column("at_us", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("lat_e7", sa.Integer(), nullable=False),
        sa.Column("lon_e7", sa.Integer(), nullable=False),
        sa.Column("datum", sa.String(length=5), nullable=False),
        sa.Column("odometer_m", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(_DATUM, name=op.f("ck_positions_datum")),
        sa.PrimaryKeyConstraint("plate", "at_us", name=op.f("pk_positions")),
    )


def _known_places() -> None:
    op.create_table(
        "known_places",
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("lat_e7", sa.Integer(), nullable=False),
        sa.Column("lon_e7", sa.Integer(), nullable=False),
        sa.Column("datum", sa.String(length=5), nullable=False),
        sa.Column("created_us", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(_DATUM, name=op.f("ck_known_places_datum")),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_known_places")),
    )


def downgrade() -> None:
    raise RuntimeError("the ledger only moves forward: restore a backup instead")
