"""The questions about persons who pay by phone, for loading; see service.books.rows.queries."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import ColumnElement, Select, bindparam, or_, select, text

from service.store import schema
from service.store.payer_tables import (
    charges,
    mandate_plates,
    mandates,
    payer_bindings,
    payer_blocks,
    payer_gaps,
    persons,
    plate_payers,
)
from service.store.payment_tables import payments, provider_plates

OneOf = Callable[[Any, str], ColumnElement[bool]]
_UNPAID = text("charges.state in ('created', 'sent', 'seen', 'declined', 'expired')")


class PayerQueries:
    """By plates: rules, bindings and gaps. By persons: accounts, mandates, blocks, what was spent and tried."""

    def __init__(self, one_of: OneOf, authorisations: Select[Any]) -> None:
        rules, bound, gaps = plate_payers.c, payer_bindings.c, payer_gaps.c
        self.rules = (
            select(rules.plate, rules.rule, rules.owner, persons.c.name)
            .select_from(plate_payers.outerjoin(persons))
            .where(one_of(rules.plate, "plates"))
        )
        columns = (bound.order_no, bound.from_us, bound.until_us, bound.made_us, bound.ended_us)
        self.bindings = (
            select(bound.plate, bound.person, persons.c.name, bound.start_min, bound.end_min, *columns)
            .select_from(payer_bindings.join(persons))
            .where(one_of(bound.plate, "plates"))
        )
        self.gaps = select(gaps.plate, gaps.start_min, gaps.end_min, gaps.action, gaps.made_us, gaps.ended_us).where(
            one_of(gaps.plate, "plates")
        )
        self.blocks = self._blocks(one_of)
        self.given = self._given(one_of)
        known = persons.c
        self.persons = select(known.id, known.name, known.wallet, known.owed, known.pin_hash, known.pays_by).where(
            one_of(known.id, "persons")
        )
        self.provided = self._provided(one_of)
        orders = payments.c
        self.ordered = select(orders.provider, orders.plate, orders.captured_us, orders.amount_fen).where(
            one_of(orders.person, "persons"), orders.captured_us >= bindparam("since_us")
        )
        self.mandates = self._mandates(one_of)
        self.spent = select(charges.c.mandate, charges.c.captured_us, charges.c.amount_fen).where(
            one_of(charges.c.person, "persons"), charges.c.captured_us >= bindparam("since_us"), _PAID_BY_MANDATE
        )
        asked = schema.authorisations.c
        recent = one_of(asked.person, "persons"), asked.captured_us >= bindparam("since_us")
        self.tries = select(asked.mandate, asked.captured_us).where(*recent, text("mandate is not null"))
        self.overdue = select(charges.c.person, charges.c.asked).where(
            or_(one_of(charges.c.person, "persons"), one_of(charges.c.asked, "persons")),
            charges.c.overdue_us <= bindparam("now_us"),
            _UNPAID,
        )
        self.open = authorisations.where(text("state = 'open'"), one_of(asked.person, "persons"))

    def _blocks(self, one_of: OneOf) -> Select[Any]:
        """Those that nobody has lifted."""
        blocks = payer_blocks.c
        return select(blocks.plate, blocks.person).where(one_of(blocks.person, "persons"), blocks.lifted_us.is_(None))

    def _mandates(self, one_of: OneOf) -> Select[Any]:
        signed = mandates.c
        limits = (signed.per_fill_fen, signed.per_day_fen, signed.tries_per_day)
        return (
            select(
                mandate_plates.c.plate,
                signed.id,
                signed.person,
                *limits,
                signed.stations,
                signed.hours,
                signed.paused_us,
                signed.offline_fen,
            )
            .select_from(mandate_plates.join(mandates))
            .where(one_of(signed.person, "persons"), signed.ended_us.is_(None), mandate_plates.c.ended_us.is_(None))
            .order_by(signed.received_us)
        )

    def _provided(self, one_of: OneOf) -> Select[Any]:
        """What providers said of the plates for which these persons have signed."""
        states = provider_plates.c
        signed = select(mandate_plates.c.plate).select_from(mandate_plates.join(mandates))
        of_persons = one_of(mandates.c.person, "persons")
        return select(states.provider, states.plate, states.state).where(states.plate.in_(signed.where(of_persons)))

    def _given(self, one_of: OneOf) -> Select[Any]:
        """Mandates by id with one plate each, ended ones too: what a station was told of them has to be found."""
        signed, plates = mandates.c, mandate_plates.c
        ends = (signed.paused_us, signed.ended_us, plates.ended_us.label("plate_ended_us"))
        limits = (signed.per_fill_fen, signed.per_day_fen, signed.offline_fen)
        return (
            select(signed.id, plates.plate, signed.person, *limits, *ends)
            .select_from(mandate_plates.join(mandates))
            .where(one_of(signed.id, "mandates"))
        )


_PAID_BY_MANDATE = text("charges.mandate is not null")
