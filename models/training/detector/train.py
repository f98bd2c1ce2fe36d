"""The training loop of the detector's networks: averaged weights, checkpoints, resuming, a progress bar."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from tqdm import tqdm

from models.training.detector.plan import DetectorPlan
from models.training.precision import autocast

Batch = tuple[Tensor, Any]
Loss = Callable[[Tensor, Any], dict[str, Tensor]]


class Averaged:
    """An exponential moving average of a network's weights, which generalises better than the last ones."""

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.network = copy.deepcopy(network).eval()
        self._decay = decay
        self.seen = 0

    @torch.no_grad()  # type: ignore[untyped-decorator]
    def update(self, network: nn.Module) -> None:
        self.seen += 1
        decay = min(self._decay, self.seen / (self.seen + 9))
        for mine, theirs in zip(self.network.state_dict().values(), network.state_dict().values(), strict=True):
            if mine.is_floating_point():
                mine.lerp_(theirs, 1 - decay)
            else:
                mine.copy_(theirs)


def train(
    network: nn.Module, batches: Iterator[Batch], loss: Loss, plan: DetectorPlan, resume: bool = False
) -> nn.Module:
    """Train in place and return the averaged network, in evaluation mode.

    Writes plan.out (a checkpoint) every save_every steps and at the end; resume goes on from it.
    """
    network = network.to(memory_format=torch.channels_last).train()
    optimiser = torch.optim.AdamW(network.parameters(), lr=plan.learning_rate, weight_decay=1e-3)
    averaged = Averaged(network, plan.decay)
    first = _load(plan.out, network, averaged, optimiser) if resume and plan.out.exists() else 0
    running: dict[str, float] = {}
    progress = tqdm(range(first, plan.steps), initial=first, total=plan.steps, unit="step", mininterval=15.0)
    for step in progress:
        for group in optimiser.param_groups:
            group["lr"] = plan.learning_rate * _pace(step, plan)
        inputs, target = next(batches)
        losses = _step(network, optimiser, inputs, target, loss)
        averaged.update(network)
        for name, value in losses.items():
            running[name] = 0.98 * running.get(name, value) + 0.02 * value
        progress.set_postfix({name: f"{value:.3f}" for name, value in running.items()}, refresh=False)
        if (step + 1) % plan.save_every == 0 or step + 1 == plan.steps:
            _save(plan.out, step + 1, network, averaged, optimiser)
    return averaged.network


def averaged_weights(checkpoint: Path) -> dict[str, Tensor]:
    """The averaged network's state from a checkpoint."""
    state: dict[str, Tensor] = torch.load(checkpoint, weights_only=True)["averaged"]
    return state


def _step(
    network: nn.Module, optimiser: torch.optim.Optimizer, inputs: Tensor, target: Any, loss: Loss
) -> dict[str, float]:
    inputs = inputs.contiguous(memory_format=torch.channels_last)
    with autocast():
        output = network(inputs)
    losses = loss(output.float(), target)
    total = torch.stack(list(losses.values())).sum()
    optimiser.zero_grad(set_to_none=True)
    total.backward()
    nn.utils.clip_grad_norm_(network.parameters(), 5.0)
    optimiser.step()
    return {name: float(value.detach()) for name, value in losses.items()}


def _pace(step: int, plan: DetectorPlan) -> float:
    """Share of the learning rate: a short rise, then half a cosine down to 2 %."""
    if step < plan.warm_up:
        return (step + 1) / plan.warm_up
    done = (step - plan.warm_up) / max(1, plan.steps - plan.warm_up)
    return 0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * done))


def _save(path: Path, step: int, network: nn.Module, averaged: Averaged, optimiser: torch.optim.Optimizer) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    state = {
        "step": step,
        "network": network.state_dict(),
        "averaged": averaged.network.state_dict(),
        "optimiser": optimiser.state_dict(),
    }
    torch.save(state, part)
    part.replace(path)


def _load(path: Path, network: nn.Module, averaged: Averaged, optimiser: torch.optim.Optimizer) -> int:
    state = torch.load(path, weights_only=True)
    network.load_state_dict(state["network"])
    averaged.network.load_state_dict(state["averaged"])
    optimiser.load_state_dict(state["optimiser"])
    averaged.seen = int(state["step"])
    return averaged.seen
