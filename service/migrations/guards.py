"""The ledger's triggers as of schema version 0001: they move the balances, and refuse to change what is written."""

from __future__ import annotations

APPEND_ONLY = ("transfers", "fuellings", "prices", "rejected_messages", "operator_events")
NO_DELETE = ("accounts", "authorisations", "cards", "stations", "dispensers")
ANSWER = (
    "visit, station, lane, plate, typed, captured_us, confidence, weakest, asked_us, decision, reason, id, card, hold, "
    "limit_fen, first_expires_us"
)

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
end
"""

_POSTGRESQL_MOVE = """
create function transfers_move_balances() returns trigger language plpgsql as $$
begin
  if new.resolves is not null and not exists (
    select 1 from transfers h where h.id = new.resolves and h.phase = 'pending' and h.amount_fen = new.resolves_fen
      and h.debit_account = new.debit_account and h.credit_account = new.credit_account) then
    raise exception 'transfers: resolves no such hold' using errcode = 'check_violation';
  end if;
  update accounts set
    debits_pending_fen = debits_pending_fen - coalesce(new.resolves_fen, 0)
      + case new.phase when 'pending' then new.amount_fen else 0 end,
    debits_posted_fen = debits_posted_fen + case when new.phase in ('single', 'post') then new.amount_fen else 0 end
    where id = new.debit_account;
  if new.phase in ('single', 'post') then
    update accounts set credits_posted_fen = credits_posted_fen + new.amount_fen where id = new.credit_account;
  end if;
  return null;
end $$;
create trigger transfers_move_balances after insert on transfers
  for each row execute function transfers_move_balances()
"""

_POSTGRESQL_REFUSE = """
create function refuse_change() returns trigger language plpgsql as $$
begin
  raise exception '%: what is written is never changed', tg_table_name using errcode = 'check_violation';
end $$
"""


def sqlite() -> list[str]:
    """The statements that put the triggers into an SQLite database."""
    rules = [_SQLITE_MOVE]
    for table, event, condition in _refusals():
        rules.append(
            f"create trigger {_name(table, event)} before {event} on {table}{condition} begin "
            f"select raise(abort, '{table}: what is written is never changed'); end"
        )
    return rules


def postgresql() -> list[str]:
    """The statements that put the triggers into a PostgreSQL database."""
    rules = [_POSTGRESQL_MOVE, _POSTGRESQL_REFUSE]
    for table, event, condition in _refusals():
        rules.append(
            f"create trigger {_name(table, event)} before {event} on {table} for each row{condition} "
            "execute function refuse_change()"
        )
    truncate = "create trigger {0}_never_truncate before truncate on {0} for each statement execute function {1}"
    return rules + [truncate.format(table, "refuse_change()") for table in (*APPEND_ONLY, *NO_DELETE)]


def _refusals() -> list[tuple[str, str, str]]:
    closed = " when (old.state <> 'open')"
    return [
        *[(table, "update", "") for table in APPEND_ONLY],
        *[(table, "delete", "") for table in (*APPEND_ONLY, *NO_DELETE)],
        ("authorisations", f"update of {ANSWER}", ""),
        ("authorisations", "update of state, expires_us", closed),
    ]


def _name(table: str, event: str) -> str:
    words = event.split()
    return f"{table}_never_{words[0]}" + (f"_{words[2].rstrip(',')}" if len(words) > 1 else "")
