"""Proves the counter: every shift's cash is what was posted in it, and its difference stands in the ledger."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Connection

from service.reports.proofs.findings import Finding, rows

_SHIFTS = """
select s.id, s.cashier, s.station, s.float_fen, s.expected_fen, s.counted_fen, coalesce(c.cash, 0) as cash,
  coalesce(d.amount, 0) as posted
from shifts s
left join (
  select e.shift, sum(case when e.kind in ('refund', 'charge_refund') then -e.amount_fen else e.amount_fen end) as cash
  from counter_entries e join transfers t on t.key = e.key and t.kind = e.kind
  where e.method = 'cash' group by e.shift) c on c.shift = s.id
left join (
  select key, case when debit_account = 1 then amount_fen else -amount_fen end as amount
  from transfers where kind = 'over_short') d on d.key = 'shift ' || s.id
where s.closed_us is not null and (s.expected_fen <> s.float_fen + coalesce(c.cash, 0)
  or s.counted_fen - s.expected_fen <> coalesce(d.amount, 0))
"""
_STRAY = """
select t.id, t.key, t.amount_fen from transfers t left join shifts s on t.key = 'shift ' || s.id
where t.kind = 'over_short' and (s.id is null or s.closed_us is null)
"""
_ENTRIES = """
select e.key, e.amount_fen, t.amount_fen as moved, t.actor, s.cashier
from counter_entries e join shifts s on s.id = e.shift join transfers t on t.key = e.key and t.kind = e.kind
where t.amount_fen <> e.amount_fen or t.actor is null or t.actor <> 'person:' || s.cashier
"""


def shifts(connection: Connection) -> Iterator[Finding]:
    """Every closed shift against its entries, every entry against its transfer, every difference against its shift."""
    for row in rows(connection, _SHIFTS):
        words = (
            f"shift {row.id} of {row.cashier} at {row.station} says {row.expected_fen} fen expected and "
            f"{row.counted_fen} counted; its float and entries make {row.float_fen + row.cash}, and {row.posted} fen "
            "of difference are posted"
        )
        yield Finding("shifts", words)
    for row in rows(connection, _STRAY):
        yield Finding("shifts", f"transfer {row.id} ({row.key}, {row.amount_fen} fen) is of no closed shift")
    for row in rows(connection, _ENTRIES):
        words = f"{row.key} of {row.cashier} says {row.amount_fen} fen; its transfer {row.moved} by {row.actor}"
        yield Finding("shifts", words)
