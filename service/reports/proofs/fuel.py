"""Fuellings against themselves, their transfers, their dispensers and what they were made under."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, Row

from service.books.decisions.plausibility import DISPLAY_STEP_ML, TOTALISER_STEP_ML
from service.reports.gaps import explained_gaps, is_explained
from service.reports.proofs.findings import Finding, later_than_its_number, rows

_MOVED = """
select f.station, f.dispenser, f.sequence, f.amount_fen, f.captured_fen, f.suspended_fen,
  coalesce(m.posted, 0) as posted, coalesce(m.captured, 0) as captured, coalesce(m.unclaimed, 0) as unclaimed,
  coalesce(m.resolved, 0) as resolved
from fuellings f left join (
  select fuelling_id,
    sum(case when phase in ('single', 'post') and kind in ('fuelling', 'debt', 'unclaimed') then amount_fen
      else 0 end) as posted,
    sum(case when phase = 'post' then amount_fen else 0 end) as captured,
    sum(case when kind = 'unclaimed' then amount_fen else 0 end) as unclaimed,
    sum(case when kind in ('claim', 'write_off') then amount_fen else 0 end) as resolved
  from transfers where fuelling_id is not null group by fuelling_id) m on m.fuelling_id = f.id
where f.amount_fen <> coalesce(m.posted, 0) or f.captured_fen <> coalesce(m.captured, 0)
  or f.suspended_fen <> coalesce(m.unclaimed, 0) or coalesce(m.resolved, 0) not in (0, f.suspended_fen)
"""
_WHOSE = """
select f.station, f.dispenser, f.sequence, f.card, t.id, d.owner as payer, a.owner as seller
from transfers t join fuellings f on f.id = t.fuelling_id left join stations s on s.id = f.station
left join cards c on c.id = f.card
left join accounts d on d.id = t.debit_account left join accounts a on a.id = t.credit_account
where t.kind in ('fuelling', 'debt', 'unclaimed') and (t.credit_account <> s.revenue_account
  or (t.kind <> 'unclaimed' and d.kind in ('card', 'receivable')
    and t.debit_account not in (coalesce(c.account, 0), coalesce(c.receivable, 0))))
"""
_RECEIPTS = f"""
select f.station, f.dispenser, f.sequence, f.amount_fen, f.captured_fen, f.overrun_fen, f.released_fen,
  coalesce(a.limit_fen, g.limit_fen) as limit_fen,
  case when {later_than_its_number("f", "received_us")} then 1 else 0 end as later
from fuellings f left join authorisations a on a.id = f.authorisation and a.station = f.station and a.lane = f.lane
left join offline_grants g on g.id = f.authorisation and g.station = f.station and g.lane = f.lane
where {later_than_its_number("f", "received_us")}
  or f.captured_fen < 0 or f.suspended_fen < 0 or f.unauthorised_fen < 0
  or (a.id is null and (f.captured_fen <> 0 or f.released_fen <> 0))
  or (a.id is null and g.id is null and f.overrun_fen <> 0)
  or (a.id is not null and f.suspended_fen <> 0 and f.card is not null)
  or f.overrun_fen <> case when f.amount_fen > coalesce(a.limit_fen, g.limit_fen)
    then f.amount_fen - coalesce(a.limit_fen, g.limit_fen) else 0 end
  or (f.captured_fen > 0 and f.captured_fen + f.released_fen <> a.limit_fen)
  or (f.captured_fen = 0 and f.released_fen not in (0, a.limit_fen))
  or (f.captured_fen > 0 and f.unauthorised_fen > 0)
  or f.captured_fen + f.suspended_fen + f.unauthorised_fen > f.amount_fen
"""
_FLAGS = """
select station, dispenser, sequence, flags, overrun_fen, suspended_fen, unauthorised_fen from fuellings
where (overrun_fen > 0) <> (flags like '%"overrun"%')
  or (unauthorised_fen > 0 and flags not like '%"uncovered"%' and flags not like '%"offline"%')
  or (flags like '%"capped"%') <> (card is not null and suspended_fen > 0)
