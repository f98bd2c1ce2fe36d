"""`python -m models.training conditions`: fits drawn plates' degradation to the real crops, each part by itself."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from tqdm import tqdm

from models.training.data.realdata import RealCrop, data_folder, load_crops
from models.training.drawing.conditions import CONDITIONS, HELD_OUT, fit, store
from models.training.drawing.photograph import Condition
from wire.outputs import check_folder


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--out", type=Path, default=CONDITIONS.parent, help="folder of both files (default: package)")


def run(args: argparse.Namespace) -> int:
    """Status 1, with the reason, where the real pictures are absent."""
    folder = data_folder()
    if folder is None:
        print("no real crops beside the project: nothing fitted")
        return 1
    check_folder("--out", args.out)
    cv2.setNumThreads(1)
    crops = load_crops(folder, "crops.csv")
    for name, held_out in ((CONDITIONS.name, False), (HELD_OUT.name, True)):
        by_source = fitted([crop for crop in crops if crop.held_out == held_out])
        store(by_source, args.out / name)
        print(", ".join(f"{source}: {len(rows)}" for source, rows in by_source.items()), "->", args.out / name)
    return 0


def fitted(crops: Sequence[RealCrop]) -> dict[str, list[Condition]]:
    """One condition for each crop, by source."""
    rng = np.random.default_rng(5)
    by_source: dict[str, list[Condition]] = {}
    for crop in tqdm(crops, desc="fitting", unit="crop"):
        by_source.setdefault(crop.source, []).append(fit(crop.image, rng))
    return by_source
