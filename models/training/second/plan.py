"""How long and how fast the second recogniser learns; torch is not needed to know it, so that --help works without."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class SecondPlan:
    """How long and how fast to learn. minutes: the rate falls with these where they end before the steps do."""

    steps: int = 7000
    batch: int = 64
    real_share: float = 0.5
    ramp_steps: int = 800
    learning_rate: float = 2.5e-3
    weight_decay: float = 0.02
    warmup_steps: int = 200
    look_weight: float = 0.3
    average_decay: float = 0.998
    save_every: int = 250
    minutes: float | None = None
    seed: int = 1


SMOKE = SecondPlan(steps=4, batch=6, ramp_steps=1, warmup_steps=2, save_every=3)
