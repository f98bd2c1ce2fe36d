"""A visit's steps as its page lists them, by their time; reads of a standing vehicle that say the same are one line."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from wire.live import Stage, StoryLine, VisitReport


@dataclass(frozen=True, slots=True)
class ShownLine:
    """first: the step, or the first of several equal reads; times: how many; until_s: when the last one was."""

    first: StoryLine
    times: int
    until_s: float


def folded(story: Iterable[StoryLine]) -> list[ShownLine]:
    """Reads one after the other of the same plate become one line.

    By the time of each step: a busy lane tells of a read or a picture's vote after the lamp that followed another.
    """
    lines: list[ShownLine] = []
    for step in sorted(story, key=lambda step: step.at_s):
        before = lines[-1] if lines else None
        if before is not None and step.stage is Stage.READ is before.first.stage and step.plate == before.first.plate:
            lines[-1] = replace(before, times=before.times + 1, until_s=step.at_s)
        else:
            lines.append(ShownLine(step, 1, step.at_s))
    return lines


def guess_of(visit: VisitReport) -> str | None:
    """The plate that an unsure visit most likely had: the last vote's candidate, else what most reads said."""
    story = sorted(visit.story, key=lambda step: step.at_s)
    votes = [step.plate for step in story if step.stage is Stage.VOTED and step.plate]
    reads = [step.plate for step in story if step.stage is Stage.READ and step.plate]
    return votes[-1] if votes else max(reads, key=reads.count, default=None)
