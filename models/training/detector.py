"""Recipes of the detector: train the finder, train the refiner, export both with their manifest section."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import cv2
import torch

from models.training.detector_net import Finder
from models.training.detector_targets import finder_batch, finder_loss
from models.training.detector_train import Batch, Plan, train
from models.training.realdata import data_folder
from models.training.scenes import Scene, load_scenes
from models.training.scenes_compose import Composer

FINDER_PICTURE = (320, 224)
FINDER_WIDTHS_PX = (12.0, 190.0)
LARGEST_SIDE = 1280


def training_scenes() -> list[Scene]:
    """The scenes that may be learnt from; none, said aloud, where the real pictures are absent."""
    folder = data_folder()
    if folder is None:
        print("no real scenes beside the project: drawn plates on plain grounds only")
        return []
    return load_scenes(folder, held_out=False, largest_side=LARGEST_SIDE)


def finder_batches(scenes: list[Scene], seed: int, size: int) -> Iterator[Batch]:
    """Batches without end."""
    composer = Composer(scenes, seed, FINDER_PICTURE, FINDER_WIDTHS_PX)
    while True:
        yield finder_batch([composer.compose() for _ in range(size)])


def train_finder(args: argparse.Namespace) -> None:
    """Train (or go on training) the finder; the checkpoint is args.out / finder.pt."""
    torch.manual_seed(args.seed)
    batches = finder_batches(training_scenes(), args.seed, args.batch)
    plan = Plan(args.steps, args.out / "finder.pt")
    train(Finder(), batches, finder_loss, plan, resume=args.resume)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=9000)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--resume", action="store_true")
    args = parser.parse_args()
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    train_finder(args)


if __name__ == "__main__":
    main()
