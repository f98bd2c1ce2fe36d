"""Under what a fuelling was made: an authorisation or an offline grant of its own lane, or nothing."""

from __future__ import annotations

from dataclasses import dataclass

from service.books.batch_state import BatchState
from service.books.decisions import phone_payment
from service.books.records import Authorisation, Card, Grant
from service.payer_rules.periods import Turn
from service.store.clock import to_us
from wire.flags import BooksFlag
from wire.fuellings import Fuelling
from wire.plates import normalise


@dataclass(frozen=True, slots=True)
class Coverage:
    """At most one of held and grant. flags: what is odd about the authorisation that was named."""

    held: Authorisation | None = None
    grant: Grant | None = None
    flags: tuple[str, ...] = ()

    @property
    def covers(self) -> bool:
        """Whether somebody allowed this fuelling, and so a card's owner or a person pays all of it."""
        named = self.grant is not None and (self.grant.card is not None or self.grant.person is not None)
        return self.held is not None or named


def coverage(fuelling: Fuelling, batch_state: BatchState) -> Coverage:
    """What the fuelling's lane was allowed; an authorisation given elsewhere is none, and is flagged."""
    name = fuelling.authorisation
    if name is None:
        return Coverage(flags=(BooksFlag.UNCOVERED,))
    found = batch_state.by_id.get(name) or batch_state.offline.get(name)
    if found is None:
        return Coverage(flags=(BooksFlag.UNKNOWN_AUTHORISATION, BooksFlag.UNCOVERED))
    if found.station != fuelling.station or found.lane != fuelling.lane:
        where = BooksFlag.OTHER_STATION if found.station != fuelling.station else BooksFlag.OTHER_LANE
        return Coverage(flags=(BooksFlag.UNKNOWN_AUTHORISATION, where, BooksFlag.UNCOVERED))
    return Coverage(grant=found) if isinstance(found, Grant) else Coverage(held=found)


def phone_turn_of(fuelling: Fuelling, batch_state: BatchState) -> Turn | None:
    """Whose hour the fuelling began in, where phones pay for the reported plate."""
    plate = None if fuelling.plate is None else normalise(fuelling.plate)
    if plate is None or not phone_payment.is_asked(plate, batch_state):
        return None
    return phone_payment.turn_of(plate, to_us(fuelling.started_at), fuelling.station, batch_state)


def card_of_plate(fuelling: Fuelling, batch_state: BatchState) -> Card | None:
    """The card that the reported plate is bound to."""
    bound = None if fuelling.plate is None else batch_state.plates.get(normalise(fuelling.plate))
    return None if bound is None or bound.card is None else batch_state.cards.get(bound.card)
