"""A visit's steps as its page lists them, by their time; reads of a standing vehicle that say the same are one line."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from service.station.words import REASONS, Words
from wire.live import Stage, StoryLine, VisitReport
from wire.reasons import Reason, Verdict

UNREAD = (Reason.NO_PLATE, Reason.UNSURE, Reason.UNKNOWN_KIND)
GONE: Words = ("进站已结束", "the visit is over")
BEING_READ: Words = ("有车，车牌尚未确定", "a vehicle stands there, and its plate is not certain yet")


@dataclass(frozen=True, slots=True)
class VisitLine:
    """first: the step, or the first of several equal reads; times: how many; until_s: when the last one was."""

    first: StoryLine
    times: int
    until_s: float


def folded(story: Iterable[StoryLine]) -> list[VisitLine]:
    """Reads one after the other of the same plate become one line.

    By the time of each step: a busy lane tells of a read or a picture's vote after the lamp that followed another.
    """
    lines: list[VisitLine] = []
    for step in sorted(story, key=lambda step: step.at_s):
        before = lines[-1] if lines else None
        if before is not None and step.stage is Stage.READ is before.first.stage and step.plate == before.first.plate:
            lines[-1] = replace(before, times=before.times + 1, until_s=step.at_s)
        else:
            lines.append(VisitLine(step, 1, step.at_s))
    return lines


def why_of(line: StoryLine, story: Iterable[StoryLine]) -> Words:
    """Why a step happened. Of a lamp: what was so at that moment, as `greenlane explain` says it."""
    if line.reason is None:
        return ("", "")
    if line.stage is Stage.LAMP and line.reason is Reason.VISIT_OVER:
        return GONE
    if line.stage is Stage.LAMP and line.reason in UNREAD:
        sure = [s.at_s for s in story if s.stage is Stage.ASKED or (s.stage is Stage.VOTED and s.reason is None)]
        if sure and line.at_s < min(sure):
            return BEING_READ
    return REASONS[line.reason]


def is_undecided(visit: VisitReport) -> bool:
    """The vehicle is there and nobody has answered about it: it is being read, and not refused."""
    answered = visit.decision is Verdict.ALLOW or any(step.stage is Stage.ANSWERED for step in visit.story)
    return not visit.over and not answered and visit.reason in UNREAD


def guess_of(visit: VisitReport) -> str | None:
    """The plate that an unsure visit most likely had: the last vote's candidate, else what most reads said."""
    story = sorted(visit.story, key=lambda step: step.at_s)
    votes = [step.plate for step in story if step.stage is Stage.VOTED and step.plate]
    reads = [step.plate for step in story if step.stage is Stage.READ and step.plate]
    return votes[-1] if votes else max(reads, key=reads.count, default=None)
