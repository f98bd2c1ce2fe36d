"""A plate's owner may be a fleet."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from service.migrations.rebuild import rebuild

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

_ONE_OWNER = "owner is null or fleet is null"


def upgrade() -> None:
    op.add_column("plate_payers", sa.Column("fleet", sa.String(length=40), nullable=True))
    if op.get_bind().dialect.name == "sqlite":
        key = "CONSTRAINT pk_plate_payers PRIMARY KEY (plate)"
        now = (
            f"CONSTRAINT ck_plate_payers_one_owner CHECK ({_ONE_OWNER}), "
            "CONSTRAINT fk_plate_payers_fleet FOREIGN KEY(fleet) REFERENCES fleets (name), "
        )
        rebuild(op.get_bind(), "plate_payers", {key: now + key})
    else:
        op.create_check_constraint(op.f("ck_plate_payers_one_owner"), "plate_payers", _ONE_OWNER)
        op.create_foreign_key(op.f("fk_plate_payers_fleet"), "plate_payers", "fleets", ["fleet"], ["name"])
    op.create_index(op.f("ix_plate_payers_fleet"), "plate_payers", ["fleet"], unique=False)


def downgrade() -> None:
    raise RuntimeError("the ledger only moves forward: restore a backup instead")
