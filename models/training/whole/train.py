"""Trains the judge of wholeness: found plates with something over them and without, half of each batch."""

# mypy: allow-untyped-decorators, allow-any-generics

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional
from tqdm import tqdm

from models.detector import Detector
from models.training.data.holdout import is_for_calibration, is_held_out
from models.training.data.scenes import Scene, ScenePlate
from models.training.precision import autocast
from models.training.recogniser.averaged import AveragedRun
from models.training.recogniser.mixing import RealData
from models.training.second.samples import Pool
from models.training.whole.camera import taken
from models.training.whole.net import WholeNet, as_input
from models.training.whole.plan import WholePlan
from models.training.whole.samples import BESIDE, WholeSample, crops_of_all, drawn_samples, scene_samples

Image = NDArray[np.uint8]
Shown = tuple[Scene, ScenePlate]

EASY_ODDS = 0.3
"""How often a strip that the network knows is shown, where one that it mistakes is shown 1.3 times."""

CELLS_WEIGHT = 1.0
"""Of the loss that shows the network where something lies; whether anything does is the other."""

MOST_OBJECTIONS = 0.01
"""Calibration shifts the logits so that this share of the whole plates is judged partly hidden at 0.7 or more."""
BOUND_LOGIT = float(np.log(0.7 / 0.3))


