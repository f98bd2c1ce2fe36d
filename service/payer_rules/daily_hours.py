"""A schedule as daily hours with one answer each, for those who cannot ask: pure, within a window of time."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Generic, TypeVar

from service.payer_rules.periods import DAY_MIN, Hours, Schedule, Turn, turn_of_minute

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class DailyHours(Generic[Answer]):
    """Hours of every day within [from_us, until_us); None: the window's own end."""

    hours: Hours
    from_us: int | None
    until_us: int | None
    answer: Answer


Daily = tuple[tuple[Hours, Answer], ...]


def daily_hours(
    schedule: Schedule,
    begin_us: int,
    end_us: int,
    answer: Callable[[Turn, int], Answer | None],
    others: Iterable[Hours] = (),
) -> tuple[DailyHours[Answer], ...]:
    """All hours that have an answer, none of them overlapping.

    answer: of a turn and a minute of the day; None leaves the minute out. It changes at the edges of the schedule's
    own hours and of `others` alone.
    """
    edges = _edges(schedule, others)
    instants = sorted(us for us in _instants(schedule) if begin_us < us < end_us)
    found: list[tuple[int | None, int | None, Daily[Answer]]] = []
    for since, until in pairwise([None, *instants, None]):
        at_us = begin_us if since is None else since
        day = _day(schedule, at_us, edges, answer)
        if found and found[-1][2] == day:
            since = found.pop()[0]
        found.append((since, until, day))
    return tuple(DailyHours(hours, since, until, one) for since, until, day in found for hours, one in day)


def _day(
    schedule: Schedule, at_us: int, edges: list[int], answer: Callable[[Turn, int], Answer | None]
) -> Daily[Answer]:
    parts: list[tuple[int, int, Answer]] = []
    for start, end in pairwise([*edges, DAY_MIN]):
        one = answer(turn_of_minute(schedule, at_us, start), start)
        if one is None:
            continue
        if parts and parts[-1][1] == start and parts[-1][2] == one:
            start = parts.pop()[0]
        parts.append((start, end, one))
    if len(parts) > 1 and parts[0][0] == 0 and parts[-1][1] == DAY_MIN and parts[0][2] == parts[-1][2]:
        start, _, one = parts.pop()
        parts[0] = (start, parts[0][1], one)
    return tuple((Hours(start, end), one) for start, end, one in parts)


def _edges(schedule: Schedule, others: Iterable[Hours]) -> list[int]:
    hours = [*(b.hours for b in schedule.bindings), *(g.hours for g in schedule.gaps), *others]
    return sorted({0, *(minute % DAY_MIN for each in hours for minute in (each.start_min, each.end_min))})


def _instants(schedule: Schedule) -> set[int]:
    moments = [us for b in schedule.bindings for us in (b.from_us, b.until_us, b.made_us, b.ended_us)]
    moments += [us for gap in schedule.gaps for us in (gap.made_us, gap.ended_us)]
    return {us for us in moments if us is not None}
