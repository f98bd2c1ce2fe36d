"""`python -m models.training conditions`: fits drawn plates' degradation to the training part of the real crops."""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np
from tqdm import tqdm

from models.training.conditions import CONDITIONS, fit, store
from models.training.photograph import Condition
from models.training.realdata import data_folder, load_crops


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--out", type=Path, default=CONDITIONS)


def run(args: argparse.Namespace) -> int:
    """Status 1, with the reason, where the real pictures are absent."""
    folder = data_folder()
    if folder is None:
        print("no real crops beside the project: nothing fitted")
        return 1
    cv2.setNumThreads(1)
    rng = np.random.default_rng(5)
    by_source: dict[str, list[Condition]] = {}
    crops = [crop for crop in load_crops(folder, "crops.csv") if not crop.held_out]
    for crop in tqdm(crops, desc="fitting", unit="crop"):
        by_source.setdefault(crop.source, []).append(fit(crop.image, rng))
    store(by_source, args.out)
    print(", ".join(f"{name}: {len(rows)}" for name, rows in by_source.items()), "->", args.out)
    return 0
