"""Authorisations against their holds, and against the fuellings that captured them."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Connection

from service.reports.proofs.findings import Finding, rows

_HOLDS = """
select a.station, a.visit, a.id, a.state, a.hold, h.phase as held, h.amount_fen,
  coalesce(a.held_fen, a.limit_fen) as due, r.phase as resolved
from authorisations a left join transfers h on h.id = a.hold left join transfers r on r.resolves = a.hold
where a.decision = 'allow' and (
  h.id is null or h.phase <> 'pending' or h.kind <> 'hold' or h.amount_fen <> coalesce(a.held_fen, a.limit_fen)
  or a.limit_fen <> coalesce(a.held_fen, a.limit_fen) + coalesce(a.then_fen, 0) or h.at_us <> a.asked_us
  or (a.state = 'open' and r.id is not null)
  or (a.state = 'released' and coalesce(r.phase, '') <> 'void')
  or (a.state = 'expired' and coalesce(r.phase, '') <> 'expire')
  or (a.state = 'captured' and coalesce(r.phase, '') not in ('post', 'void')))
"""
_ANSWERS = """
select station, visit, decision, reason, state from authorisations
where (decision = 'allow' and (id is null or limit_fen is null or state = 'refused' or reason <> 'ok'
    or expires_us is null or first_expires_us < asked_us or expires_us < first_expires_us
    or (card is null and person is null)))
  or (decision <> 'allow' and (state <> 'refused' or hold is not null or id is not null or reason = 'ok'))
"""
_WHOSE = """
select a.station, a.visit, a.card, d.owner as payer, c.owner as seller
from authorisations a join transfers h on h.id = a.hold join accounts d on d.id = h.debit_account
join accounts c on c.id = h.credit_account
where c.owner <> a.station or (d.kind = 'card' and d.owner <> coalesce(a.card, ''))
  or (d.kind in ('wallet', 'owed') and d.owner <> coalesce(a.person, ''))
  or (d.kind = 'owed') <> (a.provider is not null and a.held_from = 'phone')
"""
_CAPTURED = """
select a.station, a.visit, a.id, r.fuelling_id, f.authorisation, f.station as at_station, f.lane as at_lane
from authorisations a join transfers r on r.resolves = a.hold and r.phase = 'post'
left join fuellings f on f.id = r.fuelling_id
where f.id is null or coalesce(f.authorisation, '') <> a.id or f.station <> a.station or f.lane <> a.lane
"""
_STRAY = """
select h.id from transfers h left join authorisations a on a.hold = h.id
left join authorisations b on b.then_hold = h.id
where h.phase = 'pending' and a.visit is null and b.visit is null
"""


def holds(connection: Connection) -> Iterator[Finding]:
    """Every allowed answer has the hold that it says, resolved as its state says, and every hold has its answer."""
    for row in rows(connection, _HOLDS):
        words = (
            f"authorisation {row.id} of visit {row.visit} at {row.station} is {row.state}; its hold {row.hold} of "
            f"{row.amount_fen} fen (due {row.due}) is {row.held or 'missing'}, resolved by {row.resolved or 'nothing'}"
        )
        yield Finding("holds", words)
    for row in rows(connection, _STRAY):
        yield Finding("holds", f"hold {row.id} belongs to no authorisation")
    for row in rows(connection, _WHOSE):
        words = f"visit {row.visit} at {row.station} on card {row.card}: its hold is of {row.payer} for {row.seller}"
        yield Finding("holds", words)


def answers(connection: Connection) -> Iterator[Finding]:
    """No answer contradicts itself, and what captured an authorisation's hold was made under it."""
    for row in rows(connection, _ANSWERS):
        words = (
            f"visit {row.visit} at {row.station}: decision {row.decision}, reason {row.reason}, state {row.state} do "
            "not go together with its card, hold, limit and times"
        )
        yield Finding("answers", words)
    for row in rows(connection, _CAPTURED):
        words = f"the hold of authorisation {row.id} at {row.station} was captured under no fuelling"
        if row.at_station is not None:
            words = (
                f"the hold of authorisation {row.id} at {row.station} was captured under authorisation "
                f"{row.authorisation or 'none'} of {row.at_station} {row.at_lane}"
            )
        yield Finding("answers", words)