"""
_FIGURES = f"""
select station, dispenser, sequence, volume_ml, amount_fen, unit_price_fen_per_l,
  totaliser_after_ml - totaliser_before_ml as counted_ml
from fuellings
where totaliser_after_ml < totaliser_before_ml
  or abs(totaliser_after_ml - totaliser_before_ml - volume_ml) >
    case when volume_ml / 200 > {TOTALISER_STEP_ML} then volume_ml / 200 else {TOTALISER_STEP_ML} end
  or abs((volume_ml * unit_price_fen_per_l + 500) / 1000 - amount_fen)
    > 1 + {DISPLAY_STEP_ML} * unit_price_fen_per_l / 1000
  or (ended_us < started_us and unit_flags not like '%"clock_unset"%' and unit_flags not like '%"clock_jumped"%')
"""
_CHAINS = """
select f.station, f.dispenser, f.sequence, f.received_us, f.totaliser_before_ml, p.sequence as before_sequence,
  p.totaliser_after_ml as before_ml
from fuellings f left join fuellings n
  on n.station = f.station and n.dispenser = f.dispenser and n.sequence = f.sequence - 1
left join fuellings p on p.station = f.station and p.dispenser = f.dispenser and p.sequence = (
  select max(e.sequence) from fuellings e
  where n.id is null and e.station = f.station and e.dispenser = f.dispenser and e.sequence < f.sequence)
where n.id is null and p.id is not null
union all select f.station, f.dispenser, f.sequence, f.received_us, f.totaliser_before_ml, n.sequence,
  n.totaliser_after_ml
from fuellings f join fuellings n on n.station = f.station and n.dispenser = f.dispenser
  and n.sequence = f.sequence - 1 where n.totaliser_after_ml <> f.totaliser_before_ml
order by 1, 2, 3
"""
_NEWEST = """
  select f.station, f.dispenser as id, f.sequence as newest, f.totaliser_after_ml as after_ml from fuellings f
  join (select station, dispenser, max(sequence) as sequence from fuellings group by station, dispenser) m
    on m.station = f.station and m.dispenser = f.dispenser and m.sequence = f.sequence
"""
_DISPENSERS = f"""
with n as ({_NEWEST})
select n.station, n.id, d.last_sequence, d.totaliser_ml, n.newest, n.after_ml
from n left join dispensers d on d.station = n.station and d.id = n.id
where d.id is null or d.last_sequence <> n.newest or d.totaliser_ml <> n.after_ml
union all select d.station, d.id, d.last_sequence, d.totaliser_ml, null, null
from dispensers d left join n on n.station = d.station and n.id = d.id
where n.id is null and (d.last_sequence <> 0 or d.totaliser_ml <> 0)
"""
_OFFLINE = """
select f.dispenser, f.sequence, f.authorisation, f.captured_fen, g.id as granted, m.authorisation as marked
from fuellings f left join offline_grants g on g.id = f.authorisation
left join fuellings m on m.id = g.fuelling
where f.authorisation like 'off-%' and f.flags like '%"offline"%'
  and (g.id is null or f.captured_fen <> 0 or m.authorisation is null or m.authorisation <> f.authorisation)