@dataclass(frozen=True)
class Bank:
    """Strips (N, 48, 160, 3) made beforehand, because finding plates costs more than learning from them; which are
    partly hidden, what is covered where (N, 6, 40), which are drawn."""

    strips: Image
    hidden: NDArray[np.bool_]
    cover: Image
    drawn: NDArray[np.bool_]

    @classmethod
    def of(cls, samples: Sequence[WholeSample]) -> Bank:
        return cls(
            np.stack([sample.strip for sample in samples]),
            np.array([sample.hidden for sample in samples], np.bool_),
            np.stack([sample.cover for sample in samples]),
            np.array([sample.drawn for sample in samples], np.bool_),
        )

    @classmethod
    def kept(cls, path: Path, make: Callable[[], Bank]) -> Bank:
        """The bank in this file, so that a run that is taken up again need not find all plates anew."""
        if not path.is_file():
            made = make()
            np.savez(path, strips=made.strips, hidden=made.hidden, cover=made.cover, drawn=made.drawn)
            return made
        with np.load(path) as arrays:
            return cls(*(arrays[name] for name in ("strips", "hidden", "cover", "drawn")))

    def chosen(self, rng: np.random.Generator, size: int, surprise: NDArray[np.float32]) -> NDArray[np.int64]:
        """Numbers of so many strips, half of them partly hidden, surprising ones more often."""
        parts = []
        for half in (np.flatnonzero(self.hidden), np.flatnonzero(~self.hidden)):
            odds = np.cumsum(EASY_ODDS + surprise[half])
            parts.append(half[np.searchsorted(odds, rng.random(size // 2) * odds[-1])])
        return np.concatenate(parts)

    def shown(self, rng: np.random.Generator, numbers: NDArray[np.int64]) -> tuple[Tensor, Tensor, Tensor]:
        """These strips through a camera, which are partly hidden, and what is covered where."""
        strips = np.stack([self._shown(rng, int(number)) for number in numbers])
        hidden = self.hidden[numbers].astype(np.float32)
        return torch.from_numpy(strips), torch.from_numpy(hidden), torch.from_numpy(self.cover[numbers])

    def _shown(self, rng: np.random.Generator, index: int) -> Image:
        return taken(rng, self.strips[index], 0.9 if self.drawn[index] else 0.6)


def plates_of(scenes: Sequence[Scene], calibration: bool) -> list[Shown]:
    """The plates of scenes whose corners are known, of the training or of the calibration part."""
    return [
        (scene, plate)
        for scene in scenes
        for plate in scene.plates
        if plate.exact_corners
        and plate.text
        and not is_held_out(plate.text)
        and is_for_calibration(plate.text) == calibration
    ]


def made(plan: WholePlan, detector: Detector, plates: Sequence[Shown], data: RealData, calibration: bool) -> Bank:
    """All strips of a part; drawn ones only to train on, or where there are no real ones."""
    rng = np.random.default_rng(plan.seed + (1000 if calibration else 0))
    pool, samples = Pool(), list[WholeSample]()
    crops = data.calibration if calibration else data.train
    for _ in tqdm(range(plan.rounds), desc="found plates", unit="round"):
        for scene, plate in plates:
            samples += scene_samples(rng, detector, scene, plate)
        samples += crops_of_all(rng, crops, plan.crops)
        if not calibration or not crops:
            for _ in range(plan.drawn):
                samples += drawn_samples(rng, pool)
    return Bank.of(samples)


class WholeTrainer(AveragedRun[WholeNet]):
    """One training run of the judge of wholeness."""

    def __init__(self, plan: WholePlan, checkpoint: Path) -> None:
        super().__init__(plan, checkpoint, WholeNet)
        self.plan = plan

    def run(self, bank: Bank, calibration: Bank) -> None:
        """All that is left of the plan."""
        rng = np.random.default_rng(self.plan.seed * 1_000_003 + self.step)
        surprise = np.full(len(bank.hidden), 0.5, np.float32)

        def learn() -> str:
            numbers = bank.chosen(rng, self.plan.batch, surprise)
            loss, missed = self._one_step(*bank.shown(rng, numbers))
            surprise[numbers] += 0.5 * (missed - surprise[numbers])
            return f"loss {loss:.3f}"

        self.train("whole", learn, lambda: figures(self.average, calibration))

    def _one_step(self, strips: Tensor, hidden: Tensor, cover: Tensor) -> tuple[float, NDArray[np.float32]]:
        """The loss, and how far each strip was from what it should have been, 0 to 1."""
        self.set_rate(self.done())
        self.net.train()
        with autocast():
            judged, cells = self.net.forward_full(as_input(strips))
        logits = judged.float()[:, 0]
        loss = functional.binary_cross_entropy_with_logits(logits, hidden * 0.98 + 0.01)
        self.descend(loss + CELLS_WEIGHT * cells_loss(cells.float(), cover))
        return float(loss.item()), np.asarray((torch.sigmoid(logits.detach()) - hidden).abs().numpy(), np.float32)


def cells_loss(logits: Tensor, cover: Tensor) -> Tensor:
    """Cross-entropy of cells on the plate (N, 6, 40), those where something lies weighing as much as the others."""
    share = cover.float().clamp(max=100) / 100
    each = functional.binary_cross_entropy_with_logits(logits, share, reduction="none")
    on_it = cover != BESIDE
    parts = [each[on_it & (share >= 0.5)], each[on_it & (share < 0.5)]]
    return torch.stack([part.mean() for part in parts if part.numel()]).mean()


@torch.no_grad()
def logits_of(net: WholeNet, strips: Image) -> NDArray[np.float32]:
    """Logits (N,) without a shift."""
    net.eval()
    parts = [net.forward_plain(as_input(part)).float().numpy()[:, 0] for part in torch.from_numpy(strips).split(64)]
    return np.asarray(np.concatenate(parts), np.float32)


def shift_for(net: WholeNet, calibration: Bank) -> float:
    """What to take off the logits so that the fixed bound calls few whole plates hidden."""
    whole = logits_of(net, calibration.strips[~calibration.hidden])
    return float(np.quantile(whole, 1 - MOST_OBJECTIONS)) - BOUND_LOGIT


def figures(net: WholeNet, calibration: Bank) -> str:
    """How many partly hidden plates are known as such where so many whole ones are called hidden."""
    logits = logits_of(net, calibration.strips)
    whole, hidden = logits[~calibration.hidden], logits[calibration.hidden]
    shares = (0.003, 0.01, 0.03)
    known = [f"{100 * (hidden > np.quantile(whole, 1 - share)).mean():.1f} % at {100 * share:g} %" for share in shares]
    return f"hidden plates known, at whole ones called hidden: {', '.join(known)}"
