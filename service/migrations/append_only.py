"""The ledger's guards as of schema version 0007: what is written is not rewritten by a statement of any form.

SQLite's `or replace` deletes a row without a word to its triggers, and `set rowid` moves one past `update of id`; so
each table looks before an insert whether its keys are free, and at every update whether what must stay has stayed.
Sums of accounts move with a transfer alone: on SQLite a transfer is `moved = 0` only within its own insert.
"""

from __future__ import annotations

KEYS: dict[str, tuple[tuple[str, ...], ...]] = {
    "accounts": (("id",), ("kind", "owner")),
    "authorisations": (("station", "visit"), ("id",), ("hold",)),
    "cards": (("id",),),
    "charge_events": (("id",), ("signature",)),
    "charges": (("id",), ("fuelling", "part")),
    "dispensers": (("station", "id"),),
    "fuellings": (("id",), ("station", "dispenser", "sequence")),
    "mandates": (("id",), ("signature",)),
    "offline_grants": (("id",),),
    "offline_lists": (("station", "version"),),
    "operator_events": (("id",),),
    "persons": (("id",), ("name",)),
    "phone_keys": (("id",),),
    "prices": (("station", "product", "since_us"),),
    "rejected_messages": (("id",),),
    "stations": (("id",),),
    "transfers": (("id",), ("resolves",), ("key",)),
}
"""Every table whose rows stay, with all its unique keys; rejected_messages' digest is looked at apart."""

FROZEN: dict[str, tuple[str, ...]] = {
    "accounts": ("id", "kind", "owner"),
    "cards": ("id", "account", "receivable", "created_us"),
    "dispensers": ("station", "id"),
    "persons": ("id", "wallet", "owed", "created_us"),
    "stations": ("id", "revenue_account", "suspense_account", "created_us"),
}
"""Columns that never change in tables whose other columns do."""

OWN_ACCOUNTS = {
    "cards": (("account", "card"), ("receivable", "receivable")),
    "persons": (("wallet", "wallet"), ("owed", "owed")),
    "stations": (("revenue_account", "revenue"), ("suspense_account", "suspense")),
}
"""Columns that name an account, and its kind; its owner is the row itself."""

SUMS = ("debits_posted_fen", "credits_posted_fen", "debits_pending_fen")
APPENDED = ("offline_lists",)
"""Only ever added to, and not guarded before this version."""

_STAYS = "what is written is never changed"

_SQLITE_MOVE = """
create trigger transfers_move_balances after insert on transfers begin
  select raise(abort, 'transfers: resolves no such hold') where new.resolves is not null and not exists (
    select 1 from transfers h where h.id = new.resolves and h.phase = 'pending' and h.amount_fen = new.resolves_fen
      and h.debit_account = new.debit_account and h.credit_account = new.credit_account);
  update accounts set
    debits_pending_fen = debits_pending_fen - coalesce(new.resolves_fen, 0)
      + case new.phase when 'pending' then new.amount_fen else 0 end,
    debits_posted_fen = debits_posted_fen + case when new.phase in ('single', 'post') then new.amount_fen else 0 end
    where id = new.debit_account;
  update accounts set credits_posted_fen = credits_posted_fen + new.amount_fen
    where id = new.credit_account and new.phase in ('single', 'post');
  update transfers set moved = 1 where id = new.id;
end
"""

_POSTGRESQL_MOVED = """
create function transfers_moved() returns trigger language plpgsql as $$
begin
  new.moved := 1;
  return new;
end $$;
create trigger transfers_moved before insert on transfers for each row execute function transfers_moved()
"""

_POSTGRESQL_OWN = """
create function {table}_own_accounts() returns trigger language plpgsql as $$
begin
  if {condition} then
    raise exception '{table}: an account of another' using errcode = 'check_violation';
  end if;
  return new;
end $$;
create trigger {table}_own_accounts before insert on {table} for each row execute function {table}_own_accounts()
"""


