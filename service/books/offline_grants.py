"""What stations allowed while their line was down, as the books take it: kept once, held against today's cards."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from service.books.batch_state import BatchState
from service.books.messages import Refused, TakeGrant
from service.books.records import ACTIVE, Grant, State
from service.store.clock import to_us
from wire.flags import BooksFlag
from wire.fuellings import Fuelling
from wire.offline import OfflineGrant, OfflineReceipt
from wire.plates import normalise
from wire.reasons import ErrorCode


def take(message: TakeGrant, batch_state: BatchState) -> OfflineReceipt | Refused:
    """Keep a grant once; its repeat gets the first receipt. Nothing about it can be refused any more, only flagged."""
    told = message.grant
    earlier = batch_state.offline.get(told.authorisation)
    if earlier is not None:
        if earlier != replace(earlier, **_told(told, batch_state)):
            return Refused(ErrorCode.KEY_REUSED, f"authorisation {told.authorisation} was told with other content")
        return receipt(earlier)
    if told.station not in batch_state.stations:
        return Refused(ErrorCode.UNKNOWN_STATION, f"no station {told.station} is set up")
    who = _card_conflicts if told.payer is None else _phone_conflicts
    flags = [*who(told, batch_state), *_list_conflicts(told, batch_state), *_unheard(told, batch_state)]
    grant = Grant(
        id=told.authorisation,
        **_told(told, batch_state),
        told_us=batch_state.now_us,
        flags=json.dumps(flags),
        fuelling=None,
    )
    batch_state.offline[grant.id] = grant
    batch_state.new_grants.append(grant)
    return receipt(grant)


def receipt(grant: Grant) -> OfflineReceipt:
    """What the station is told of a grant, the first time and always."""
    return OfflineReceipt(authorisation=grant.id, flags=tuple(json.loads(grant.flags)))


def fuelling_flags(fuelling: Fuelling, grant: Grant) -> list[str]:
    """The flags of a fuelling under a grant, but for the debt, which is known once it is posted."""
    flags = [BooksFlag.OFFLINE, *json.loads(grant.flags)]
    if grant.fuelling is not None:
        flags.append(BooksFlag.SECOND_FUELLING)
    if fuelling.plate is not None and normalise(fuelling.plate) != normalise(grant.plate):
        flags.append(BooksFlag.OTHER_PLATE)
    return flags


def mark(grant: Grant, fuelling: int, batch_state: BatchState) -> None:
    """The first fuelling under a grant."""
    if grant.fuelling is None:
        grant.fuelling = fuelling
        batch_state.used_grants[grant.id] = grant


def _told(told: OfflineGrant, batch_state: BatchState) -> dict[str, Any]:
    """The grant in the columns that keep it."""
    return {
        "visit": told.visit,
        "station": told.station,
        "lane": told.lane,
        "plate": told.plate,
        "typed": told.typed,
        "card": told.card if told.card in batch_state.cards else None,
        "person": told.payer if told.payer in batch_state.payers.persons else None,
        "mandate": told.mandate,
        "period": told.period,
        "captured_us": None if told.captured_at is None else to_us(told.captured_at),
        "limit_fen": told.limit_fen,
        "list_version": told.list_version,
        "granted_us": to_us(told.granted_at),
    }


def _card_conflicts(told: OfflineGrant, batch_state: BatchState) -> list[BooksFlag]:
    """What has changed since the list was made: card, plate, cap."""
    card, bound = batch_state.cards.get(told.card or ""), batch_state.plates.get(normalise(told.plate))
    if card is None:
        return [BooksFlag.CARD_UNKNOWN]
    flags = [] if card.state == ACTIVE else [BooksFlag.CARD_BLOCKED]
    if bound is None or bound.card != card.id:
        flags.append(BooksFlag.PLATE_REBOUND)
    elif bound.state != ACTIVE:
        flags.append(BooksFlag.PLATE_BLOCKED)
    cap_fen = batch_state.stations[told.station].offline_fen if card.offline_fen is None else card.offline_fen
    return [*flags, BooksFlag.OVER_CAP] if told.limit_fen > cap_fen else flags


def _phone_conflicts(told: OfflineGrant, batch_state: BatchState) -> list[BooksFlag]:
    """What has changed since the list was made: person, mandate, plate."""
    plate = normalise(told.plate)
    bound = batch_state.plates.get(plate)
    if told.payer not in batch_state.payers.persons:
        return [BooksFlag.PAYER_UNKNOWN]
    given = batch_state.payers.given.get((told.mandate or "", plate))
    if given is None or given.person != told.payer:
        return [BooksFlag.MANDATE_UNKNOWN]
    flags = [] if given.stood(to_us(told.granted_at)) else [BooksFlag.MANDATE_ENDED]
    if bound is None or bound.state != ACTIVE or (plate, told.payer) in batch_state.payers.blocked:
        flags.append(BooksFlag.PLATE_BLOCKED)
    return [*flags, BooksFlag.OVER_CAP] if told.limit_fen > given.offline_fen else flags


def _list_conflicts(told: OfflineGrant, batch_state: BatchState) -> list[BooksFlag]:
    expires_us = batch_state.offline_lists.get((told.station, told.list_version))
    if expires_us is None:
        return [BooksFlag.LIST_UNKNOWN]
    return [BooksFlag.LIST_EXPIRED] if to_us(told.granted_at) > expires_us else []


def _unheard(told: OfflineGrant, batch_state: BatchState) -> list[BooksFlag]:
    """The service had answered the same visit, but too late for the station: what it held is given back."""
    answered = batch_state.by_visit.get((told.station, told.visit))
    if answered is None or answered.lane != told.lane:
        return []
    if answered.state == State.OPEN:
        batch_state.give_back(answered, State.RELEASED)
    return [BooksFlag.ANSWERED_TOO_LATE]
