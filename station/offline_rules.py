"""What may be allowed without the server: pure decisions over the list, the caps and what is outstanding."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from service.books.settings import BookSettings
from service.store.clock import US_PER_S, to_us
from wire.offline import OfflineEntry, OfflineHours, OfflineList
from wire.plates import is_plate, normalise
from wire.questions import Question
from wire.reasons import Reason
from wire.typed import Agreement, TypedRule, agreement, refusal

LEAST_GRANT_FEN = 1_000
"""Ten yuan: less would stop the pump at once."""
CLOCK_SLACK = timedelta(seconds=300)
"""Clocks may differ by this much (wire.devices.SIGNATURE_AGE_S); one that is further behind than what it has seen
already was set back, and can't tell whether a list has expired."""
LONGEST_LIFE = timedelta(hours=3)
"""No authorisation that is open ends later than this (service/books/settings.py): what does was given by a clock that
was ahead then, and would count until that clock is right."""


@dataclass(frozen=True, slots=True)
class Outstanding:
    """In fen, offline and not settled: of the card or payer since its list was made, and of the whole station."""

    card_fen: int
    station_fen: int


@dataclass(frozen=True, slots=True)
class Allowed:
    limit_fen: int


def unusable(listed: OfflineList | None, now: datetime, seen: datetime | None) -> str | None:
    """Why nobody can be allowed by this list, in words; None for a good one. seen: the latest time known to be past."""
    if listed is None:
        return "there is no offline list yet"
    latest = max(listed.issued_at, seen or listed.issued_at)
    if now < latest - CLOCK_SLACK:
        return "the station's clock went back, so the offline list cannot be judged"
    if now >= listed.expires_at:
        return "the offline list has expired"
    return None


def objection(question: Question, now_us: int, settings: BookSettings) -> Reason | None:
    """What the server too would refuse at first sight: no plate, too old, not certain."""
    if not is_plate(normalise(question.plate)):
        return Reason.INVALID_PLATE
    age_us = now_us - to_us(question.captured_at)
    if not -settings.ahead_s * US_PER_S <= age_us <= settings.stale_after_s * US_PER_S:
        return Reason.STALE_QUESTION
    if question.typed:
        differs = agreement(normalise(question.plate), question.seen, question.seen_certain) is Agreement.DIFFERS
        return Reason.TYPED_DIFFERS if differs and question.confirmed_by is None else None
    certain = question.confidence >= settings.least_confidence and question.weakest >= settings.least_weakest
    return None if certain else Reason.NOT_CERTAIN


def payer_of(question: Question, hours: Sequence[OfflineHours], zone: ZoneInfo) -> OfflineHours | Reason | None:
    """Whose the capture time is; None for nobody's. CLOCK_UNSURE where the unit's clock may be in another's hours."""
    at, error = question.captured_at, timedelta(seconds=question.clock_error_s or 0.0)
    found = hours_at(hours, zone, at)
    if not error:
        return found
    held = {None if one is None else one.payer for one in (hours_at(hours, zone, t) for t in _around(hours, at, error))}
    return found if len(held) == 1 else Reason.CLOCK_UNSURE


def hours_at(hours: Sequence[OfflineHours], zone: ZoneInfo, at: datetime) -> OfflineHours | None:
    """The hours of a plate that an instant lies in."""
    local = at.astimezone(zone)
    minute = local.hour * 60 + local.minute
    for one in hours:
        begun = one.from_at is None or one.from_at <= at
        if begun and (one.until_at is None or at < one.until_at) and _covers(one, minute):
            return one
    return None


def account_of(entry: OfflineEntry | OfflineHours) -> str:
    """Whose cap it is: a card's, or a payer's over all their plates. No card's name has a line feed."""
    return entry.card if isinstance(entry, OfflineEntry) else phone_account(entry.payer)


def phone_account(payer: str) -> str:
    return f"phone\n{payer}"


def _covers(hours: OfflineHours, minute: int) -> bool:
    if hours.start_min < hours.end_min:
        return hours.start_min <= minute < hours.end_min
    return minute >= hours.start_min or minute < hours.end_min


def _around(hours: Sequence[OfflineHours], at: datetime, error: timedelta) -> list[datetime]:
    """Instants that together meet every hours within the error: its ends, all full minutes, and all hand-overs."""
    low, high = at - error, at + error
    minute = low.replace(second=0, microsecond=0)
    full = [minute + timedelta(minutes=n) for n in range(1, min(1440, error * 2 // timedelta(minutes=1) + 1) + 1)]
    instants = [moment for one in hours for moment in (one.from_at, one.until_at) if moment is not None]
    return [low, high, *(moment for moment in (*full, *instants) if low < moment < high)]


def typed_refusal(question: Question, entry: OfflineEntry | OfflineHours) -> Reason | None:
    """Why a typed plate of the list is refused. A PIN is never right here: only the server can tell."""
    if not question.typed:
        return None
    return refusal(
        agreement(normalise(question.plate), question.seen, question.seen_certain),
        entry.typed or TypedRule.ATTENDANT,
        confirmed=question.confirmed_by is not None,
        pin_given=False,
        pin_right=False,
    )


def decide(entry: OfflineEntry | OfflineHours, out: Outstanding, station_cap_fen: int) -> Allowed | Reason:
    """The most that both caps still leave; OFFLINE_CAP when that is too little."""
    left_fen = min(entry.cap_fen - out.card_fen, station_cap_fen - out.station_fen)
    if isinstance(entry, OfflineHours):
        left_fen = min(left_fen, entry.fill_fen)
    return Allowed(left_fen) if left_fen >= LEAST_GRANT_FEN else Reason.OFFLINE_CAP


def renewed_until_us(now_us: int, granted_us: int, expires_us: int, settings: BookSettings) -> int | None:
    """The later expiry of a grant whose vehicle still stands; None when it is over."""
    last_us = granted_us + settings.renewable_for_s * US_PER_S
    if now_us >= expires_us or now_us >= last_us or now_us < granted_us - CLOCK_SLACK // timedelta(microseconds=1):
        return None
    return max(expires_us, min(now_us + settings.hold_life_s * US_PER_S, last_us))