def sqlite() -> list[str]:
    """The statements that put these guards into an SQLite database of the version before."""
    rules = ["drop trigger transfers_move_balances", "drop trigger transfers_never_update", _SQLITE_MOVE]
    rules += [_sqlite_replace(table, keys) for table, keys in KEYS.items()]
    rules += [_sqlite_stay(table) for table in KEYS if table != "transfers"]
    rules += [
        _sqlite_refuse(table, "insert", "own_accounts", _not_own(table), "an account of another")
        for table in OWN_ACCOUNTS
    ]
    rules += [_sqlite_refuse(table, event, event, "1", _STAYS) for table in APPENDED for event in ("update", "delete")]
    rules += [
        _sqlite_refuse(
            "accounts",
            "update",
            "sums",
            f"({_changed(SUMS)}) and not exists (select 1 from transfers where moved = 0)",
            "sums move with a transfer alone",
        ),
        _sqlite_refuse("accounts", "insert", "empty", _not_empty(), "a new account is empty"),
        _sqlite_refuse("transfers", "insert", "moved", "new.moved <> 0", "moved is set by the ledger itself"),
        _sqlite_refuse(
            "transfers", "update", "update", "not (old.moved = 0 and new.moved = 1 and old.id is new.id)", _STAYS
        ),
        _sqlite_refuse(
            "persons",
            "update",
            "rename_over",
            "exists (select 1 from persons where name = new.name and id <> new.id)",
            "this name is taken",
        ),
        "create trigger rejected_messages_never_twice before insert on rejected_messages when exists (select 1 from "
        "rejected_messages where digest = new.digest) begin select raise(ignore); end",
    ]
    return rules


def postgresql() -> list[str]:
    """The same for PostgreSQL, which has no `or replace` and no rowid."""
    rules = [_POSTGRESQL_MOVED]
    rules += [_POSTGRESQL_OWN.format(table=table, condition=_not_own(table)) for table in OWN_ACCOUNTS]
    rules += [
        _postgresql_refuse(table, "update", "stay", f" when ({_changed(columns, 'is distinct from')})")
        for table, columns in FROZEN.items()
    ]
    for table in APPENDED:
        rules += [_postgresql_refuse(table, event, event, "") for event in ("update", "delete")]
        rules.append(
            f"create trigger {table}_never_truncate before truncate on {table} for each statement "
            "execute function refuse_change()"
        )
    sums = f"pg_trigger_depth() = 0 and ({_changed(SUMS, 'is distinct from')})"
    rules.append(_postgresql_refuse("accounts", "update", "sums", f" when ({sums})"))
    rules.append(_postgresql_refuse("accounts", "insert", "empty", f" when ({_not_empty()})"))
    return rules


def _sqlite_refuse(table: str, event: str, name: str, condition: str, words: str) -> str:
    return (
        f"create trigger {table}_never_{name} before {event} on {table} when {condition} "
        f"begin select raise(abort, '{table}: {words}'); end"
    )


def _sqlite_replace(table: str, keys: tuple[tuple[str, ...], ...]) -> str:
    found = [" and ".join(f"{column} = new.{column}" for column in key) for key in keys]
    taken = [f"exists (select 1 from {table} where {one})" for one in [*found, "rowid = new.rowid and new.rowid > 0"]]
    return _sqlite_refuse(table, "insert", "replace", " or ".join(taken), "what is written is never replaced")


def _sqlite_stay(table: str) -> str:
    """At every update, because `set rowid` is none of any column."""
    columns = ("rowid", *FROZEN.get(table, ()))
    return _sqlite_refuse(table, "update", "stay", _changed(columns), _STAYS)


def _postgresql_refuse(table: str, event: str, name: str, when: str) -> str:
    return (
        f"create trigger {table}_never_{name} before {event} on {table} for each row{when} "
        "execute function refuse_change()"
    )


def _changed(columns: tuple[str, ...], differs: str = "is not") -> str:
    return " or ".join(f"old.{column} {differs} new.{column}" for column in columns)


def _not_empty() -> str:
    return " or ".join(f"new.{column} <> 0" for column in SUMS)


def _not_own(table: str) -> str:
    return " or ".join(
        f"not exists (select 1 from accounts where id = new.{column} and kind = '{kind}' and owner = new.id)"
        for column, kind in OWN_ACCOUNTS[table]
    )
