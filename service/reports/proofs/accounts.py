"""Accounts against their transfers and their owners; transfers against the rules of their kind."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection

from service.migrations.append_only import OWN_ACCOUNTS
from service.reports.proofs.findings import Finding, later_than_its_number, rows

OWNER_TABLES = {kind: (table, column) for table, pairs in OWN_ACCOUNTS.items() for column, kind in pairs}
"""By kind of account, where its owner stands and in which column the owner names it."""

COMPANY = {1: "clearing", 2: "adjustment", 3: "over_short", 4: "provider"}

SIDES: dict[str, tuple[tuple[str, str], ...]] = {
    "top_up": (("clearing", "card"), ("clearing", "wallet")),
    "refund": (("card", "clearing"), ("wallet", "clearing")),
    "correction": (
        ("adjustment", "card"),
        ("card", "adjustment"),
        ("adjustment", "wallet"),
        ("wallet", "adjustment"),
    ),
    "hold": (("card", "revenue"), ("wallet", "revenue"), ("owed", "revenue")),
    "fuelling": (("card", "revenue"), ("wallet", "revenue"), ("owed", "revenue")),
    "debt": (("receivable", "revenue"), ("owed", "revenue")),
    "settlement": (("card", "receivable"), ("wallet", "owed")),
    "unclaimed": (("suspense", "revenue"),),
    "claim": (("card", "suspense"), ("receivable", "suspense"), ("owed", "suspense")),
    "write_off": (("adjustment", "suspense"),),
    "payment": (("wallet", "owed"),),
    "cash_payment": (("clearing", "owed"),),
    "over_short": (("clearing", "over_short"), ("over_short", "clearing")),
    "charge_refund": (
        ("revenue", "owed"),
        ("revenue", "wallet"),
        ("revenue", "clearing"),
        ("revenue", "provider"),
        ("provider", "wallet"),
    ),
    "fuelling_refund": (("revenue", "card"), ("revenue", "receivable")),
    "provider_payment": (("provider", "owed"), ("provider", "wallet")),
}
"""Between which kinds of accounts a kind of transfer moves money; kinds that are not named here are not looked at."""

PHASES = {"hold": ("pending", "void", "expire"), "fuelling": ("single", "post")}
"""Of all other kinds: at once."""

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
_KINDS = """
select t.kind, t.phase, coalesce(d.kind, 'missing') as debit, coalesce(c.kind, 'missing') as credit,
  count(*) as times, min(t.id) as first, count(t.fuelling_id) as fuelled,
  sum(case when t.key is null or t.actor is null then 1 else 0 end) as unsigned
from transfers t left join accounts d on d.id = t.debit_account left join accounts c on c.id = t.credit_account
group by t.kind, t.phase, d.kind, c.kind
"""
_BROKEN = f"""
select t.id, t.phase, t.kind, t.amount_fen, t.moved, h.id as hold, h.phase as held, h.amount_fen as held_fen,
  t.resolves, t.resolves_fen, case when {later_than_its_number("t", "at_us")} then 1 else 0 end as later
from transfers t left join transfers h on h.id = t.resolves
where t.amount_fen <= 0 or t.moved <> 1 or {later_than_its_number("t", "at_us")}
  or (t.phase in ('post', 'void', 'expire')) <> (t.resolves is not null)
  or (t.resolves is not null and (h.id is null or h.phase <> 'pending' or h.amount_fen <> t.resolves_fen
    or h.debit_account <> t.debit_account or h.credit_account <> t.credit_account or t.amount_fen > h.amount_fen
    or (t.phase in ('void', 'expire') and t.amount_fen <> h.amount_fen)))
