"""Proves that the books are right, from the transfers up, and names every row that is wrong."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, text

from service.store.database import Database, telling_faults


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong. check: the name of the proof that failed."""

    check: str
    words: str


@dataclass(frozen=True, slots=True)
class Audit:
    """What was looked at, and what is wrong."""

    transfers: int
    accounts: int
    authorisations: int
    fuellings: int
    findings: tuple[Finding, ...]

    @property
    def clean(self) -> bool:
        return not self.findings


_SUMS = """
select a.id, a.kind, a.owner, a.debits_posted_fen, a.credits_posted_fen, a.debits_pending_fen,
  coalesce(d.posted, 0) as debits, coalesce(c.posted, 0) as credits, coalesce(d.pending, 0) as pending
from accounts a
left join (
  select debit_account,
    sum(case when phase in ('single', 'post') then amount_fen else 0 end) as posted,
    sum(case when phase = 'pending' then amount_fen else -coalesce(resolves_fen, 0) end
        * case when phase = 'single' then 0 else 1 end) as pending
  from transfers group by debit_account) d on d.debit_account = a.id
left join (
  select credit_account, sum(amount_fen) as posted from transfers where phase in ('single', 'post')
  group by credit_account) c on c.credit_account = a.id
where a.debits_posted_fen <> coalesce(d.posted, 0) or a.credits_posted_fen <> coalesce(c.posted, 0)
  or a.debits_pending_fen <> coalesce(d.pending, 0)
"""
_HOLDS = """
select a.visit, a.id, a.state, a.hold, h.phase as held, h.amount_fen, a.limit_fen, r.phase as resolved
from authorisations a left join transfers h on h.id = a.hold left join transfers r on r.resolves = a.hold
where a.decision = 'allow' and (
  h.id is null or h.phase <> 'pending' or h.amount_fen <> a.limit_fen
  or (a.state = 'open' and r.id is not null)
  or (a.state = 'released' and coalesce(r.phase, '') <> 'void')
  or (a.state = 'expired' and coalesce(r.phase, '') <> 'expire')
  or (a.state = 'captured' and coalesce(r.phase, '') not in ('post', 'void')))
"""
_STRAY_HOLDS = """
select h.id from transfers h left join authorisations a on a.hold = h.id where h.phase = 'pending' and a.visit is null
"""
_TWICE = """
select resolves, count(*) as times from transfers where resolves is not null group by resolves having count(*) > 1
"""
_POSTED = """
select f.dispenser, f.sequence, f.amount_fen, coalesce(sum(t.amount_fen), 0) as posted
from fuellings f left join transfers t
  on t.fuelling_id = f.id and t.phase in ('single', 'post') and t.kind in ('fuelling', 'debt', 'unclaimed')
group by f.id, f.dispenser, f.sequence, f.amount_fen having f.amount_fen <> coalesce(sum(t.amount_fen), 0)
"""
_CLAIMED = """
select f.dispenser, f.sequence, f.suspended_fen, sum(t.amount_fen) as claimed
from fuellings f join transfers t on t.fuelling_id = f.id and t.kind in ('claim', 'write_off')
group by f.id, f.dispenser, f.sequence, f.suspended_fen
having f.suspended_fen <> sum(t.amount_fen)
"""
_OFFLINE = """
select f.dispenser, f.sequence, f.authorisation, f.captured_fen, g.id as granted, m.authorisation as marked
from fuellings f left join offline_grants g on g.id = f.authorisation
left join fuellings m on m.id = g.fuelling
where f.authorisation like 'off-%' and f.flags like '%"offline"%'
  and (g.id is null or f.captured_fen <> 0 or m.authorisation is null or m.authorisation <> f.authorisation)
"""
_STRAY_GRANTS = """
select g.id, g.fuelling from offline_grants g join fuellings f on f.id = g.fuelling where f.authorisation <> g.id
"""
_CHAINS = """
select station, dispenser, sequence, received_us, totaliser_before_ml, before_sequence, before_ml from (
  select station, dispenser, sequence, received_us, totaliser_before_ml,
    lag(sequence) over (partition by station, dispenser order by sequence) as before_sequence,
    lag(totaliser_after_ml) over (partition by station, dispenser order by sequence) as before_ml
  from fuellings) as chain
where before_sequence is not null and (sequence <> before_sequence + 1 or totaliser_before_ml <> before_ml)
order by station, dispenser, sequence
"""
_EXPLAINED = "select subject, at_us, detail from operator_events where action = 'explain_gap'"


def audit(database: Database) -> Audit:
    """Every proof over one unchanging view of the books."""
    with telling_faults(), database.reading() as connection:
        findings = [finding for check in _CHECKS for finding in check(connection)]
        return Audit(
            transfers=_count(connection, "transfers"),
            accounts=_count(connection, "accounts"),
            authorisations=_count(connection, "authorisations"),
            fuellings=_count(connection, "fuellings"),
            findings=tuple(findings),
        )


