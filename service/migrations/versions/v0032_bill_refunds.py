"""The counter gives bills back: cash of them leaves the drawer, and above a limit a second person confirms."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from service.migrations.rebuild import rebuild

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None

ENTRY, ENTRY_NOW = (
    "kind in ('top_up', 'refund', 'cash_payment')",
    "kind in ('top_up', 'refund', 'cash_payment', 'charge_refund')",
)
ASKED, ASKED_NOW = "kind in ('refund', 'correction')", "kind in ('refund', 'correction', 'charge_refund')"
OF_BILL = "(kind = 'charge_refund') = (bill is not null) and (bill is null) = (card is not null)"
_GUARD = "create trigger money_requests_never_update_bill before update on money_requests"


def upgrade() -> None:
    op.add_column("money_requests", sa.Column("bill", sa.String(length=40), nullable=True))
    if op.get_bind().dialect.name == "sqlite":
        _sqlite()
    else:
        _postgresql()


def _sqlite() -> None:
    bind = op.get_bind()
    rebuild(bind, "counter_entries", {ENTRY: ENTRY_NOW})
    key = "CONSTRAINT pk_money_requests PRIMARY KEY"
    now = (
        f"CONSTRAINT ck_money_requests_of_bill CHECK ({OF_BILL}), "
        "CONSTRAINT fk_money_requests_bill FOREIGN KEY(bill) REFERENCES charges (id), "
    )
    changes = {ASKED: ASKED_NOW, "card VARCHAR(40) NOT NULL": "card VARCHAR(40)", key: now + key}
    rebuild(bind, "money_requests", changes)
    op.execute(
        f"{_GUARD} when old.bill is not new.bill "
        "begin select raise(abort, 'money_requests: what is written is never changed'); end"
    )


def _postgresql() -> None:
    for table, check in (("counter_entries", ENTRY_NOW), ("money_requests", ASKED_NOW)):
        op.drop_constraint(op.f(f"ck_{table}_kind"), table, type_="check")
        op.create_check_constraint(op.f(f"ck_{table}_kind"), table, check)
    op.alter_column("money_requests", "card", existing_type=sa.String(length=40), nullable=True)
    op.create_check_constraint(op.f("ck_money_requests_of_bill"), "money_requests", OF_BILL)
    op.create_foreign_key(op.f("fk_money_requests_bill"), "money_requests", "charges", ["bill"], ["id"])
    op.execute(f"{_GUARD} for each row when (old.bill is distinct from new.bill) execute function refuse_change()")


def downgrade() -> None:
    raise RuntimeError("the ledger only moves forward: restore a backup instead")
