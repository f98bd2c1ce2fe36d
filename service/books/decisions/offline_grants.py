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
    reported = message.grant
    earlier = batch_state.offline.get(reported.authorisation)
    if earlier is not None:
        if earlier != replace(earlier, **_stored(reported, batch_state)):
            return Refused(
                ErrorCode.KEY_REUSED, f"authorisation {reported.authorisation} was reported with other content"
            )
        return receipt(earlier)
    if reported.station not in batch_state.stations:
        return Refused(ErrorCode.UNKNOWN_STATION, f"no station {reported.station} is set up")
    who = _card_conflicts if reported.payer is None else _phone_conflicts
    flags = [*who(reported, batch_state), *_list_conflicts(reported, batch_state), *_unheard(reported, batch_state)]
    grant = Grant(
        id=reported.authorisation,
        **_stored(reported, batch_state),
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


def _stored(reported: OfflineGrant, batch_state: BatchState) -> dict[str, Any]:
    """The grant in the columns that keep it."""
    return {
        "visit": reported.visit,
        "station": reported.station,
        "lane": reported.lane,
        "plate": reported.plate,
        "typed": reported.typed,
        "card": reported.card if reported.card in batch_state.cards else None,
        "person": reported.payer if reported.payer in batch_state.payers.persons else None,
        "mandate": reported.mandate,
        "period": reported.period,
        "captured_us": None if reported.captured_at is None else to_us(reported.captured_at),
        "limit_fen": reported.limit_fen,
        "list_version": reported.list_version,
        "granted_us": to_us(reported.granted_at),
    }


def _card_conflicts(reported: OfflineGrant, batch_state: BatchState) -> list[BooksFlag]:
    """What has changed since the list was made: card, plate, cap."""
    card, bound = batch_state.cards.get(reported.card or ""), batch_state.plates.get(normalise(reported.plate))
    if card is None:
        return [BooksFlag.CARD_UNKNOWN]
    flags = [] if card.state == ACTIVE else [BooksFlag.CARD_BLOCKED]
    if bound is None or bound.card != card.id:
        flags.append(BooksFlag.PLATE_REBOUND)
    elif bound.state != ACTIVE:
        flags.append(BooksFlag.PLATE_BLOCKED)
    cap_fen = batch_state.stations[reported.station].offline_fen if card.offline_fen is None else card.offline_fen
    return [*flags, BooksFlag.OVER_CAP] if reported.limit_fen > cap_fen else flags


def _phone_conflicts(reported: OfflineGrant, batch_state: BatchState) -> list[BooksFlag]:
    """What has changed since the list was made: person, mandate, plate."""
    plate = normalise(reported.plate)
    bound = batch_state.plates.get(plate)
    if reported.payer not in batch_state.payers.persons:
        return [BooksFlag.PAYER_UNKNOWN]
    given = batch_state.payers.given.get((reported.mandate or "", plate))
    if given is None or given.person != reported.payer:
        return [BooksFlag.MANDATE_UNKNOWN]
    flags = [] if given.stood(to_us(reported.granted_at)) else [BooksFlag.MANDATE_ENDED]
    if bound is None or bound.state != ACTIVE or (plate, reported.payer) in batch_state.payers.blocked:
        flags.append(BooksFlag.PLATE_BLOCKED)
    return [*flags, BooksFlag.OVER_CAP] if reported.limit_fen > given.offline_fen else flags


def _list_conflicts(reported: OfflineGrant, batch_state: BatchState) -> list[BooksFlag]:
    expires_us = batch_state.offline_lists.get((reported.station, reported.list_version))
    if expires_us is None:
        return [BooksFlag.LIST_UNKNOWN]
    return [BooksFlag.LIST_EXPIRED] if to_us(reported.granted_at) > expires_us else []


def _unheard(reported: OfflineGrant, batch_state: BatchState) -> list[BooksFlag]:
    """The service had answered the same visit, but too late for the station: what it held is given back."""
    answered = batch_state.by_visit.get((reported.station, reported.visit))
    if answered is None or answered.lane != reported.lane:
        return []
    if answered.state == State.OPEN:
        batch_state.give_back(answered, State.RELEASED)
    return [BooksFlag.ANSWERED_TOO_LATE]
