"""How long and how fast the recogniser learns; torch is not needed to know it, so that --help works without."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class RecogniserPlan:
    """How long and how fast to learn.

    steps: batches in all. minutes: the rate falls with these where they end before the steps do. drawn_steps: batches
    before real crops come in; 0 for a network that reads already. real_share: their share from then on, reached over as
    many steps again. attention_weight: of the loss that shows the attention where drawn characters stand.
    """

    steps: int = 6000
    batch: int = 64
    drawn_steps: int = 600
    real_share: float = 0.45
    learning_rate: float = 2.5e-3
    weight_decay: float = 0.02
    warmup_steps: int = 300
    attention_weight: float = 0.3
    average_decay: float = 0.998
    save_every: int = 500
    filter_every: int = 1500
    minutes: float | None = None
    seed: int = 1


CONTINUED = RecogniserPlan(steps=10_000, drawn_steps=0, learning_rate=1.5e-3, warmup_steps=100, average_decay=0.995)
"""For weights that read well already: no lesson on drawn plates alone, smaller steps, an average that forgets soon."""
SMOKE = RecogniserPlan(steps=6, batch=8, drawn_steps=2, warmup_steps=2, save_every=3, filter_every=4)


def smoke_plan(plan: RecogniserPlan) -> RecogniserPlan:
    """The plan at a size that ends within seconds and still passes through every phase."""
    return replace(
        plan,
        steps=SMOKE.steps,
        batch=SMOKE.batch,
        drawn_steps=min(plan.drawn_steps, SMOKE.drawn_steps),
        warmup_steps=SMOKE.warmup_steps,
        save_every=SMOKE.save_every,
        filter_every=SMOKE.filter_every,
    )
