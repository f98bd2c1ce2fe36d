"""Recipes of the detector: train the finder, train the refiner on what the finder proposes, export, quantise."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from tqdm import tqdm

from controller.records import Colour
from models.detector import (
    CLOSEUP_PX,
    COLOURS,
    MULTIPLE,
    OFFSET_UNIT_PX,
    PIXEL_MEAN,
    PIXEL_SCALE,
    STRIDE,
    DetectorSettings,
)
from models.engines import Network, load_network
from models.grammar import FORMATS, PlateKind
from models.manifest import sha256_of
from models.training.data.more import load_more_scenes
from models.training.data.realdata import data_folder
from models.training.data.scenes import Scene, load_scenes
from models.training.detector.compose import Composer, Pasted
from models.training.detector.net import Finder, Refiner
from models.training.detector.plan import STEPS_AND_BATCH, DetectorPlan
from models.training.detector.refine import MARGINS, CloseupMaker, TorchNetwork, refiner_loss
from models.training.detector.targets import finder_batch, finder_loss
from models.training.detector.train import Batch, averaged_weights, train
from models.training.drawing.foreign import foreign_plate
from models.training.drawing.plates import draw_plate

FINDER_PICTURE = (320, 224)
FINDER_WIDTHS_PX = (12.0, 190.0)
REFINER_PICTURE = (448, 320)
REFINER_WIDTHS_PX = (26.0, 270.0)
LARGEST_SIDE = 1280

SETTINGS = DetectorSettings(
    colours=COLOURS,
    mean=PIXEL_MEAN,
    scale=PIXEL_SCALE,
    side_px=320,
    largest_side_px=640,
    smaller_side_px=256,
    most_shrunk=4.0,
    multiple=MULTIPLE,
    stride=STRIDE,
    offset_unit_px=OFFSET_UNIT_PX,
    closeup_px=CLOSEUP_PX,
    margin_x=MARGINS[0],
    margin_y=MARGINS[1],
    propose=0.25,
    accept=0.5,
    most=8,
    looks=2,
    settled=0.25,
)
"""What goes into the manifest beside the networks."""


BLACK_SHARE = 0.15
BLACK_KINDS = tuple(sorted({form.kind for form in FORMATS if form.colour == Colour.BLACK}))
"""They hardly stand out from a dark bumper."""

UNLIKE_SHARE = 0.2
UNLIKE_KINDS = (PlateKind.AGRICULTURAL, PlateKind.TEMPORARY, PlateKind.LIGHT_MOTORCYCLE)
"""No other plate has their ground and proportions, so nothing else teaches them."""


FOREIGN_SHARE = 0.08
"""Plates of no known kind: found like all others, so that they can be reported as unknown."""


def finding_plate(rng: np.random.Generator) -> Pasted:
    """A plate to be found: kinds that are hard to see or unlike all others more often than roads show them."""
    chance = rng.random()
    if chance > 1 - FOREIGN_SHARE:
        return foreign_plate(rng)
    if chance < BLACK_SHARE:
        return draw_plate(rng, BLACK_KINDS[int(rng.integers(len(BLACK_KINDS)))])
    if chance < BLACK_SHARE + UNLIKE_SHARE:
        return draw_plate(rng, UNLIKE_KINDS[int(rng.integers(len(UNLIKE_KINDS)))])
    return draw_plate(rng)


def training_scenes(smoke: bool) -> list[Scene]:
    """The scenes that may be learnt from; none, said aloud, where the real pictures are absent or not wanted."""
    folder = None if smoke else data_folder()
    if folder is None:
        print("no real scenes: drawn plates on plain grounds only")
        return []
    return load_scenes(folder, False, LARGEST_SIDE) + load_more_scenes(folder, False, LARGEST_SIDE)


def finder_batches(scenes: list[Scene], seed: int, size: int) -> Iterator[Batch]:
    """Batches without end."""
    composer = Composer(scenes, seed, FINDER_PICTURE, FINDER_WIDTHS_PX, finding_plate)
    while True:
        yield finder_batch([composer.compose() for _ in range(size)])


def train_finder(args: argparse.Namespace) -> None:
    """Train (or go on training) the finder; the checkpoint is args.out / finder.pt."""
    batches = finder_batches(training_scenes(args.smoke), args.seed, args.batch)
    finder = Finder()
    if args.begin:
        take_up(finder, args.begin, next(batches)[0])
    train(finder, batches, finder_loss, plan_of(args, "finder.pt"), resume=args.resume)


def take_up(net: nn.Module, weights: Path, pictures: Tensor) -> None:
    """Begin with exported weights; `pictures` (N, 3, H, W) give the statistics that exporting folded away."""
    from models.training.data.unfold import copy_convolutions, copy_linears, read_exported, unfold

    exported = read_exported(weights)
    copy_convolutions(net.eval(), exported)
    copy_linears(net, exported)
    unfold(net, lambda: net(pictures))


def open_finder(path: Path) -> Network:
    """A finder out of a checkpoint or an exported file."""
    if path.suffix == ".onnx":
        return load_network("opencv", path, sha256_of(path))
    finder = Finder()
    finder.load_state_dict(averaged_weights(path))
    return TorchNetwork(finder)


def train_refiner(args: argparse.Namespace) -> None:
    """Train (or go on training) the refiner with the finder of args.out; the checkpoint is args.out / refiner.pt."""
    finder = open_finder(args.finder or args.out / "finder.pt")
    composer = Composer(training_scenes(args.smoke), args.seed, REFINER_PICTURE, REFINER_WIDTHS_PX, finding_plate)
    batches = CloseupMaker(composer, finder, SETTINGS, args.seed).batches(args.batch)
    refiner = Refiner()
    if args.begin:
        take_up(refiner, args.begin, torch.cat([next(batches)[0] for _ in range(8)]))
    train(refiner, batches, refiner_loss, plan_of(args, "refiner.pt"), resume=args.resume)


def plan_of(args: argparse.Namespace, checkpoint: str) -> DetectorPlan:
    return DetectorPlan(args.steps, args.out / checkpoint, args.rate)


def export_both(args: argparse.Namespace) -> None:
    """Export the checkpoints of args.out with their section of the manifest."""
    from models.training.detector.export import export

    recipe = [f"python -m models.training detector {stage} --out DIR" for stage in STEPS_AND_BATCH]
    export(args.out, SETTINGS, "; ".join(recipe), args.weights)


def quantise_both(args: argparse.Namespace) -> None:
    """Make the networks' variants of 8-bit integers out of the exported ones."""
    from models.training.detector.quantise import quantise

    scenes = training_scenes(args.smoke)
    composer = Composer(scenes, args.seed, REFINER_PICTURE, REFINER_WIDTHS_PX, finding_plate)
    closeups = CloseupMaker(composer, open_finder(args.weights / "finder.onnx"), SETTINGS, args.seed)
    for name, batches in (("finder", finder_batches(scenes, args.seed, 1)), ("refiner", closeups.batches(1))):
        pictures = (next(batches)[0].numpy() for _ in tqdm(range(args.steps), desc=f"pictures for the {name}"))
        print(quantise(name, args.weights, pictures))


STAGES: dict[str, Callable[[argparse.Namespace], None]] = {
    "finder": train_finder,
    "refiner": train_refiner,
    "export": export_both,
    "quantise": quantise_both,
}
"""Stage -> recipe."""
