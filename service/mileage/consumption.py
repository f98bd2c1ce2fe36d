"""Litres per 100 km, only between two full fills: there alone is what was taken what was used."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from service.mileage.history import Located
from service.mileage.places import Refuelling

SHORTEST_M = 20_000
"""Below this, a kilometre's error of the odometer is more than a twentieth."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """From one full fill to the next. user: whose all fills in it are, None for several or nobody."""

    since_us: int
    until_us: int
    distance_m: int
    volume_ml: int
    fills: int
    user: str | None

    @property
    def per_100km_ml(self) -> int:
        return round(self.volume_ml * 100_000 / self.distance_m)


def stretches(fills: Sequence[tuple[Refuelling, Located]]) -> list[Stretch]:
    """What lies between full fills with sane readings at both ends; fills by time."""
    found: list[Stretch] = []
    begin: int | None = None
    for index, (fill, _) in enumerate(fills):
        if not fill.is_full or fill.odometer_m is None:
            continue
        if begin is not None:
            stretch = _between(fills[begin][0], fills[begin + 1 : index + 1])
            if stretch is not None:
                found.append(stretch)
        begin = index
    return found


def _between(first: Refuelling, taken: Sequence[tuple[Refuelling, Located]]) -> Stretch | None:
    """None where a volume is missing or the odometer cannot be right."""
    volumes = [fill.volume_ml for fill, _ in taken if fill.volume_ml is not None]
    last = taken[-1][0]
    distance_m = (last.odometer_m or 0) - (first.odometer_m or 0)
    if len(volumes) < len(taken) or distance_m < SHORTEST_M:
        return None
    users = {located.user for _, located in taken}
    user = users.pop() if len(users) == 1 else None
    return Stretch(first.at_us, last.at_us, distance_m, sum(volumes), len(taken), user)


def by_user(found: Sequence[Stretch]) -> list[tuple[str | None, int, int]]:
    """User, metres and ml over all their stretches, by name; None for stretches of several."""
    sums: dict[str | None, tuple[int, int]] = {}
    for stretch in found:
        metres, volume = sums.get(stretch.user, (0, 0))
        sums[stretch.user] = (metres + stretch.distance_m, volume + stretch.volume_ml)
    return [(user, *sums[user]) for user in sorted(sums, key=lambda u: (u is None, u or ""))]
