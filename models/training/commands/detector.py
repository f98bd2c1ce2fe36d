"""`python -m models.training detector`: train the finder and the refiner, export both."""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2

from models.manifest import WEIGHTS_FOLDER
from models.training.commands.options import above_zero, count, readable, seed
from models.training.detector.plan import STEPS_AND_BATCH, DetectorPlan
from wire.outputs import check_folder


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "stage", choices=tuple(STEPS_AND_BATCH), help="in this order: finder, refiner, export, quantise"
    )
    parser.add_argument("--out", type=Path, required=True, help="folder of the checkpoints")
    parser.add_argument("--steps", type=count, help="batches (finder 9000, refiner 4000) or pictures (quantise 128)")
    parser.add_argument("--batch", type=count, help="pictures per batch (default: finder 16, refiner 64)")
    parser.add_argument("--seed", type=seed, default=1)
    parser.add_argument("--resume", action="store_true", help="go on from the checkpoint in --out")
    parser.add_argument(
        "--continue",
        dest="begin",
        type=readable,
        metavar="ONNX",
        help="finder, refiner: begin with these weights",
    )
    parser.add_argument(
        "--rate",
        type=above_zero,
        default=DetectorPlan.learning_rate,
        help="highest learning rate (default: %(default)s)",
    )
    parser.add_argument("--finder", type=readable, help="refiner: the finder, .pt or .onnx (default: the one in --out)")
    parser.add_argument("--weights", type=Path, default=WEIGHTS_FOLDER, help="export: where ONNX and manifest go")
    parser.add_argument("--smoke", action="store_true", help="a few tiny steps on drawn plates: does the recipe run?")


def run(args: argparse.Namespace) -> int:
    """Train on one thread: two recipes share a small machine better than one recipe shares two cores."""
    check_folder("--out", args.out)
    if args.stage in ("export", "quantise"):
        check_folder("--weights", args.weights)
    import torch

    from models.training.detector.recipe import STAGES

    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    torch.manual_seed(args.seed)
    steps, batch = STEPS_AND_BATCH[args.stage]
    args.steps = 2 if args.smoke else args.steps or steps
    args.batch = 2 if args.smoke else args.batch or batch
    STAGES[args.stage](args)
    return 0
