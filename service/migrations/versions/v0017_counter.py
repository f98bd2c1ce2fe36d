"""Cashiers, their shifts and what they took in and paid out; a second person; the account of cash over or short."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from service.migrations.rebuild import rebuild

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

ROLES = "role in ('panel', 'attendant', 'operator', 'administrator', 'fleet')"
ROLES_NOW = "role in ('panel', 'attendant', 'cashier', 'operator', 'administrator', 'fleet')"
_STAYS = "what is written is never changed"


def upgrade() -> None:
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    if is_sqlite:
        rebuild(op.get_bind(), "people", {ROLES: ROLES_NOW})
    else:
        op.drop_constraint(op.f("ck_people_role"), "people", type_="check")
        op.create_check_constraint(op.f("ck_people_role"), "people", ROLES_NOW)
    op.add_column("stations", sa.Column("second_person_fen", sa.BigInteger(), server_default="100000", nullable=True))
    op.execute("insert into accounts (id, kind, owner) values (3, 'over_short', '')")
    for make in (_shifts, _entries, _requests):
        make()
    for statement in _guards(is_sqlite):
        op.execute(statement)


def _shifts() -> None:
    op.create_table(
        "shifts",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("station", sa.String(length=40), nullable=False),
        sa.Column("cashier", sa.String(length=40), nullable=False),
        sa.Column("opened_us", sa.BigInteger(), nullable=False),
        sa.Column("float_fen", sa.BigInteger(), nullable=False),
        sa.Column("closed_us", sa.BigInteger(), nullable=True),
        sa.Column("expected_fen", sa.BigInteger(), nullable=True),
        sa.Column("counted_fen", sa.BigInteger(), nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
        sa.CheckConstraint("float_fen >= 0 and counted_fen >= 0", name=op.f("ck_shifts_cash_not_below_zero")),
        sa.CheckConstraint(
            "(closed_us is null) = (counted_fen is null) and (closed_us is null) = (expected_fen is null)",
            name=op.f("ck_shifts_closed_is_counted"),
        ),
        sa.ForeignKeyConstraint(["cashier"], ["people.name"], name=op.f("fk_shifts_cashier")),
        sa.ForeignKeyConstraint(["station"], ["stations.id"], name=op.f("fk_shifts_station")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shifts")),
    )
    still = sa.text("closed_us is null")
    op.create_index("ix_shifts_open", "shifts", ["cashier"], unique=True, sqlite_where=still, postgresql_where=still)
    op.create_index(op.f("ix_shifts_station"), "shifts", ["station"], unique=False)


def _entries() -> None:
    op.create_table(
        "counter_entries",
        sa.Column("key", sa.String(length=120), nullable=False),
        sa.Column("shift", sa.BigInteger(), nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("subject", sa.String(length=40), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("method", sa.String(length=8), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.CheckConstraint("amount_fen > 0", name=op.f("ck_counter_entries_amount_above_zero")),
        sa.CheckConstraint("kind in ('top_up', 'refund', 'cash_payment')", name=op.f("ck_counter_entries_kind")),
        sa.CheckConstraint("method in ('cash', 'scan', 'bank')", name=op.f("ck_counter_entries_method")),
        sa.ForeignKeyConstraint(["shift"], ["shifts.id"], name=op.f("fk_counter_entries_shift")),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_counter_entries")),
    )
    op.create_index(op.f("ix_counter_entries_shift"), "counter_entries", ["shift"], unique=False)


def _requests() -> None:
    op.create_table(
        "money_requests",
        sa.Column("key", sa.String(length=120), nullable=False),
        sa.Column("station", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("card", sa.String(length=40), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("method", sa.String(length=8), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("asked_by", sa.String(length=40), nullable=False),
        sa.Column("asked_us", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("decided_by", sa.String(length=40), nullable=True),
        sa.Column("decided_us", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("kind in ('refund', 'correction')", name=op.f("ck_money_requests_kind")),
        sa.CheckConstraint("state in ('waiting', 'confirmed', 'declined')", name=op.f("ck_money_requests_state")),
        sa.CheckConstraint("(state = 'waiting') = (decided_by is null)", name=op.f("ck_money_requests_decided")),
        sa.CheckConstraint(
            "state <> 'confirmed' or decided_by <> asked_by", name=op.f("ck_money_requests_two_persons")
        ),
        sa.ForeignKeyConstraint(["asked_by"], ["people.name"], name=op.f("fk_money_requests_asked_by")),
        sa.ForeignKeyConstraint(["card"], ["cards.id"], name=op.f("fk_money_requests_card")),
        sa.ForeignKeyConstraint(["decided_by"], ["people.name"], name=op.f("fk_money_requests_decided_by")),
        sa.ForeignKeyConstraint(["station"], ["stations.id"], name=op.f("fk_money_requests_station")),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_money_requests")),
    )
    op.create_index(op.f("ix_money_requests_station_state"), "money_requests", ["station", "state"], unique=False)


def _guards(is_sqlite: bool) -> list[str]:
    """Entries are only ever added; a shift is closed once, and a request decided once."""
    asked = "key, station, kind, card, amount_fen, method, note, asked_by, asked_us"
    opened = "id, station, cashier, opened_us, float_fen"
    rules = [
        ("counter_entries", "update", "update", ""),
        *[(table, "delete", "delete", "") for table in ("counter_entries", "shifts", "money_requests")],
        ("shifts", "update_open", f"update of {opened}", ""),
        ("shifts", "update_closed", "update", "old.closed_us is not null"),
        ("money_requests", "update_asked", f"update of {asked}", ""),
        ("money_requests", "update_decided", "update", "old.state <> 'waiting'"),
    ]
    if is_sqlite:
        rules += [
            (table, "replace", "insert", f"exists (select 1 from {table} where {key} = new.{key})")
            for table, key in (("counter_entries", "key"), ("shifts", "id"), ("money_requests", "key"))
        ]
    made = [_guard(is_sqlite, *rule) for rule in rules]
    if not is_sqlite:
        made += [
            f"create trigger {table}_never_truncate before truncate on {table} for each statement "
            "execute function refuse_change()"
            for table in ("counter_entries", "shifts", "money_requests")
        ]
    return made


def _guard(is_sqlite: bool, table: str, name: str, event: str, condition: str) -> str:
    head = f"create trigger {table}_never_{name} before {event} on {table}"
    if is_sqlite:
        when = f" when {condition}" if condition else ""
        return f"{head}{when} begin select raise(abort, '{table}: {_STAYS}'); end"
    when = f" when ({condition})" if condition else ""
    return f"{head} for each row{when} execute function refuse_change()"


def downgrade() -> None:
    raise RuntimeError("the ledger only moves forward: restore a backup instead")