"""
OF_FUEL = ("fuelling", "debt", "unclaimed", "claim", "write_off", "fuelling_refund")
"""Kinds of transfers that name a fuelling; all others of SIDES but holds name none."""
BY_HAND = (
    "top_up",
    "refund",
    "correction",
    "claim",
    "write_off",
    "payment",
    "cash_payment",
    "charge_refund",
    "fuelling_refund",
    "over_short",
    "provider_payment",
)
"""Kinds that somebody (or a mandate of theirs) posts, under a key."""


def balances(connection: Connection) -> Iterator[Finding]:
    """Debits equal credits, every account's sums are those of its transfers, and nobody spends what is not there."""
    query = "select coalesce(sum(debits_posted_fen), 0), coalesce(sum(credits_posted_fen), 0) from accounts"
    for debits, credits_ in rows(connection, query):
        if debits != credits_:
            yield Finding("sum_zero", f"debits are {debits} fen, credits {credits_} fen")
    for row in rows(connection, _SUMS):
        words = (
            f"{row.kind} account of {row.owner or 'the company'} ({row.id}) says debits {row.debits_posted_fen}, "
            f"credits {row.credits_posted_fen}, held {row.debits_pending_fen} fen; its transfers make {row.debits}, "
            f"{row.credits}, {row.pending}"
        )
        yield Finding("balances", words)
    query = (
        "select kind, owner, credits_posted_fen - debits_posted_fen - debits_pending_fen as free from accounts where "
        "(kind in ('card', 'wallet') and debits_posted_fen + debits_pending_fen > credits_posted_fen) or "
        "(kind in ('receivable', 'owed') and credits_posted_fen > debits_posted_fen)"
    )
    for row in rows(connection, query):
        yield Finding("overdrawn", f"{row.kind} account of {row.owner} has {row.free} fen: more is spent than there is")


def owners(connection: Connection) -> Iterator[Finding]:
    """Every card, station and person has accounts of its own, and no account stands alone."""
    for kind, (table, column) in OWNER_TABLES.items():
        query = (
            f"select o.id, o.{column} as number, a.kind, a.owner from {table} o "
            f"left join accounts a on a.id = o.{column} where a.id is null or a.kind <> '{kind}' or a.owner <> o.id"
        )
        for row in rows(connection, query):
            what = "missing" if row.kind is None else f"a {row.kind} account of {row.owner or 'the company'}"
            yield Finding(
                "owners", f"{table}: {row.id} names account {row.number} as its own {kind} account; it is {what}"
            )
        query = (
            f"select a.id, a.owner from accounts a left join {table} o on o.{column} = a.id and o.id = a.owner "
            f"where a.kind = '{kind}' and o.id is null"
        )
        for row in rows(connection, query):
            yield Finding("owners", f"{kind} account {row.id} says it is {row.owner}'s; no row of {table} has it")
    known = {row.id: row.kind for row in rows(connection, f"select id, kind from accounts where id <= {max(COMPANY)}")}
    for number, kind in COMPANY.items():
        if known.get(number) != kind:
            yield Finding(
                "owners", f"account {number} is {known.get(number, 'missing')}, not the company's {kind} account"
            )
    names = ", ".join(f"'{kind}'" for kind in (*OWNER_TABLES, *COMPANY.values()))
    ours = ", ".join(f"'{kind}'" for kind in COMPANY.values())
    query = f"select id, kind from accounts where kind not in ({names}) or (kind in ({ours}) and id > {max(COMPANY)})"
    for row in rows(connection, query):
        yield Finding("owners", f"account {row.id} has an unknown kind: {row.kind}")


def transfers(connection: Connection) -> Iterator[Finding]:
    """Every transfer is of a known kind, between accounts that fit it, and resolves at most one hold.

    A hold may be later than what resolves it: the service's clock was set back meanwhile. Times made anew are for the
    chain to find.
    """
    for row in rows(connection, _KINDS):
        for words in _oddities(row):
            yield Finding("transfers", f"{row.times} of kind {row.kind} {words}; the first is transfer {row.first}")
    for row in rows(connection, _BROKEN):
        why = "its time is later than its number" if row.later else "it does not fit"
        words = f"transfer {row.id} ({row.kind}, {row.phase}, {row.amount_fen} fen): {why}"
        if row.resolves is not None:
            held = f"{row.held_fen} fen" if row.hold else "missing"
            words = (
                f"transfer {row.id} ({row.kind}, {row.phase}, {row.amount_fen} fen) resolves hold {row.resolves} "
                f"({held}), and says {row.resolves_fen} fen: {why}"
            )
        yield Finding("transfers", words)


def _oddities(row: Any) -> Iterator[str]:
    """What does not fit all transfers of one kind and phase between two kinds of accounts."""
    sides = SIDES.get(row.kind)
    if sides is None:
        return
    if (row.debit, row.credit) not in sides:
        yield f"go from a {row.debit} to a {row.credit} account"
    if row.phase not in PHASES.get(row.kind, ("single",)):
        yield f"are in phase {row.phase}"
    if row.kind != "hold" and row.fuelled != (row.times if row.kind in OF_FUEL else 0):
        yield f"name a fuelling {row.fuelled} times"
    if row.kind in BY_HAND and row.unsigned:
        yield f"have no key or do not name who posted them {row.unsigned} times"