"""
_STRAY_GRANTS = """
select g.id, g.fuelling from offline_grants g join fuellings f on f.id = g.fuelling
where coalesce(f.authorisation, '') <> g.id
"""


def _named(row: Row[Any]) -> str:
    return f"fuelling {row.dispenser} {row.sequence} at {row.station}"


def postings(connection: Connection) -> Iterator[Finding]:
    """Every fuelling is posted once and in full, to its own card and station, and what waited is resolved in full."""
    for row in rows(connection, _MOVED):
        words = (
            f"{_named(row)} of {row.amount_fen} fen is posted with {row.posted} fen; captured {row.captured} (says "
            f"{row.captured_fen}), in suspense {row.unclaimed} (says {row.suspended_fen}), of which {row.resolved} are "
            "claimed"
        )
        yield Finding("fuellings", words)
    for row in rows(connection, _WHOSE):
        words = f"{_named(row)}: card {row.card}, paid by {row.payer}, sold by {row.seller} with transfer {row.id}"
        yield Finding("fuellings", words)


def receipts(connection: Connection) -> Iterator[Finding]:
    """What each receipt says follows from the amount and the limit; its flags say the same."""
    for row in rows(connection, _RECEIPTS):
        words = (
            f"{_named(row)} of {row.amount_fen} fen under a limit of {row.limit_fen}: captured {row.captured_fen}, "
            f"overrun {row.overrun_fen}, released {row.released_fen} do not go together"
        )
        yield Finding("receipts", f"{_named(row)} came later than its number was made" if row.later else words)
    for row in rows(connection, _FLAGS):
        words = (
            f"{_named(row)}: flags {row.flags} do not fit overrun {row.overrun_fen}, in suspense {row.suspended_fen}, "
            f"without authorisation {row.unauthorised_fen} fen"
        )
        yield Finding("receipts", words)
    for column in ("flags", "unit_flags"):
        for row in rows(connection, f"select {column} as words, count(*) as times from fuellings group by {column}"):
            if not _is_words(row.words):
                yield Finding(
                    "receipts", f"{row.times} fuellings have {column} {row.words!r}, which is not a list of words"
                )


def figures(connection: Connection) -> Iterator[Finding]:
    """Volume, amount, price, totalisers and times of each fuelling go together as they did when it was taken."""
    for row in rows(connection, _FIGURES):
        words = (
            f"{_named(row)}: {row.volume_ml} ml at {row.unit_price_fen_per_l} fen a litre for {row.amount_fen} fen, "
            f"the totaliser moved by {row.counted_ml} ml"
        )
        yield Finding("volumes", words)


def dispensers(connection: Connection) -> Iterator[Finding]:
    """What is kept of each dispenser is what its newest fuelling says."""
    for row in rows(connection, _DISPENSERS):
        words = (
            f"dispenser {row.id} of {row.station} says sequence {row.last_sequence}, totaliser {row.totaliser_ml} ml; "
            f"its fuellings say {row.newest}, {row.after_ml} ml"
        )
        yield Finding("dispensers", words)


def totalisers(connection: Connection) -> Iterator[Finding]:
    """Fuel that left a pump unreported: reports on their way, lost, or a gap that an operator has yet to explain."""
    given = explained_gaps(connection)
    for row in rows(connection, _CHAINS):
        if is_explained(given, row.station, row.dispenser, row.sequence, row.received_us):
            continue
        missing, moved_ml = row.sequence - row.before_sequence - 1, row.totaliser_before_ml - row.before_ml
        words = (
            f"station {row.station}, dispenser {row.dispenser}, between {row.before_sequence} and {row.sequence}: "
            f"{missing} reports missing, totaliser moved by {moved_ml} ml without a fuelling"
        )
        yield Finding("totalisers", words)


def offline(connection: Connection) -> Iterator[Finding]:
    """Fuellings that stations allowed without the service: each under a grant that knows its first one, no hold."""
    for row in rows(connection, _OFFLINE):
        words = (
            f"fuelling {row.dispenser} {row.sequence} under {row.authorisation}: its grant is "
            f"{'there' if row.granted else 'missing'}, marked with a fuelling of {row.marked or 'none'}, "
            f"{row.captured_fen} fen came from a hold"
        )
        yield Finding("offline", words)
    for row in rows(connection, _STRAY_GRANTS):
        yield Finding("offline", f"grant {row.id} is marked with fuelling {row.fuelling}, which was made under another")


def _is_words(found: object) -> bool:
    try:
        parsed = json.loads(str(found))
    except ValueError:
        return False
    return isinstance(parsed, list) and all(isinstance(word, str) for word in parsed)
