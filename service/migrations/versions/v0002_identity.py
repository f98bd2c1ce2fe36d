"""Devices with keys, people with sessions, and the buckets that slow guessing."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _devices()
    _people()
    op.create_table(
        "throttles",
        sa.Column("bucket", sa.String(length=160), nullable=False),
        sa.Column("tokens", sa.Float(precision=53), nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("bucket", name=op.f("pk_throttles")),
    )
    op.create_index(op.f("ix_throttles_at_us"), "throttles", ["at_us"], unique=False)


def _devices() -> None:
    op.create_table(
        "devices",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("station", sa.String(length=40), nullable=False),
        sa.Column("lane", sa.String(length=40), nullable=True),
        sa.Column("enrolled_us", sa.BigInteger(), nullable=False),
        sa.Column("revoked_us", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("kind in ('lane', 'panel', 'station')", name=op.f("ck_devices_kind")),
        sa.CheckConstraint("(kind = 'station') = (lane is null)", name=op.f("ck_devices_only_stations_have_no_lane")),
        sa.ForeignKeyConstraint(["station"], ["stations.id"], name=op.f("fk_devices_station")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_devices")),
    )
    op.create_index(op.f("ix_devices_station_kind"), "devices", ["station", "kind"], unique=False)
    op.create_table(
        "device_keys",
        sa.Column("key_id", sa.String(length=43), nullable=False),
        sa.Column("device", sa.String(length=40), nullable=False),
        sa.Column("public_key", sa.String(length=44), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("added_us", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("state in ('waiting', 'active', 'retired')", name=op.f("ck_device_keys_state")),
        sa.ForeignKeyConstraint(["device"], ["devices.id"], name=op.f("fk_device_keys_device")),
        sa.PrimaryKeyConstraint("key_id", name=op.f("pk_device_keys")),
    )
    op.create_index(op.f("ix_device_keys_device"), "device_keys", ["device"], unique=False)
    op.create_table(
        "enrolment_codes",
        sa.Column("code_hash", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("station", sa.String(length=40), nullable=False),
        sa.Column("lane", sa.String(length=40), nullable=True),
        sa.Column("replaces", sa.Boolean(), nullable=False),
        sa.Column("expires_us", sa.BigInteger(), nullable=False),
        sa.Column("used_by_key", sa.String(length=43), nullable=True),
        sa.ForeignKeyConstraint(["station"], ["stations.id"], name=op.f("fk_enrolment_codes_station")),
        sa.PrimaryKeyConstraint("code_hash", name=op.f("pk_enrolment_codes")),
    )
    op.create_table(
        "nonces",
        sa.Column("key_id", sa.String(length=43), nullable=False),
        sa.Column("nonce", sa.String(length=64), nullable=False),
        sa.Column("forget_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("key_id", "nonce", name=op.f("pk_nonces")),
    )
    op.create_index(op.f("ix_nonces_forget_us"), "nonces", ["forget_us"], unique=False)


def _people() -> None:
    op.create_table(
        "people",
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("station", sa.String(length=40), nullable=True),
        sa.Column("created_us", sa.BigInteger(), nullable=False),
        sa.Column("disabled_us", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("role in ('panel', 'attendant', 'operator', 'administrator')", name=op.f("ck_people_role")),
        sa.ForeignKeyConstraint(["station"], ["stations.id"], name=op.f("fk_people_station")),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_people")),
    )
    op.create_table(
        "sessions",
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("person", sa.String(length=40), nullable=False),
        sa.Column("csrf", sa.String(length=64), nullable=False),
        sa.Column("created_us", sa.BigInteger(), nullable=False),
        sa.Column("seen_us", sa.BigInteger(), nullable=False),
        sa.Column("source", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["person"], ["people.name"], name=op.f("fk_sessions_person")),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_sessions")),
    )
    op.create_index(op.f("ix_sessions_person"), "sessions", ["person"], unique=False)
    op.create_table(
        "known_browsers",
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("person", sa.String(length=40), nullable=False),
        sa.Column("expires_us", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["person"], ["people.name"], name=op.f("fk_known_browsers_person")),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_known_browsers")),
    )
    op.create_index(op.f("ix_known_browsers_person"), "known_browsers", ["person"], unique=False)


def downgrade() -> None:
    raise RuntimeError("the ledger only moves forward: restore a backup instead")
