"""How long and how fast the judge of wholeness learns; torch is not needed to know it, so that --help works without."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class WholePlan:
    """How long and how fast to learn. rounds: how often every plate of the scenes is shown to the finder beforehand."""

    steps: int = 9000
    batch: int = 64
    rounds: int = 30
    crops: int = 500
    drawn: int = 350
    learning_rate: float = 3e-3
    weight_decay: float = 0.02
    warmup_steps: int = 200
    average_decay: float = 0.998
    save_every: int = 500
    minutes: float | None = None
    seed: int = 1


SMOKE = WholePlan(steps=4, batch=6, rounds=1, crops=4, drawn=60, warmup_steps=2, save_every=3)
