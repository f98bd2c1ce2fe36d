"""Which hours of which plates a phone pays for while a station's line is down: by mandates that say "offline up to"."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, select

from service.books.batch_state import BatchState
from service.books.ledger import Ledger
from service.books.records import ACTIVE, BoundPlate
from service.books.rows import payer_loading
from service.books.rows.queries import Reader
from service.books.settings import BookSettings
from service.errors import UnknownZone
from service.payer_rules.daily_hours import DailyHours, daily_hours
from service.payer_rules.decision import PayerStanding, phone_limit
from service.payer_rules.periods import Rule, Turn
from service.payers import wallets
from service.store import schema
from service.store.clock import from_us, to_us
from service.store.ids import IdMaker
from service.store.payer_tables import mandate_plates, mandates
from service.store.zones import zone_named
from wire.offline import MOST_PHONE_HOURS, OfflineHours
from wire.reasons import Reason
from wire.typed import TypedRule

PHONE_FIRST = frozenset({Rule.PHONE, Rule.PHONE_THEN_CARD})
"""Rules under which a phone alone may pay all of it; with another payer before it nobody knows offline what is left."""
BEFORE = timedelta(hours=1)
"""A picture may be older than the list by which it is judged."""

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Cap:
    """What a payer's mandate leaves for a plate."""

    payer: str
    mandate: str
    cap_fen: int
    fill_fen: int


@dataclass(frozen=True, slots=True)
class _Place:
    """The station as decisions about phones need it."""

    station: str
    zone: ZoneInfo
    preset_fen: int
    now_us: int
    begin_us: int
    end_us: int


def phone_hours(connection: Connection, station: str, now: datetime, life: timedelta) -> tuple[OfflineHours, ...]:
    """For a list that is good from now on for `life`, by plate."""
    row = connection.execute(select(schema.stations).where(schema.stations.c.id == station)).first()
    plates = {} if row is None else _plates(connection)
    if row is None or not plates:
        return ()
    try:
        zone = zone_named(row.zone)
    except UnknownZone as error:
        _LOG.error("offline list of %s: no phone pays: %s", station, error)
        return ()
    place = _Place(station, zone, row.preset_fen, to_us(now), to_us(now - BEFORE), to_us(now + life))
    caps = _Caps(connection, plates, place)
    found: list[OfflineHours] = []
    for plate in sorted(caps.schedules):
        typed = plates[plate].typed_rule or row.typed_rule
        found += (_hours(plate, one, TypedRule(typed) if typed else None) for one in caps.of(plate))
    if len(found) > MOST_PHONE_HOURS:
        _LOG.error("offline list of %s: only the first %d hours of phones are on it", station, MOST_PHONE_HOURS)
    return tuple(found[:MOST_PHONE_HOURS])


class _Caps:
    """What payers' mandates leave for plates, found as a question about them would find it."""

    def __init__(self, connection: Connection, plates: Mapping[str, BoundPlate], place: _Place) -> None:
        reader, ids = Reader(connection), IdMaker()
        batch_state = BatchState(place.now_us, BookSettings(), ids, Ledger({}, ids, place.now_us), plates={**plates})
        asked = payer_loading.questions(reader.queries, set(plates))
        payer_loading.take_schedules(reader, reader.together(asked), (), batch_state)
        self._open_ones = payer_loading.take_standings(reader, place.now_us, batch_state)
        self._payers = batch_state.payers
        self._place = place
        wallet_of = {person.id: person.wallet for person in self._payers.persons.values()}
        accounts = wallets.read(connection, *wallet_of.values())
        self._free_fen = {person: accounts[number].free_fen for person, number in wallet_of.items()}
        self.schedules = self._payers.schedules

    def of(self, plate: str) -> tuple[DailyHours[_Cap], ...]:
        """The hours of a plate in which somebody may be charged."""
        schedule, place = self.schedules[plate], self._place
        if schedule.rule_in_force not in PHONE_FIRST:
            return ()
        persons = {b.person for b in schedule.bindings} | ({schedule.owner.id} if schedule.owner else set())
        standings = {person: self._standing(person, plate) for person in persons if person is not None}
        signed = [s.mandate.hours for s in standings.values() if s.mandate is not None and s.mandate.hours is not None]

        def answer(turn: Turn, minute: int) -> _Cap | None:
            standing = standings.get(turn.payer.id or "")
            return None if standing is None else self._cap(turn.payer.id or "", standing, minute)

        return daily_hours(schedule, place.begin_us, place.end_us, answer, signed)

    def _standing(self, person: str, plate: str) -> PayerStanding:
        place, free_fen = self._place, self._free_fen[person]
        return self._payers.standing(person, plate, place.now_us, place.zone, free_fen, self._open_ones)

    def _cap(self, person: str, standing: PayerStanding, minute: int) -> _Cap | None:
        """None where a question now would be refused, or the mandate says nothing of a cut line."""
        reason, most_fen = phone_limit(standing, self._place.station, minute)
        mandate = standing.mandate
        if reason is not Reason.OK or mandate is None or most_fen < self._place.preset_fen or not mandate.offline_fen:
            return None
        cap_fen = min(mandate.offline_fen, mandate.per_day_fen - standing.spent_fen, standing.free_fen)
        return _Cap(person, mandate.id, cap_fen, min(cap_fen, mandate.per_fill_fen))


def _hours(plate: str, found: DailyHours[_Cap], typed: TypedRule | None) -> OfflineHours:
    cap = found.answer
    return OfflineHours(
        plate=plate,
        payer=cap.payer,
        mandate=cap.mandate,
        start_min=found.hours.start_min,
        end_min=found.hours.end_min,
        cap_fen=cap.cap_fen,
        fill_fen=cap.fill_fen,
        from_at=None if found.from_us is None else from_us(found.from_us),
        until_at=None if found.until_us is None else from_us(found.until_us),
        typed=typed,
    )


def _plates(connection: Connection) -> dict[str, BoundPlate]:
    """The active plates that any living mandate with an offline sum speaks for."""
    signed, named, plates = mandates.c, mandate_plates.c, schema.plates.c
    query = (
        select(plates.plate, plates.state, plates.payer_kind, plates.card, plates.typed_rule)
        .select_from(mandate_plates.join(mandates).join(schema.plates, plates.plate == named.plate))
        .where(signed.offline_fen > 0, signed.ended_us.is_(None), signed.paused_us.is_(None), named.ended_us.is_(None))
        .where(plates.state == ACTIVE)
    )
    return {row.plate: BoundPlate(*row) for row in connection.execute(query)}
