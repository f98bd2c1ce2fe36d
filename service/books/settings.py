"""The balance service's own rules as one frozen record, bounds checked."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class BookSettings:
    """Raises ValueError for a value out of range.

    hold_life_s: an authorisation that is neither renewed, used nor released ends after this time.
    renewable_for_s: no renewal prolongs it beyond this time after the question.
    stale_after_s, ahead_s: a question is refused when its picture is older, or lies further in the future.
    least_confidence, least_weakest: a read (not typed) plate below either is refused; the lane's own thresholds are
        stricter, this only stops a lane whose thresholds were set wrong.
    sweep_every_s: how often expired holds are given back.
    clock_ahead_s: a fuelling that ends further in the future is flagged.
    fastest_l_per_min: beyond this a fuelling is flagged; fast lorry pumps deliver 120 to 200 l/min.
    tank_percent: a fuelling of more of its vehicle's tank is flagged; filler neck and warm fuel take a little.
    next_payer_after_s: a charge that its payer is silent about goes to the next who holds the same hours.
    owner_after_s: and then to the plate's owner.
    overdue_after_s: and is then overdue: its payer, and the owner once they were asked, are refused on all plates.
    """

    hold_life_s: int = 300
    renewable_for_s: int = 7200
    stale_after_s: int = 120
    ahead_s: int = 60
    least_confidence: float = 0.3
    least_weakest: float = 0.3
    sweep_every_s: int = 5
    clock_ahead_s: int = 300
    fastest_l_per_min: int = 200
    tank_percent: int = 110
    next_payer_after_s: int = 1800
    owner_after_s: int = 86_400
    overdue_after_s: int = 259_200

    def __post_init__(self) -> None:
        for name in ("hold_life_s", "renewable_for_s", "stale_after_s", "sweep_every_s", "fastest_l_per_min"):
            if not 1 <= getattr(self, name) <= 86_400:
                raise ValueError(f"{name}: {getattr(self, name)} is not between 1 and 86400")
        if not 1 <= self.next_payer_after_s < self.owner_after_s < self.overdue_after_s <= 31 * 86_400:
            raise ValueError(
                "next_payer_after_s, owner_after_s, overdue_after_s: must rise in this order, up to 31 days"
            )
        if not 100 <= self.tank_percent <= 200:
            raise ValueError(f"tank_percent: {self.tank_percent} is not between 100 and 200")
        for name in ("ahead_s", "clock_ahead_s"):
            if not 0 <= getattr(self, name) <= 86_400:
                raise ValueError(f"{name}: {getattr(self, name)} is not between 0 and 86400")
        for name in ("least_confidence", "least_weakest"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise ValueError(f"{name}: {getattr(self, name)} is not between 0 and 1")
