"""What the engine itself counts (J1939 total fuel used) beside what the pumps gave, from one full fill to the next."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from service.mileage.places import Refuelling

BIT_ML = 500
"""SAE J1939-71, SPN 250: 0.5 l a bit, so that the difference of two readings is off by less than that."""
TOP_ML = 2_000
"""To the top is not the same height twice."""
SHARE = 20
"""A twentieth: an engine reckons its fuel from the injectors' times and does not measure it."""


@dataclass(frozen=True, slots=True)
class EngineContradiction:
    """Pumps and engine between two full fills, farther apart than is allowed."""

    before: Refuelling
    after: Refuelling
    given_ml: int
    used_ml: int
    allowed_ml: int


def used_between(before: Refuelling | None, after: Refuelling) -> int | None:
    """What the engine counted between two fills; None where it was not read, or runs backwards (another engine)."""
    if before is None or before.total_fuel_ml is None or after.total_fuel_ml is None:
        return None
    used_ml = after.total_fuel_ml - before.total_fuel_ml
    return used_ml if used_ml >= 0 else None


def allowed_ml(given_ml: int) -> int:
    """How far the two may lie apart: resolution, the top, and a twentieth of what the pumps gave."""
    return BIT_ML + TOP_ML + given_ml // SHARE


def contradictions(fills: Sequence[Refuelling]) -> Iterator[EngineContradiction]:
    """Where pumps and engine cannot both be right; fills by time. Only between full fills what was given was used."""
    begin: int | None = None
    for index, after in enumerate(fills):
        if not after.is_full or after.total_fuel_ml is None:
            continue
        if begin is not None:
            before, taken = fills[begin], [fill.volume_ml for fill in fills[begin + 1 : index + 1]]
            given_ml, used_ml = sum(volume or 0 for volume in taken), used_between(before, after)
            allowed = allowed_ml(given_ml)
            if used_ml is not None and None not in taken and abs(given_ml - used_ml) > allowed:
                yield EngineContradiction(before, after, given_ml, used_ml, allowed)
        begin = index
