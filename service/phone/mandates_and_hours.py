"""A person's mandates and hours as their phone sees them."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, Row, select

from service.books.books import Books
from service.mileage.consents import agreed
from service.payer_rules.capabilities import CAPABILITIES
from service.payer_rules.periods import Hours
from service.payers.proposals import Proposals, ProposedHours
from service.payments.listing import ways
from service.phone.persons import person as person_of
from service.station.blocks import blocked_names
from service.store.clock import from_us, to_us
from service.store.database import telling_faults
from service.store.payer_tables import mandate_plates, mandates, payer_bindings, persons, plate_payers
from service.store.schema import stations
from service.store.vehicle_tables import vehicles
from service.store.zones import shared_zone
from wire.codec import decode_text
from wire.payers import MandateText
from wire.phone import (
    HeldHours,
    HoursProposal,
    OwnedPlate,
    PhoneHours,
    PhoneMandate,
    PhoneMandates,
    PlateWay,
    StationChoice,
)


def own_mandates(books: Books, person: str, providers: Collection[str] = ()) -> PhoneMandates:
    """Those in force, the newest first, and what a new one may name. providers: those that are set up."""
    living = select(mandates).where(mandates.c.person == person, mandates.c.ended_us.is_(None))
    with telling_faults(), books.database.reading() as connection:
        found = [
            _mandate(connection, row) for row in connection.execute(living.order_by(mandates.c.received_us.desc()))
        ]
        places = connection.execute(
            select(stations.c.id, stations.c.name, stations.c.zone).order_by(stations.c.id)
        ).all()
        owned = plate_payers.c.owner == person
        own = (
            connection.execute(select(plate_payers.c.plate).where(owned).order_by(plate_payers.c.plate)).scalars().all()
        )
        chosen = connection.execute(select(persons.c.pays_by).where(persons.c.id == person)).scalar_one()
    plates = person_of(books.database, person).plates
    return PhoneMandates(
        mandates=tuple(one for one in found if one.plates),
        plates=plates,
        stations=tuple(StationChoice(id=row.id, name=row.name) for row in places),
        ways=tuple(way for plate in plates for way in _ways(books, plate, chosen, providers)) if providers else (),
        owned=tuple(own),
        zone=shared_zone(row.zone for row in places).key,
    )


def _ways(books: Books, plate: str, chosen: str, providers: Collection[str]) -> Iterator[PlateWay]:
    """What each way of paying can do for a plate, before anybody relies on it."""
    for one in ways(books.database, plate, 1, books.clock.now(), is_set_up=True):
        can = CAPABILITIES[one.way]
        if can.is_embedded or one.way in providers:
            yield PlateWay(
                plate=plate,
                way=one.way,
                chosen=one.way == chosen,
                why=one.words or None,
                why_zh=one.words_zh or None,
                per_fill_fen=can.per_fill_fen,
                per_day_fen=can.per_day_fen,
                tries_per_day=can.tries_per_day,
                hours=None if can.hours is None else str(can.hours),
            )


def own_hours(books: Books, person: str) -> PhoneHours:
    """What the person holds now or later, proposed, and sees as an owner; nothing of other plates."""
    table, now_us = payer_bindings.c, to_us(books.clock.now())
    living = table.ended_us.is_(None), table.until_us.is_(None) | (table.until_us > now_us)
    proposals = Proposals(books, person)
    waiting = proposals.for_owner()
    with telling_faults(), books.database.reading() as connection:
        own = _with_tracks(connection, person, _held(connection, table.person == person, *living))
        plates = select(plate_payers.c.plate).where(plate_payers.c.owner == person).order_by(plate_payers.c.plate)
        owned = [(plate, _held(connection, table.plate == plate, *living)) for (plate,) in connection.execute(plates)]
        zone = shared_zone(connection.execute(select(stations.c.zone)).scalars()).key
    blocked = {plate: blocked_names(books.database, plate) for plate, _ in owned}
    return PhoneHours(
        own=own,
        proposals=tuple(_shown(one) for one in proposals.mine()),
        owned=tuple(
            OwnedPlate(
                plate=plate,
                holders=held,
                proposals=tuple(_shown(one) for one in waiting if one.plate == plate),
                blocked_by=blocked[plate],
            )
            for plate, held in owned
        ),
        zone=zone,
    )


def _mandate(connection: Connection, row: Row[Any]) -> PhoneMandate:
    of_it = mandate_plates.c.mandate == row.id, mandate_plates.c.ended_us.is_(None)
    plates = connection.execute(select(mandate_plates.c.plate).where(*of_it).order_by(mandate_plates.c.plate))
    return PhoneMandate(
        id=row.id,
        plates=tuple(plate for (plate,) in plates),
        per_fill_fen=row.per_fill_fen,
        per_day_fen=row.per_day_fen,
        tries_per_day=row.tries_per_day,
        stations=() if row.stations is None else tuple(json.loads(row.stations)),
        hours=row.hours,
        offline_fen=row.offline_fen,
        signed_at=from_us(row.signed_us),
        paused=row.paused_us is not None,
        agreed_fen=decode_text(MandateText, row.text).agreed_fen,
    )


def _held(connection: Connection, *conditions: Any) -> tuple[HeldHours, ...]:
    table = payer_bindings
    query = select(table, persons.c.name).join(persons).where(*conditions)
    rows = connection.execute(query.order_by(table.c.plate, table.c.start_min, table.c.order_no, persons.c.name))
    return tuple(
        HeldHours(
            plate=row.plate,
            name=row.name,
            hours=str(Hours(row.start_min, row.end_min)),
            from_at=None if row.from_us is None else from_us(row.from_us),
            until_at=None if row.until_us is None else from_us(row.until_us),
        )
        for row in rows
    )


def _with_tracks(connection: Connection, person: str, own: tuple[HeldHours, ...]) -> tuple[HeldHours, ...]:
    of_fleets = select(vehicles.c.plate, vehicles.c.fleet).where(
        vehicles.c.plate.in_({one.plate for one in own}), vehicles.c.fleet.is_not(None)
    )
    agreeing = {row.plate: person in agreed(connection, row.plate, row.fleet) for row in connection.execute(of_fleets)}
    return tuple(replace(one, tracks_agreed=agreeing.get(one.plate)) for one in own)


def _shown(one: ProposedHours) -> HoursProposal:
    return HoursProposal(
        id=one.id, plate=one.plate, name=one.name, hours=str(one.hours), made_at=one.made_at, state=one.state
    )
