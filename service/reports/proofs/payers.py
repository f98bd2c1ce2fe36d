"""Proves the charges to persons: each posted as it says, paid and given back at most once, signed by whom it names."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from sqlalchemy import Connection, select, text

from service.payers.keys import verifies
from service.payers.owner_agreement import unagreed
from service.payers.refunds import shares_of
from service.reports.proofs.findings import Finding
from service.store.payer_tables import charge_events, mandates, phone_keys
from wire.payers import MANDATE_WORDS, PAYMENT_WORDS, KeyAlgorithm

_THEN_HOLDS = """
select a.id, a.visit, a.then_fen, h.phase as held, h.amount_fen, r.phase as resolved, a.state
from authorisations a left join transfers h on h.id = a.then_hold left join transfers r on r.resolves = a.then_hold
where a.then_hold is not null and (
  h.id is null or h.phase <> 'pending' or h.amount_fen <> a.then_fen or a.held_fen + a.then_fen <> a.limit_fen
  or (a.state = 'open') <> (r.id is null))
"""
_UNCOVERED = """
select a.id, a.visit, a.reason from authorisations a
where a.decision = 'allow' and a.rule is not null and (a.held_from is null or (a.held_from = 'phone' or
  a.then_hold is not null) and (a.person is null or a.mandate is null))
"""
_BY_FUELLING = """
select f.dispenser, f.sequence, f.person, coalesce(c.charged, 0) as charged, coalesce(t.posted, 0) as posted
from fuellings f
left join (select fuelling, sum(amount_fen) as charged from charges group by fuelling) c on c.fuelling = f.id
left join (
  select t.fuelling_id, sum(t.amount_fen) as posted, sum(case when t.kind = 'claim' then 1 else 0 end) as claims
  from transfers t join accounts a on a.id = t.debit_account
  where a.kind in ('wallet', 'owed') and t.phase in ('single', 'post') and t.kind in ('fuelling', 'debt', 'claim')
  group by t.fuelling_id) t on t.fuelling_id = f.id
where coalesce(c.charged, 0) <> coalesce(t.posted, 0)
  or (c.charged is not null and f.person is null and coalesce(t.claims, 0) = 0)
"""
# What is cut out of a key is cast to text: SQLite looks nothing up by a value without a type, and would read all of
# it for each charge.
_PAID = """
select c.id, c.state, c.amount_fen, c.paid_us, p.amount_fen as paid, h.phase as held, h.amount_fen as captured,
  c.refunded_fen, coalesce(b.back, 0) as back, w.amount_fen as waived
from charges c
left join transfers p on p.key = 'charge ' || c.id and p.kind in ('payment', 'cash_payment', 'provider_payment')
left join transfers w on w.key = 'charge ' || c.id and w.kind = 'charge_refund'
left join transfers h on h.resolves = c.hold
left join (
  select cast(substr(key, 15, 18) as text) as charge, sum(amount_fen) as back from transfers
  where kind = 'charge_refund' and key like 'charge-refund %' group by 1) b on b.charge = c.id
where (c.paid_us is not null) <> (
    coalesce(p.amount_fen, 0) = c.amount_fen or (c.hold is not null and h.phase = 'post'
      and h.amount_fen = c.amount_fen))
  or (c.state = 'paid' and c.paid_us is null)
  or (c.paid_us is not null and coalesce(b.back, 0) <> c.refunded_fen)
  or (c.paid_us is null and c.refunded_fen <> coalesce(w.amount_fen, 0))
  or (c.state = 'refunded' and c.refunded_fen <> c.amount_fen)
"""
_STEPS = """
select c.id, c.state, e.new from charges c left join charge_events e on e.charge = c.id
  and e.id = (select max(id) from charge_events where charge = c.id)
