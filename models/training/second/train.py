"""Trains the second recogniser from nothing: drawn and real strips in every batch, a good part of them spoilt."""

# mypy: allow-untyped-decorators, allow-any-generics

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from models.second_opinion import HIDDEN
from models.training.data.realdata import RealCrop
from models.training.precision import autocast
from models.training.recogniser.averaged import AveragedRun
from models.training.recogniser.mixing import RealData, crop_odds
from models.training.second.net import COLUMNS, SecondNet, as_input
from models.training.second.plan import SecondPlan
from models.training.second.samples import IGNORED, Pool, SecondSample, drawn_second, nothing, real_second

SHARES = {"ccpd": 0.14, "easypr": 0.2, "auto": 0.16, "scene": 0.12, "toll": 0.06, "loose": 0.04, "mosaic": 0.03}
SHARES |= {"street": 0.13, "photo": 0.12}
"""How the real part is divided: few of the crops of one province, which the first recogniser saw most of."""

NOTHING_SHARE = 0.03


class SecondMixer:
    """Draws batches of drawn plates, real crops and strips without a plate."""

    def __init__(self, data: RealData, seed: int) -> None:
        self._rng = np.random.default_rng(seed)
        self._crops, self._grounds, self._pool = list(data.train), data.grounds, Pool()
        self._odds = crop_odds(self._crops, shares=SHARES)

    def batch(self, size: int, real_share: float) -> list[SecondSample]:
        """`size` samples; real_share of them real where there are any."""
        return [self._one(real_share if self._crops else 0.0) for _ in range(size)]

    def _one(self, real_share: float) -> SecondSample:
        choice = self._rng.random()
        if choice < NOTHING_SHARE:
            return nothing(self._rng, self._grounds)
        if choice < NOTHING_SHARE + real_share:
            index = int(np.searchsorted(self._odds, self._rng.random(), side="right"))
            return real_second(self._rng, self._crops[min(index, len(self._crops) - 1)])
        return drawn_second(self._rng, self._pool)


class SecondTrainer(AveragedRun[SecondNet]):
    """One training run of the second recogniser."""

    def __init__(self, plan: SecondPlan, data: RealData, checkpoint: Path, net: SecondNet | None = None) -> None:
        """net: where to begin; a fresh one without it."""
        super().__init__(plan, checkpoint, SecondNet if net is None else lambda: net)
        self.plan, self.data = plan, data

    def run(self) -> None:
        """All that is left of the plan."""
        mixer = SecondMixer(self.data, self.plan.seed * 1_000_003 + self.step)

        def learn() -> str:
            share = self.plan.real_share * min(1.0, self.step / max(self.plan.ramp_steps, 1))
            losses = self._one_step(mixer.batch(self.plan.batch, share))
            return f"loss {losses[0]:.3f} look {losses[1]:.3f}"

        self.train("second", learn, self.look)

    def _one_step(self, samples: Sequence[SecondSample]) -> tuple[float, float]:
        strips, classes, centres = tensors(samples)
        self.set_rate(self.done())
        self.net.train()
        with autocast():
            logits, scores = self.net.forward_full(as_input(strips))
        reading = functional.cross_entropy(logits.float().flatten(0, 1), classes.flatten(), ignore_index=IGNORED)
        looking = look_loss(scores.float(), centres)
        self.descend(reading + self.plan.look_weight * looking)
        return reading.item(), looking.item()

    def look(self) -> str:
        """One line on strips of the calibration part, some of them spoilt; drawn ones without real crops."""
        return figures(self.average, calibration_samples(self.data.calibration))


def tensors(samples: Sequence[SecondSample]) -> tuple[Tensor, Tensor, Tensor]:
    """Strips, classes and centres of a batch."""
    strips = torch.from_numpy(np.stack([sample.strip for sample in samples]))
    classes = torch.from_numpy(np.stack([sample.classes for sample in samples]))
    return strips, classes, torch.from_numpy(np.stack([sample.centres for sample in samples]))


def calibration_samples(crops: Sequence[RealCrop], seed: int = 7, variants: int = 2) -> list[SecondSample]:
    """Checked crops as training shows them, spoilt and whole; drawn plates where there are none."""
    rng = np.random.default_rng(seed)
    checked = [crop for crop in crops if crop.source != "auto"]
    if not checked:
        pool = Pool()
        return [drawn_second(rng, pool) for _ in range(32)]
    return [real_second(rng, crop) for crop in checked for _ in range(variants)]


@torch.no_grad()
def logits_of(net: SecondNet, strips: Tensor) -> NDArray[np.float32]:
    """Logits (N, 9, classes) before temperature."""
    net.eval()
    parts = [net.forward_full(as_input(part))[0].float().numpy() for part in strips.split(64)]
    return np.asarray(np.concatenate(parts), np.float32)


def figures(net: SecondNet, samples: Sequence[SecondSample]) -> str:
    """How many places are read right, how many hidden ones are known as hidden, how many seen ones are called so."""
    strips, classes, _ = tensors(samples)
    best, true = logits_of(net, strips).argmax(2), classes.numpy()
    seen, hidden = (true != HIDDEN) & (true > 0), true == HIDDEN
    clear = ((true != IGNORED) & (true != HIDDEN)).all(1)
    whole = (best == true).all(1)[clear]
    return (
        f"seen places right {_share(best == true, seen)}, province {_share(best == true, _first(seen))}, "
        f"called hidden {_share(best == HIDDEN, seen)}; hidden known {_share(best == HIDDEN, hidden)}, "
        f"province {_share(best == HIDDEN, _first(hidden))}; whole strips {_share(whole, np.ones_like(whole))}"
    )


def _first(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    first = np.zeros_like(mask)
    first[:, 0] = mask[:, 0]
    return first


def _share(hits: NDArray[np.bool_], among: NDArray[np.bool_]) -> str:
    return f"{100 * hits[among].mean():.1f} %" if among.any() else "-"


def look_loss(scores: Tensor, centres: Tensor) -> Tensor:
    """Cross-entropy between where places look (N, 9, columns) and a small hill at each known centre (N, 8)."""
    known = ~torch.isnan(centres)
    if not bool(known.any()):
        return scores.sum() * 0.0
    columns = (torch.arange(COLUMNS) + 0.5) / COLUMNS
    away = ((columns[None, :] - centres[known][:, None]) * (COLUMNS / 1.3)) ** 2
    hill = torch.softmax(-0.5 * away, 1)
    return -(hill * torch.log_softmax(scores[known], 1)).sum(1).mean()
