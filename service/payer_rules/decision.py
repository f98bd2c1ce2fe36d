"""How much a phone covers and how two payers share a hold: pure decisions from what is known of a mandate and money."""

from __future__ import annotations

from dataclasses import dataclass

from service.payer_rules.periods import Hours, PayerKind, Rule, Turn
from wire.reasons import Reason


@dataclass(frozen=True, slots=True)
class Mandate:
    """A mandate as decisions need it; stations None: all, hours None: all. offline_fen: at most while a line is cut."""

    id: str
    person: str
    per_fill_fen: int
    per_day_fen: int
    tries_per_day: int
    stations: frozenset[str] | None
    hours: Hours | None
    is_paused: bool
    offline_fen: int = 0

    def is_for(self, station: str, minute: int) -> bool:
        """Whether it speaks for a station and a local minute of the day."""
        at_station = self.stations is None or station in self.stations
        return at_station and (self.hours is None or self.hours.covers(minute))


@dataclass(frozen=True, slots=True)
class PayerStanding:
    """What is known of a payer when a question is asked. spent_fen, tries: of its day, open holds too."""

    mandate: Mandate | None
    is_blocked: bool
    is_overdue: bool
    spent_fen: int
    tries: int
    free_fen: int


@dataclass(frozen=True, slots=True)
class Shares:
    """How much card and phone hold; reason OK where together they cover the preset amount."""

    reason: Reason
    card_fen: int = 0
    phone_fen: int = 0


def phone_limit(standing: PayerStanding, station: str, minute: int) -> tuple[Reason, int]:
    """Why a phone may not be charged by machine, or the most that it covers now."""
    mandate = standing.mandate
    if standing.is_blocked:
        return Reason.PLATE_BLOCKED, 0
    if standing.is_overdue:
        return Reason.PAYER_OVERDUE, 0
    if mandate is None or not mandate.is_for(station, minute):
        return Reason.MANDATE_MISSING, 0
    if mandate.is_paused:
        return Reason.MANDATE_PAUSED, 0
    if standing.tries >= mandate.tries_per_day:
        return Reason.OK, 0
    left_fen = mandate.per_day_fen - standing.spent_fen
    return Reason.OK, max(0, min(mandate.per_fill_fen, left_fen, standing.free_fen))


def refusal_of(turn: Turn) -> Reason:
    """Why nobody pays this hour; OK where somebody may."""
    return {None: Reason.OK, "gap": Reason.GAP}.get(turn.reason, Reason.NO_PAYER)


def shares(turn: Turn, rule: Rule, preset_fen: int, card_free_fen: int, phone: tuple[Reason, int]) -> Shares:
    """Who holds how much of the preset amount. A phone that may not be charged never falls through to the card.

    turn: one that somebody pays for. card_free_fen: 0 where no card is asked.
    """
    reason, most_fen = phone
    if turn.payer.kind is PayerKind.CARD and turn.then is None:
        return _covered(preset_fen, min(preset_fen, card_free_fen), 0)
    if turn.then is None:
        return Shares(reason) if reason is not Reason.OK else _covered(preset_fen, 0, min(preset_fen, most_fen))
    if reason is Reason.PLATE_BLOCKED:
        return Shares(reason)
    if rule is Rule.CARD_THEN_PHONE:
        card_fen = min(preset_fen, card_free_fen)
        if card_fen < preset_fen and reason is not Reason.OK:
            return Shares(reason)
        return _covered(preset_fen, card_fen, min(preset_fen - card_fen, most_fen))
    if reason is not Reason.OK:
        return Shares(reason)
    phone_fen = min(preset_fen, most_fen)
    return _covered(preset_fen, min(preset_fen - phone_fen, card_free_fen), phone_fen)


def _covered(preset_fen: int, card_fen: int, phone_fen: int) -> Shares:
    return Shares(Reason.OK if card_fen + phone_fen >= preset_fen else Reason.BELOW_PRESET, card_fen, phone_fen)
