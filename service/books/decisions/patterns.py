"""What a wrong figure of a fuelling looks like beside the one before: a name for the kind of fault, no proof of it."""

from __future__ import annotations

from dataclasses import dataclass

from wire.flags import BooksFlag

WORDS = {
    BooksFlag.SUM_OF_TWO: "the sale before added to this one",
    BooksFlag.SAME_AGAIN: "the sale before once more",
    BooksFlag.TWO_SWAPPED: "this sale and the one before exchanged",
}


@dataclass(frozen=True, slots=True)
class Figures:
    """Of one fuelling: what was reported, and what it should be by a figure that does not come from the report."""

    volume_ml: int
    own_ml: int


def pattern(now: Figures, before: Figures | None, step_ml: int) -> BooksFlag | None:
    """The kind of fault that both figures together look like. Ask only where something else contradicts the report.

    Figures are alike within step_ml. The three patterns come in honest sales too, which is why they prove nothing.
    """
    if before is None:
        return None

    def alike(one_ml: int, other_ml: int) -> bool:
        return abs(one_ml - other_ml) <= step_ml

    if alike(now.volume_ml, now.own_ml):
        return None
    if alike(now.volume_ml, before.volume_ml + now.own_ml):
        return BooksFlag.SUM_OF_TWO
    if alike(now.volume_ml, before.own_ml) and alike(now.own_ml, before.volume_ml):
        return BooksFlag.TWO_SWAPPED
    return BooksFlag.SAME_AGAIN if alike(now.volume_ml, before.volume_ml) else None