where e.new is null or e.new <> c.state
"""
_OWED = """
select p.name, -(a.credits_posted_fen - a.debits_posted_fen) as owed, coalesce(sum(c.amount_fen), 0) as charged
from persons p join accounts a on a.id = p.owed
left join charges c on c.person = p.id and c.hold is null and c.paid_us is null and c.refunded_fen = 0
group by p.name, a.credits_posted_fen, a.debits_posted_fen
having a.debits_posted_fen - a.credits_posted_fen <> coalesce(sum(c.amount_fen), 0)
"""
_OUTSIDE = """
select c.id, c.mandate from charges c left join mandates m on m.id = c.mandate
left join mandate_plates mp on mp.mandate = c.mandate and mp.plate = c.plate
where c.mandate is not null and (m.person <> c.person or mp.plate is null or c.amount_fen > m.per_fill_fen)
"""

_ORDERS = """
select p.number, p.state, p.amount_fen, coalesce(c.amount_fen, 0) + coalesce(s.amount_fen, 0) as posted
from payments p
left join transfers c on c.key = 'charge ' || p.charge and c.kind = 'provider_payment'
left join transfers s on s.key = 'provider ' || p.number and s.kind = 'provider_payment'
where coalesce(c.amount_fen, 0) + coalesce(s.amount_fen, 0) <> case p.state when 'paid' then p.amount_fen else 0 end
"""
_BY_NOBODY = """
select t.id, t.key from transfers t
left join payments p on p.charge = case when t.key like 'charge %' then substr(t.key, 8) end
left join payments o on o.number = case when t.key like 'provider %' then substr(t.key, 10) end
where t.kind = 'provider_payment' and p.number is null and o.number is null
"""
_WITHOUT_ORDER = """
select c.id, c.paid_by, coalesce(p.state, 'missing') as state from charges c left join payments p on p.charge = c.id
where (c.paid_by = p.provider or c.paid_by = 'wechatpay') and coalesce(p.state, '') <> 'paid'
  or (p.ended_us is null and p.number is not null and c.paid_us is not null)
"""
_GIVEN_BACK = """
select p.number, p.charge, coalesce(r.back, 0) as back, coalesce(t.posted, 0) as posted from payments p
left join (select payment, sum(amount_fen) as back from payment_refunds group by payment) r on r.payment = p.number
left join (
  select cast(substr(t.key, 15, 18) as text) as charge, sum(t.amount_fen) as posted from transfers t
  join accounts a on a.id = t.credit_account
  where t.kind = 'charge_refund' and a.kind = 'provider' group by 1) t on t.charge = p.charge
where coalesce(r.back, 0) <> coalesce(t.posted, 0)
"""
_REFUNDED_CARDS = """
select b.fuelling_id, b.owner, b.back, coalesce(c.charged, 0) as charged from (
  select t.fuelling_id, a.owner, sum(t.amount_fen) as back from transfers t
  join accounts a on a.id = t.credit_account where t.kind = 'fuelling_refund' group by t.fuelling_id, a.owner) b
left join (
  select t.fuelling_id, a.owner, sum(t.amount_fen) as charged from transfers t
  join accounts a on a.id = t.debit_account
  where t.phase in ('single', 'post') and t.kind in ('fuelling', 'debt', 'claim') group by t.fuelling_id, a.owner) c
  on c.fuelling_id = b.fuelling_id and c.owner = b.owner
where b.back > coalesce(c.charged, 0)
"""
_REFUNDED = """
select fuelling from (
  select c.fuelling, case when length(t.key) = 32 or t.key like '% rest' then 0 else 1 end as in_order
  from transfers t join charges c on c.id = substr(t.key, 15, 18)
  where t.kind = 'charge_refund' and t.key like 'charge-refund c-%'
  union all select t.fuelling_id, 1 from transfers t where t.kind = 'fuelling_refund') r
