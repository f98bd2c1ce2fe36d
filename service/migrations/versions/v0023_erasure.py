"""Texts about a person may be erased: from a sealed row once its salt is gone, elsewhere by emptying them."""

from __future__ import annotations

from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

_STAYS = "what is written is never changed"
_SEALED = {
    "operator_events": ("id", "at_us", "actor", "action"),
    "transfers": (
        *("id", "at_us", "phase", "kind", "debit_account", "credit_account", "amount_fen", "resolves"),
        *("resolves_fen", "fuelling_id", "actor", "moved"),
    ),
}
"""Columns of sealed tables that stay although the row's texts were erased."""
_CHARGE_EVENT = ("id", "charge", "at_us", "event", "old", "new", "asked", "actor", "key", "signature")
_ENTRY = ("key", "shift", "at_us", "kind", "subject", "amount_fen", "method")
_SHIFT = ("id", "station", "cashier", "opened_us", "float_fen", "closed_us", "expected_fen", "counted_fen")
_ASKED = ("key", "station", "kind", "card", "amount_fen", "method", "asked_by", "asked_us")
_REQUEST = (*_ASKED, "state", "decided_by", "decided_us")
EMPTIED = (
    ("charge_events", "change", "detail", _CHARGE_EVENT, "old.signature is null", "1 = 1"),
    ("counter_entries", "update", "note", _ENTRY, "1 = 1", "1 = 1"),
    ("shifts", "update_closed", "note", _SHIFT, "1 = 1", "old.closed_us is not null"),
    ("money_requests", "update_asked", "note", _ASKED, "1 = 1", "1 = 1"),
    ("money_requests", "update_decided", "note", _REQUEST, "1 = 1", "old.state <> 'waiting'"),
)
"""Table, its guard's name, the column that may be emptied, those that stay, when it may, when the guard watches."""


def upgrade() -> None:
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    for statement in _sqlite() if is_sqlite else _postgresql():
        op.execute(statement)


def _sqlite() -> list[str]:
    made = []
    for table, columns in _SEALED.items():
        condition = f"not ({_same(columns, 'is')} and {_erased(table, 'old.id')})"
        if table == "transfers":
            condition += " and not (old.moved = 0 and new.moved = 1 and old.id is new.id)"
        made += [f"drop trigger {table}_never_update", _sqlite_guard(table, "update", condition)]
    for table, name, column, stay, may, watches in EMPTIED:
        condition = f"{watches} and not ({_emptied(column, stay, may, 'is')})"
        if name == "update_asked":
            condition = _changed_asked("is not") + f" and not ({_emptied(column, stay, may, 'is')})"
        made += [f"drop trigger {table}_never_{name}", _sqlite_guard(table, name, condition)]
    return made


def _sqlite_guard(table: str, name: str, condition: str) -> str:
    return (
        f"create trigger {table}_never_{name} before update on {table} when {condition} "
        f"begin select raise(abort, '{table}: {_STAYS}'); end"
    )


def _postgresql() -> list[str]:
    made = []
    for table, columns in _SEALED.items():
        name = f"{table}_never_update"
        made += [
            f"drop trigger {name} on {table}",
            f"create function {table}_erased() returns trigger language plpgsql as $$ begin\n"
            f"if not ({_same(columns, 'is not distinct from')} and {_erased(table, 'old.id')}) then\n"
            f"raise exception '{table}: {_STAYS}' using errcode = 'check_violation'; end if; return new; end $$",
            f"create trigger {name} before update on {table} for each row execute function {table}_erased()",
        ]
    for table, name, column, stay, may, watches in EMPTIED:
        same = "is not distinct from"
        condition = f"{watches} and not ({_emptied(column, stay, may, same)})"
        if name == "update_asked":
            condition = _changed_asked("is distinct from") + f" and not ({_emptied(column, stay, may, same)})"
        made += [
            f"drop trigger {table}_never_{name} on {table}",
            f"create trigger {table}_never_{name} before update on {table} for each row when ({condition}) "
            "execute function refuse_change()",
        ]
    return made


def _erased(table: str, row: str) -> str:
    """The seal's digest stays; with its salt gone nobody can tell what the texts were."""
    return f"exists (select 1 from sealed_texts s where s.kind = '{table}' and s.row_id = {row} and s.salt is null)"


def _same(columns: tuple[str, ...], same: str) -> str:
    return " and ".join(f"old.{column} {same} new.{column}" for column in columns)


def _changed_asked(differs: str) -> str:
    return "(" + " or ".join(f"old.{column} {differs} new.{column}" for column in (*_ASKED, "note")) + ")"


def _emptied(column: str, stay: tuple[str, ...], may: str, same: str) -> str:
    return f"new.{column} = '' and {may} and {_same(stay, same)}"


def downgrade() -> None:
    raise RuntimeError("the ledger only moves forward: restore a backup instead")
