"""Which hour is whose: pure functions of a plate's schedule, an instant and a time zone.

Hours are half-open and belong to the wall clock of a named zone: where a clock change repeats an hour its holder has it
twice, where one skips it nobody has it. Bindings are half-open in time as well (hand-over).
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from service.store.clock import from_us, to_us

DAY_MIN = 1440
_SHORTEST = timedelta(minutes=1)
"""Hours are not shorter, so that two edges of one lie no closer."""
_HOURS = re.compile(r"([0-9]{1,2})(?::([0-9]{2}))?-([0-9]{1,2})(?::([0-9]{2}))?\Z", re.ASCII)


class Rule(enum.StrEnum):
    """How a plate is paid for; in the combined ones the first named pays first."""

    CARD = "card"
    PHONE = "phone"
    CARD_THEN_PHONE = "card-then-phone"
    PHONE_THEN_CARD = "phone-then-card"


class GapAction(enum.StrEnum):
    """What happens in declared hours that nobody holds."""

    REFUSE = "refuse"
    OWNER = "owner"
    CARD = "card"


class PayerKind(enum.StrEnum):
    CARD = "card"
    PHONE = "phone"
    OWNER = "owner"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Hours:
    """Daily hours [start, end) in minutes of the day; over midnight where the end is not after the start."""

    start_min: int
    end_min: int

    def __post_init__(self) -> None:
        if not 0 <= self.start_min < DAY_MIN or not 0 < self.end_min <= DAY_MIN:
            raise ValueError("hours must be between 0 and 24")

    @classmethod
    def parse(cls, text: str) -> Hours:
        """Hours typed as H[:MM]-H[:MM]. Raises ValueError."""
        found = _HOURS.match(text.strip())
        if found is None:
            raise ValueError(f"{text!r} is not a period: write 8-16, 22-6 or 7:30-12:15")
        start, end = _minutes(found[1], found[2], text), _minutes(found[3], found[4], text)
        if start == DAY_MIN:
            raise ValueError(f"{text!r}: a period starts before 24")
        return cls(start, end or DAY_MIN)

    def covers(self, minute: int) -> bool:
        """Whether a minute of the day, 0 to 1439, lies inside."""
        if self.start_min < self.end_min:
            return self.start_min <= minute < self.end_min
        return minute >= self.start_min or minute < self.end_min

    def overlaps(self, other: Hours) -> bool:
        return self.covers(other.start_min) or other.covers(self.start_min)

    @property
    def start_text(self) -> str:
        return _clock(self.start_min)

    @property
    def end_text(self) -> str:
        """ "24:00" at the end of the day."""
        return _clock(self.end_min)

    def __str__(self) -> str:
        return f"{self.start_text}-{self.end_text}"


@dataclass(frozen=True, slots=True)
class Binding:
    """A person's hours on a plate. from_us None: from the beginning, where nobody else held the hours.

    made_us: when it was set; ended_us: when it was taken back or replaced, so that it held only in between.
    """

    person: str
    name: str
    hours: Hours
    order: int
    from_us: int | None
    until_us: int | None
    made_us: int
    ended_us: int | None

    def is_in_force(self, at_us: int) -> bool:
        begin_us = self.made_us if self.from_us is None and self.ended_us is not None else self.from_us
        ends = [end for end in (self.until_us, self.ended_us) if end is not None]
        return (begin_us is None or begin_us <= at_us) and all(at_us < end for end in ends)

    def strength(self, at_us: int) -> int:
        """Who really held an hour comes before who is only taken to have held it from the beginning."""
        if self.from_us is not None or self.ended_us is not None or at_us >= self.made_us:
            return 2
        return 1 if self.until_us is not None else 0


@dataclass(frozen=True, slots=True)
class Gap:
    """Declared hours that nobody holds. In force from the beginning, one taken back only while it stood."""

    hours: Hours
    action: GapAction
    made_us: int
    ended_us: int | None

    def is_in_force(self, at_us: int) -> bool:
        return self.ended_us is None or self.made_us <= at_us < self.ended_us


@dataclass(frozen=True, slots=True)
class Payer:
    """Who pays. id: of the card or the person; name: as operators know it."""

    kind: PayerKind
    id: str | None = None
    name: str | None = None


NOBODY = Payer(PayerKind.NONE)


@dataclass(frozen=True, slots=True)
class Schedule:
    """All that decides who pays for a plate. rule None: card where there is one, else phone.

    fleet: that owns the plate, where no person does; it decides about hours and pays for nothing by itself.
    """

    plate: str
    rule: Rule | None
    card: str | None
    owner: Payer | None
    bindings: tuple[Binding, ...]
    gaps: tuple[Gap, ...]
    fleet: str | None = None

    @property
    def rule_in_force(self) -> Rule:
        return self.rule or (Rule.PHONE if self.card is None else Rule.CARD)


@dataclass(frozen=True, slots=True)
class Turn:
    """Whose hour it is. then: who covers the rest under a combined rule; hours: those of the phone or of the gap.

    sharing: who else holds the same hour, in the order in which they are asked. reason: None when somebody pays.
    """

    payer: Payer
    then: Payer | None
    hours: Hours | None
    sharing: tuple[Payer, ...] = ()
    reason: str | None = None


def turn_at(schedule: Schedule, at: datetime, zone: ZoneInfo) -> Turn:
    """Whose hour an instant is by the schedule as it stands."""
    return turn_of_minute(schedule, to_us(at), _minute_of(at, zone))


def turn_of_minute(schedule: Schedule, at_us: int, minute: int) -> Turn:
    """Whose a minute of the local day, 0 to 1439, is by the schedule in force at an instant."""
    rule = schedule.rule_in_force
    card = NOBODY if schedule.card is None else Payer(PayerKind.CARD, schedule.card, schedule.card)
    if rule is Rule.CARD:
        return Turn(card, None, None, reason=None if schedule.card else "no_payer")
    found = _phone_turn(schedule, card, at_us, minute)
    by_phone = found.payer.kind in (PayerKind.PHONE, PayerKind.OWNER)
    if rule is Rule.PHONE or schedule.card is None or found.reason == "gap" or found.payer.kind is PayerKind.CARD:
        return found
    if rule is Rule.PHONE_THEN_CARD:
        return Turn(found.payer, card, found.hours, found.sharing, found.reason)
    return Turn(card, found.payer, found.hours, found.sharing if by_phone else ())


def is_unsure(schedule: Schedule, at: datetime, error: timedelta, zone: ZoneInfo) -> bool:
    """Whether somebody else pays anywhere within the error of a clock that shows this time."""
    low, high = at - error, at + error
    if _who(turn_at(schedule, low, zone)) != _who(turn_at(schedule, high, zone)):
        return True
    if error < _SHORTEST / 2:
        return False
    return len({_who(turn) for _, _, turn in spans(schedule, zone, low, high)}) > 1


def _who(turn: Turn) -> tuple[str | None, ...]:
    return turn.payer.kind, turn.payer.id, None if turn.then is None else turn.then.id


def holders(schedule: Schedule, at: datetime, zone: ZoneInfo) -> tuple[Binding, ...]:
    """Who holds an hour, in the order in which they are asked; each person once."""
    return _holders(schedule, to_us(at), _minute_of(at, zone))


def _phone_turn(schedule: Schedule, card: Payer, at_us: int, minute: int) -> Turn:
    held = _holders(schedule, at_us, minute)
    if held:
        payers = [Payer(PayerKind.PHONE, binding.person, binding.name) for binding in held]
        return Turn(payers[0], None, held[0].hours, tuple(payers[1:]))
    gap = _gap(schedule, at_us, minute)
    if gap is None:
        return Turn(NOBODY, None, None, reason="no_payer")
    if gap.action is GapAction.REFUSE:
        return Turn(NOBODY, None, gap.hours, reason="gap")
    payer = card if gap.action is GapAction.CARD else schedule.owner or NOBODY
    return Turn(payer, None, gap.hours, reason="no_payer" if payer is NOBODY else None)


def _holders(schedule: Schedule, at_us: int, minute: int) -> tuple[Binding, ...]:
    held = [b for b in schedule.bindings if b.hours.covers(minute) and b.is_in_force(at_us)]
    strongest = max((b.strength(at_us) for b in held), default=0)
    by_person: dict[str, Binding] = {}
    for binding in sorted(held, key=lambda b: (b.order, b.name, b.person, b.hours.start_min)):
        if binding.strength(at_us) == strongest:
            by_person.setdefault(binding.person, binding)
    return tuple(by_person.values())


def _gap(schedule: Schedule, at_us: int, minute: int) -> Gap | None:
    """One that really stood then comes before one that is taken to have stood from the beginning."""
    found = [gap for gap in schedule.gaps if gap.hours.covers(minute) and gap.is_in_force(at_us)]
    return max(found, key=lambda gap: (gap.made_us <= at_us, gap.made_us), default=None)


def spans(
    schedule: Schedule, zone: ZoneInfo, begin: datetime, end: datetime
) -> Iterator[tuple[datetime, datetime, Turn]]:
    """The time from begin to end cut into pieces that each have one payer, adjoining ones of the same payer joined."""
    edges = sorted(edge for edge in _edges(schedule, zone, begin, end) if begin < edge < end)
    since, turn = begin, turn_at(schedule, begin, zone)
    for edge in edges:
        following = turn_at(schedule, edge, zone)
        if following != turn:
            yield since, edge, turn
            since, turn = edge, following
    if since < end:
        yield since, end, turn


def _edges(schedule: Schedule, zone: ZoneInfo, begin: datetime, end: datetime) -> set[datetime]:
    """Every instant at which the payer may change; some change nothing."""
    moments = {us for b in schedule.bindings for us in (b.from_us, b.until_us, b.made_us, b.ended_us) if us is not None}
    moments |= {us for gap in schedule.gaps for us in (gap.made_us, gap.ended_us) if us is not None}
    edges = {from_us(us) for us in moments}
    hours = [*(binding.hours for binding in schedule.bindings), *(gap.hours for gap in schedule.gaps)]
    minutes = {minute % DAY_MIN for each in hours for minute in (each.start_min, each.end_min)}
    day, last = begin.astimezone(zone).date() - timedelta(days=1), end.astimezone(zone).date()
    while day <= last:
        midnight, following = datetime.combine(day, time()), datetime.combine(day + timedelta(days=1), time())
        for minute in minutes:
            wall = midnight + timedelta(minutes=minute)
            edges |= {_instant(wall.replace(fold=fold), zone) for fold in (0, 1)}
        edges |= _clock_changes(_instant(midnight, zone), _instant(following, zone), zone)
        day += timedelta(days=1)
    return edges


def _clock_changes(begin: datetime, end: datetime, zone: ZoneInfo) -> set[datetime]:
    """The instants between two midnights at which the zone's offset changes; to the second, as zones are defined."""
    probes = [begin + (end - begin) * n / 8 for n in range(9)]
    return {_change(a, b, zone) for a, b in pairwise(probes) if _offset(a, zone) != _offset(b, zone)}


def _change(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    low, high = int(before.timestamp()), int(after.timestamp()) + 1
    old = _offset(before, zone)
    while high - low > 1:
        middle = (low + high) // 2
        if _offset(from_us(middle * 1_000_000), zone) == old:
            low = middle
        else:
            high = middle
    return from_us(high * 1_000_000)


def _offset(moment: datetime, zone: ZoneInfo) -> timedelta | None:
    return moment.astimezone(zone).utcoffset()


def _instant(wall: datetime, zone: ZoneInfo) -> datetime:
    return from_us(to_us(wall.replace(tzinfo=zone)))


def _minute_of(at: datetime, zone: ZoneInfo) -> int:
    local = at.astimezone(zone)
    return local.hour * 60 + local.minute


def _minutes(hour: str, minute: str | None, text: str) -> int:
    minutes = int(hour) * 60 + int(minute or 0)
    if int(minute or 0) > 59 or minutes > DAY_MIN:
        raise ValueError(f"{text!r}: hours go from 0 to 24, minutes to 59")
    return minutes


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02d}:{minutes % 60:02d}"
