"""Trains the recogniser: drawn plates first, then real crops in every batch; resumes from its checkpoint."""

# mypy: allow-untyped-decorators, allow-any-generics

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from models.training.data.realdata import RealCrop
from models.training.precision import autocast
from models.training.recogniser.averaged import AveragedRun
from models.training.recogniser.eval import read_crops
from models.training.recogniser.mixing import Mixer, RealData
from models.training.recogniser.net import GRID_HEIGHT, GRID_WIDTH, RecogniserNet, as_input
from models.training.recogniser.plan import RecogniserPlan
from models.training.recogniser.samples import Sample, real_sample


class Trainer(AveragedRun[RecogniserNet]):
    """One training run of the recogniser."""

    def __init__(
        self, plan: RecogniserPlan, data: RealData, checkpoint: Path, net: RecogniserNet | None = None
    ) -> None:
        """net: where to begin; a fresh one without it."""
        super().__init__(plan, checkpoint, lambda: net or RecogniserNet())
        self.plan, self.data = plan, data

    def run(self) -> None:
        """Train from the current step to the plan's last; nothing is left to do for a run that has ended."""
        if self.done() >= 1.0:
            return
        mixer = Mixer(self.data.train, self.data.grounds, self.plan.seed * 1_000_003 + self.step)
        first = self.step

        def learn() -> str:
            if self.step == first or self.step % self.plan.filter_every == 0:
                self._filter(mixer)
            losses = self._one_step(mixer.batch(self.plan.batch, self._real_share()))
            return f"loss {losses[0]:.3f} attention {losses[1]:.3f}"

        self.train("recogniser", learn, self._look)

    def _real_share(self) -> float:
        if self.plan.drawn_steps == 0:
            return self.plan.real_share
        over = (self.step - self.plan.drawn_steps) / self.plan.drawn_steps
        return self.plan.real_share * min(max(over, 0.0), 1.0)

    def _one_step(self, samples: Sequence[Sample]) -> tuple[float, float]:
        strips = torch.from_numpy(np.stack([sample.strip for sample in samples]))
        classes = torch.from_numpy(np.stack([sample.classes for sample in samples]))
        centres = torch.from_numpy(np.stack([sample.centres for sample in samples]))
        self.set_rate(self.done())
        self.net.train()
        with autocast():
            logits, scores = self.net.forward_full(as_input(strips))
        reading = functional.cross_entropy(logits.float().flatten(0, 1), classes.flatten())
        looking = attention_loss(scores.float(), centres)
        self.descend(reading + self.plan.attention_weight * looking)
        return reading.item(), looking.item()

    def _look(self) -> str:
        """One line on the calibration part, which is neither trained on nor held out."""
        by_source: dict[str, list[bool]] = {}
        for read in read_crops(self.average, self.data.calibration):
            by_source.setdefault(read.crop.source, []).append(read.text == read.crop.text)
        shares = ", ".join(f"{name} {100 * np.mean(hits):.1f} %" for name, hits in sorted(by_source.items()))
        return f"calibration part exact: {shares or 'no real crops'}"

    def _filter(self, mixer: Mixer) -> None:
        """Leave out automatic labels that a network that reads well contradicts; show hard checked crops more often."""
        if self.step < self.plan.filter_every and self.plan.drawn_steps > 0:
            return
        auto = [crop for crop in self.data.train if crop.source == "auto"]
        crops = [crop for crop in self.data.train if crop.source != "auto"] + trusted(self.average, auto)
        doubts = doubts_of(self.average, crops, self.plan.seed + self.step)
        mixer.replace(crops, [0.5 + 3 * d if c.source != "auto" else 0.5 for c, d in zip(crops, doubts, strict=True)])


def trusted(net: RecogniserNet, crops: Sequence[RealCrop]) -> list[RealCrop]:
    """The crops whose label the network does not contradict with every character above 0.9."""
    return [r.crop for r in read_crops(net, crops) if r.text == r.crop.text or r.weakest < 0.9]


@torch.no_grad()
def doubts_of(net: RecogniserNet, crops: Sequence[RealCrop], seed: int) -> NDArray[np.float32]:
    """How hard each crop is, 0 to 1: one minus the least probability of a true character, on one warped variant."""
    rng = np.random.default_rng(seed)
    doubts: list[NDArray[np.float32]] = []
    for start in range(0, len(crops), 64):
        samples = [real_sample(rng, crop) for crop in crops[start : start + 64]]
        strips = torch.from_numpy(np.stack([sample.strip for sample in samples]))
        classes = torch.from_numpy(np.stack([sample.classes for sample in samples]))
        shares = torch.softmax(net.eval()(as_input(strips)).float(), 2)
        doubts.append(1 - shares.gather(2, classes[:, :, None])[:, :, 0].min(1).values.numpy())
    return np.concatenate(doubts) if doubts else np.zeros(0, np.float32)


def attention_loss(scores: Tensor, centres: Tensor) -> Tensor:
    """Cross-entropy between attention logits (N, 9, cells) and a small hill at each known centre (N, 9, 2)."""
    known = ~torch.isnan(centres[:, :, 0])
    if not bool(known.any()):
        return scores.sum() * 0.0
    x = (torch.arange(GRID_WIDTH) + 0.5) / GRID_WIDTH
    y = (torch.arange(GRID_HEIGHT) + 0.5) / GRID_HEIGHT
    points = centres[known]
    across = ((x[None, :] - points[:, :1]) * (GRID_WIDTH / 1.2)) ** 2
    down = ((y[None, :] - points[:, 1:]) * (GRID_HEIGHT / 1.2)) ** 2
    hill = torch.softmax(-0.5 * (down[:, :, None] + across[:, None, :]).flatten(1), 1)
    return -(hill * torch.log_softmax(scores[known], 1)).sum(1).mean()