group by fuelling having min(in_order) = 1 order by fuelling
"""
"""Fuellings of which money went back in order; programs before this one gave charges back one by one."""


def refunds(connection: Connection) -> Iterator[Finding]:
    """What went back of a fuelling against what was charged, and in the reverse of the order of charging."""
    for row in connection.execute(text(_REFUNDED_CARDS)):
        words = (
            f"fuelling {row.fuelling_id}: card {row.owner} has {row.back} fen of it back and was charged {row.charged} "
            "fen"
        )
        yield Finding("charges", words)
    for (fuelling,) in connection.execute(text(_REFUNDED)).all():
        shares = shares_of(connection, fuelling)
        for earlier, later in itertools.pairwise(shares):
            if earlier.back_fen and later.left_fen > 0:
                words = (
                    f"fuelling {fuelling}: {earlier.name} has {earlier.back_fen} fen back before {later.name}, charged "
                    "last, had all"
                )
                yield Finding("charges", words)


def orders(connection: Connection) -> Iterator[Finding]:
    """Orders at providers against postings, both ways, and what goes back against what was booked."""
    for row in connection.execute(text(_ORDERS)):
        words = f"order {row.number} is {row.state}, {row.amount_fen} fen; its postings make {row.posted} fen"
        yield Finding("payments", words)
    for row in connection.execute(text(_BY_NOBODY)):
        yield Finding("payments", f"transfer {row.id} ({row.key}) is of no order")
    for row in connection.execute(text(_WITHOUT_ORDER)):
        yield Finding("payments", f"charge {row.id} was paid by {row.paid_by}; its order is {row.state}")
    for row in connection.execute(text(_GIVEN_BACK)):
        words = (
            f"order {row.number} of charge {row.charge}: its refunds make {row.back} fen, the postings {row.posted} fen"
        )
        yield Finding("payments", words)


def charges(connection: Connection) -> Iterator[Finding]:
    """Charges against postings and steps, second holds, and mandates against what they allow."""
    for row in connection.execute(text(_THEN_HOLDS)):
        yield Finding(
            "holds", f"authorisation {row.id}: its second hold of {row.then_fen} fen is {row.held or 'missing'}"
        )
    for row in connection.execute(text(_UNCOVERED)):
        yield Finding(
            "mandates", f"authorisation {row.id} of visit {row.visit} holds a wallet's money without a mandate"
        )
    for row in connection.execute(text(_BY_FUELLING)):
        words = (
            f"fuelling {row.dispenser} {row.sequence}: charges make {row.charged} fen, the postings to its person "
            f"{row.posted} fen"
        )
        yield Finding("charges", words)
    for row in connection.execute(text(_PAID)):
        words = (
            f"charge {row.id} is {row.state}, {row.amount_fen} fen; paid {row.paid or row.captured or 0} fen, given "
            f"back {row.back} fen, says {row.refunded_fen} fen"
        )
        yield Finding("charges", words)
    for row in connection.execute(text(_STEPS)):
        yield Finding("charges", f"charge {row.id} is {row.state}, its last step led to {row.new or 'nothing'}")
    for row in connection.execute(text(_OWED)):
        yield Finding("charges", f"{row.name} owes {row.owed} fen, the open charges make {row.charged} fen")
    for charge, mandate in unagreed(connection):
        words = f"charge {charge} was paid as agreed in advance by somebody who had not agreed"
        if mandate is not None:
            words = f"charge {charge} was paid by mandate {mandate}, in which that was not agreed"
        yield Finding("mandates", words)
    for row in connection.execute(text(_OUTSIDE)):
        yield Finding("mandates", f"charge {row.id} was taken by mandate {row.mandate}, which does not allow it")


def signatures(connection: Connection) -> Iterator[Finding]:
    """Every mandate and every word of a phone, against the public key that was there."""
    signed, said = mandates.c, charge_events.c
    keys = {row.id: row for row in connection.execute(select(phone_keys))}
    for row in connection.execute(select(signed.id, signed.key, signed.person, signed.text, signed.signature)):
        key = keys.get(row.key)
        if key is None or key.person != row.person or not _fits(key, MANDATE_WORDS, row.text, row.signature):
            yield Finding("signatures", f"mandate {row.id} is not signed by a key of {row.person}")
    heard = select(said.charge, said.key, said.detail, said.signature).where(said.signature.is_not(None))
    for step in connection.execute(heard):
        key = keys.get(step.key)
        if key is None or not _fits(key, PAYMENT_WORDS, step.detail, step.signature):
            yield Finding("signatures", f"charge {step.charge}: what its phone said is not signed by key {step.key}")


def _fits(key: object, words: bytes, body: str, signature: str) -> bool:
    algorithm, public_key = KeyAlgorithm(getattr(key, "algorithm")), str(getattr(key, "public_key"))  # noqa: B009
    return verifies(algorithm, public_key, words + body.encode(), signature)
