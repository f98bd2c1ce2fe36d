"""What may be allowed without the server: pure decisions over the list, the caps and what is outstanding."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from service.books.rules import Settings
from service.store.clock import US_PER_S, to_us
from wire.offline import OfflineEntry, OfflineList
from wire.plates import is_plate, normalise
from wire.questions import Question
from wire.reasons import Reason
from wire.typed import Agreement, TypedRule, agreement, refusal

LEAST_GRANT_FEN = 1_000
"""Ten yuan: less would stop the pump at once."""
CLOCK_SLACK = timedelta(seconds=300)
"""Clocks may differ by this much (wire.devices.SIGNATURE_AGE_S); one that is further behind than what it has seen
already was set back, and can't tell whether a list has expired."""


@dataclass(frozen=True, slots=True)
class Outstanding:
    """In fen, offline and not settled: of the card since its list was made, and of the whole station."""

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


def objection(question: Question, now_us: int, settings: Settings) -> Reason | None:
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


def typed_refusal(question: Question, entry: OfflineEntry) -> Reason | None:
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


def decide(entry: OfflineEntry, out: Outstanding, station_cap_fen: int) -> Allowed | Reason:
    """The most that both caps still leave; OFFLINE_CAP when that is too little."""
    left_fen = min(entry.cap_fen - out.card_fen, station_cap_fen - out.station_fen)
    return Allowed(left_fen) if left_fen >= LEAST_GRANT_FEN else Reason.OFFLINE_CAP


def renewed_until_us(now_us: int, granted_us: int, expires_us: int, settings: Settings) -> int | None:
    """The later expiry of a grant whose vehicle still stands; None when it is over."""
    last_us = granted_us + settings.renewable_for_s * US_PER_S
    if now_us >= expires_us or now_us >= last_us or now_us < granted_us - CLOCK_SLACK // timedelta(microseconds=1):
        return None
    return max(expires_us, min(now_us + settings.hold_life_s * US_PER_S, last_us))
