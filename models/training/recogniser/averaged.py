"""A training run of a recogniser: averaged weights, the optimiser's step, and a checkpoint to go on from."""

# mypy: allow-untyped-decorators

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import cv2
import torch
from torch import Tensor, nn
from tqdm import tqdm

Net = TypeVar("Net", bound=nn.Module)


class LearningPace(Protocol):
    """What a run needs to know of its plan."""

    @property
    def steps(self) -> int: ...
    @property
    def minutes(self) -> float | None: ...
    @property
    def learning_rate(self) -> float: ...
    @property
    def weight_decay(self) -> float: ...
    @property
    def warmup_steps(self) -> int: ...
    @property
    def average_decay(self) -> float: ...
    @property
    def save_every(self) -> int: ...
    @property
    def seed(self) -> int: ...


class AveragedRun(Generic[Net]):
    """`average`, the weights that are saved and exported, is a running average of those of `net`, which are trained.

    spent_s counts the seconds of training over all cuts.
    """

    def __init__(self, pace: LearningPace, checkpoint: Path, new_net: Callable[[], Net]) -> None:
        torch.manual_seed(pace.seed)
        cv2.setNumThreads(1)
        self.checkpoint, self._pace = checkpoint, pace
        self.net: Net = new_net().to(memory_format=torch.channels_last)
        self.average: Net = copy.deepcopy(self.net).eval()
        self.optimiser = torch.optim.AdamW(
            self.net.parameters(), pace.learning_rate, weight_decay=pace.weight_decay, betas=(0.9, 0.98)
        )
        self.step = 0
        self.spent_s = 0.0
        self._last = time.monotonic()

    def resume(self) -> bool:
        """Go on from the checkpoint; False where there is none."""
        if not self.checkpoint.is_file():
            return False
        self.take(torch.load(self.checkpoint, map_location="cpu", weights_only=True))
        return True

    def save(self) -> None:
        """Write the checkpoint in one move, so that a cut leaves the old one."""
        fresh = self.checkpoint.with_suffix(".new")
        torch.save(self.state(), fresh)
        fresh.replace(self.checkpoint)

    def state(self) -> dict[str, Any]:
        """What the checkpoint keeps."""
        return {
            "net": self.net.state_dict(),
            "average": self.average.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "step": self.step,
            "spent_s": self.spent_s,
        }

    def take(self, state: dict[str, Any]) -> None:
        """Go on from what a checkpoint kept."""
        self.net.load_state_dict(state["net"])
        self.average.load_state_dict(state["average"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.step = int(state["step"])
        self.spent_s = float(state.get("spent_s", 0.0))

    def train(self, name: str, learn: Callable[[], str], look: Callable[[], str]) -> None:
        """Until the plan's steps or minutes are over, behind a bar; nothing is left to do for a run that has ended.

        learn: one batch; returns its losses. look: what to say of the average whenever it has been saved.
        """
        self._last = time.monotonic()
        with tqdm(total=self._pace.steps, initial=self.step, mininterval=20, desc=name) as bar:
            while self.done() < 1.0:
                losses = learn()
                self._count_step()
                bar.update()
                if self.step % 50 == 0:
                    bar.set_postfix_str(losses)
                if self.step % self._pace.save_every == 0 or self.done() >= 1.0:
                    self.save()
                    bar.write(f"step {self.step}, {self.spent_s / 60:.1f} min: {look()}")

    def _count_step(self) -> None:
        """One batch more is done."""
        now = time.monotonic()
        self.step, self.spent_s, self._last = self.step + 1, self.spent_s + now - self._last, now

    def done(self) -> float:
        """The share of the plan that is over, by its steps or by its minutes, whichever end first."""
        by_time = self.spent_s / (60 * self._pace.minutes) if self._pace.minutes else 0.0
        return max(self.step / self._pace.steps, by_time)

    def set_rate(self, done: float) -> None:
        """A short rise, then half a cosine down to a hundredth; done: the share of the way down that is over."""
        share = 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(done, 1.0)))
        if self.step < self._pace.warmup_steps:
            share = (self.step + 1) / self._pace.warmup_steps
        for group in self.optimiser.param_groups:
            group["lr"] = self._pace.learning_rate * share

    def descend(self, loss: Tensor) -> None:
        """One step of the optimiser; the average follows."""
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.net.parameters(), 2.0)
        self.optimiser.step()
        self._follow()

    @torch.no_grad()
    def _follow(self) -> None:
        decay = min(self._pace.average_decay, (1 + self.step) / (10 + self.step))
        for kept, new in zip(self.average.state_dict().values(), self.net.state_dict().values(), strict=True):
            if kept.dtype.is_floating_point:
                kept.lerp_(new, 1 - decay)
            else:
                kept.copy_(new)
