"""The greens that a person's mandates give now, and the plates that they have blocked."""

from __future__ import annotations

from sqlalchemy import select

from service.books.books import Books
from service.books.records import State
from service.store.clock import from_us, to_us
from service.store.database import telling_faults
from service.store.payer_tables import payer_blocks
from service.store.schema import authorisations, stations
from wire.phone import GreenMessage, PhoneGreens


def own_greens(books: Books, person: str) -> PhoneGreens:
    """The newest first."""
    a = authorisations.c
    now_us = to_us(books.clock.now())
    open_ones = (
        select(authorisations, stations.c.name, stations.c.zone)
        .join(stations, stations.c.id == a.station)
        .where(a.person == person, a.state == State.OPEN.value, a.expires_us > now_us)
        .order_by(a.asked_us.desc())
    )
    blocks = select(payer_blocks.c.plate).where(payer_blocks.c.person == person, payer_blocks.c.lifted_us.is_(None))
    with telling_faults(), books.database.reading() as connection:
        greens = tuple(
            GreenMessage(
                plate=row.plate,
                station=row.station,
                station_name=row.name,
                zone=row.zone,
                lane=row.lane,
                limit_fen=row.limit_fen,
                asked_at=from_us(row.asked_us),
            )
            for row in connection.execute(open_ones)
        )
        blocked = tuple(connection.execute(blocks.distinct().order_by(payer_blocks.c.plate)).scalars())
    return PhoneGreens(greens=greens, blocked=blocked)