def _count(connection: Connection, table: str) -> int:
    return int(connection.execute(text(f"select count(*) from {table}")).scalar_one())


def _sum_zero(connection: Connection) -> Iterator[Finding]:
    query = "select coalesce(sum(debits_posted_fen), 0), coalesce(sum(credits_posted_fen), 0) from accounts"
    debits, credits_ = connection.execute(text(query)).one()
    if debits != credits_:
        yield Finding("sum_zero", f"debits are {debits} fen, credits {credits_} fen")


def _balances(connection: Connection) -> Iterator[Finding]:
    for row in connection.execute(text(_SUMS)):
        yield Finding(
            "balances",
            f"{row.kind} account of {row.owner or 'the company'} ({row.id}) says debits {row.debits_posted_fen}, "
            f"credits {row.credits_posted_fen}, held {row.debits_pending_fen} fen; its transfers make {row.debits}, "
            f"{row.credits}, {row.pending}",
        )


def _overdrawn(connection: Connection) -> Iterator[Finding]:
    query = (
        "select owner, credits_posted_fen - debits_posted_fen - debits_pending_fen as free from accounts "
        "where kind = 'card' and debits_posted_fen + debits_pending_fen > credits_posted_fen"
    )
    for row in connection.execute(text(query)):
        yield Finding("overdrawn", f"card {row.owner} has {row.free} fen free: more is held or spent than there is")


def _holds(connection: Connection) -> Iterator[Finding]:
    for row in connection.execute(text(_HOLDS)):
        yield Finding(
            "holds",
            f"authorisation {row.id} of visit {row.visit} is {row.state}; its hold {row.hold} of {row.amount_fen} fen "
            f"(limit {row.limit_fen}) is {row.held or 'missing'}, resolved by {row.resolved or 'nothing'}",
        )
    for row in connection.execute(text(_STRAY_HOLDS)):
        yield Finding("holds", f"hold {row.id} belongs to no authorisation")
    for row in connection.execute(text(_TWICE)):
        yield Finding("holds", f"hold {row.resolves} is resolved {row.times} times")


def _postings(connection: Connection) -> Iterator[Finding]:
    for row in connection.execute(text(_POSTED)):
        yield Finding(
            "fuellings",
            f"fuelling {row.dispenser} {row.sequence} of {row.amount_fen} fen is posted with {row.posted} fen",
        )
    for row in connection.execute(text(_CLAIMED)):
        yield Finding(
            "fuellings",
            f"fuelling {row.dispenser} {row.sequence}: {row.suspended_fen} fen in suspense, {row.claimed} fen claimed",
        )


def _offline(connection: Connection) -> Iterator[Finding]:
    """Fuellings that stations allowed without the service: each under a grant that knows its first one, no hold."""
    for row in connection.execute(text(_OFFLINE)):
        yield Finding(
            "offline",
            f"fuelling {row.dispenser} {row.sequence} under {row.authorisation}: its grant is "
            f"{'there' if row.granted else 'missing'}, marked with a fuelling of {row.marked or 'none'}, "
            f"{row.captured_fen} fen came from a hold",
        )
    for row in connection.execute(text(_STRAY_GRANTS)):
        yield Finding("offline", f"grant {row.id} is marked with fuelling {row.fuelling}, which was made under another")


def _totalisers(connection: Connection) -> Iterator[Finding]:
    """Fuel that left a pump unreported: reports on their way, lost, or a gap that an operator has yet to explain."""
    explained = [(row.subject, row.at_us, _station_in(row.detail)) for row in connection.execute(text(_EXPLAINED))]
    for row in connection.execute(text(_CHAINS)):
        if any(_explains(row, *event) for event in explained):
            continue
        missing, moved_ml = row.sequence - row.before_sequence - 1, row.totaliser_before_ml - row.before_ml
        words = f"station {row.station}, dispenser {row.dispenser}, between {row.before_sequence} and {row.sequence}: "
        words += f"{missing} reports missing, totaliser moved by {moved_ml} ml without a fuelling"
        yield Finding("totalisers", words)


def _station_in(detail: str) -> str | None:
    try:
        parsed = json.loads(detail)
    except ValueError:
        return None
    return parsed.get("station") if isinstance(parsed, dict) else None


def _explains(gap: Row[Any], subject: str, at_us: int, station: str | None) -> bool:
    """Events of before version 6 name no station: they speak of the only such dispenser that there was then."""
    if subject != f"{gap.dispenser} {gap.sequence}":
        return False
    return bool(gap.received_us <= at_us if station is None else station == gap.station)


_CHECKS: tuple[Callable[[Connection], Iterator[Finding]], ...] = (
    _sum_zero,
    _balances,
    _overdrawn,
    _holds,
    _postings,
    _offline,
    _totalisers,
)
