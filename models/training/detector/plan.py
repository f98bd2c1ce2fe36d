"""How long and how fast the detector's networks learn; torch is not needed to know it, so that --help works without."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class DetectorPlan:
    """How long and how boldly to train. batch size is the iterator's affair."""

    steps: int
    out: Path
    learning_rate: float = 2e-3
    warm_up: int = 200
    save_every: int = 250
    decay: float = 0.998


STEPS_AND_BATCH = {"finder": (9000, 16), "refiner": (4000, 64), "export": (0, 0), "quantise": (128, 1)}
"""Of each stage, in their order."""
