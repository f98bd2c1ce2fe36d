"""`python -m models.training integers`: variants of 8-bit integers of the two networks that doubt.

The second recogniser and the judge of wholeness. Ranges come from strips that the reader meets in training pictures.
First and last convolutions stay floats, and all that is not a convolution. The recogniser stays in floats too
(docs/engines.md).
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np
from tqdm import tqdm

from models.engines import FloatArray, Network, load_network
from models.grammar import PlateKind
from models.manifest import WEIGHTS_FOLDER, load_section, named_weights, sha256_of, update_section
from models.reader import OnDeviceReader
from models.training.commands.options import count, real_pictures, seed
from models.training.data.holdout import is_for_calibration, is_held_out
from models.training.data.more import load_more_scenes
from models.training.data.realdata import RealCrop
from models.training.data.scenes import Scene, load_scenes
from models.training.drawing.plates import draw_plate
from models.training.evaluation.opinion import taken_again
from models.training.overheard import ENGINE, overheard_reader
from models.training.recogniser.mixing import load_real_data
from wire.outputs import check_folder

VARIANT = "doubting_integers"
"""The variant's name in the manifest (models/engines, VARIANTS)."""

SMOKE_PLATES = 6

CALLS = 300

Picture = TypeVar("Picture", Scene, RealCrop)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--weights", type=Path, default=WEIGHTS_FOLDER, help="the folder of the networks and of their variants"
    )
    parser.add_argument(
        "--pictures", type=count, default=350, help="scenes and crops to read, half of each (default: %(default)s)"
    )
    parser.add_argument(
        "--strips", type=count, default=256, help="strips for each network's ranges, at most (default: %(default)s)"
    )
    parser.add_argument("--seed", type=seed, default=5)
    parser.add_argument("--smoke", action="store_true", help="within seconds, on drawn plates alone")


def run(args: argparse.Namespace) -> int:
    """Writes NAME.int8.onnx for each network and into the manifest; 1 where the real pictures are absent."""
    folder = None if args.smoke else real_pictures()
    if folder is None and not args.smoke:
        return 1
    check_folder("--weights", args.weights)
    rng = np.random.default_rng(args.seed)
    reader, networks = overheard_reader(args.weights)
    if folder is None:
        read_drawn(reader, rng)
    else:
        read_pictures(reader, rng, folder, args.pictures)
    for name, network in networks.items():
        order = rng.permutation(len(network.inputs))
        chosen, others = ([network.inputs[at] for at in part] for part in np.split(order, [args.strips]))
        path = write(name, args.weights, iter(chosen))
        print(f"{path}: {len(chosen)} strips; {beside_floats(name, args.weights, others)}")
    return 0


def read_drawn(reader: OnDeviceReader, rng: np.random.Generator) -> None:
    """A few drawn plates."""
    for _ in range(SMOKE_PLATES):
        reader.read_crop(draw_plate(rng, PlateKind.BLUE, "皖A12345").image)


def read_pictures(reader: OnDeviceReader, rng: np.random.Generator, folder: Path, many: int) -> None:
    """So many scenes and crops of the training part, half of each."""
    scenes = [scene for scene in load_scenes(folder, False) + load_more_scenes(folder, False) if of_training(scene)]
    crops = [crop for crop in load_real_data(folder).train if crop.source != "auto"]
    with tqdm(total=many, desc="pictures read", unit="picture") as bar:
        for scene in some(rng, scenes, many // 2):
            reader.read(scene.image)
            bar.update()
        for crop in some(rng, crops, many - many // 2):
            reader.read_crop(taken_again(rng, crop))
            bar.update()


def of_training(scene: Scene) -> bool:
    """Whether none of its plates is held out or set aside for calibration."""
    return not any(is_held_out(plate.text) or is_for_calibration(plate.text) for plate in scene.plates)


def some(rng: np.random.Generator, all_of_them: Sequence[Picture], many: int) -> Iterator[Picture]:
    """So many of them, or all, in an order of chance."""
    return (all_of_them[at] for at in rng.permutation(len(all_of_them))[:many])


def beside_floats(name: str, weights: Path, others: Sequence[FloatArray]) -> str:
    """How quick the variant is, and how its answers to other strips differ."""
    if not others:
        return "no strips left to compare floats and integers by"
    section = load_section(name, weights / "manifest.json")
    variant = section["variants"][VARIANT]
    plain, small = (load_network(ENGINE, *named_weights(named, weights)) for named in (section, variant))
    floats, integers = quickest_ms((plain, small), others[0])
    apart = np.concatenate([np.abs(plain.run(strip)[0] - small.run(strip)[0]).ravel() for strip in others])
    return (
        f"a strip takes {integers:.2f} ms in integers, {floats:.2f} in floats (the quickest of {CALLS} in turn);"
        f" logits of {len(others)} other strips differ by {apart.mean():.2f},"
        f" 99 % by {np.quantile(apart, 0.99):.2f} at most"
    )


def quickest_ms(networks: Sequence[Network], strip: FloatArray) -> list[float]:
    """The shortest of CALLS calls of each, in turn, so that a busy machine makes all of them slow alike."""
    spent: list[list[float]] = [[] for _ in networks]
    for _ in range(CALLS):
        for network, times in zip(networks, spent, strict=True):
            start = time.perf_counter()
            network.run(strip)
            times.append(1000 * (time.perf_counter() - start))
    return [min(times) for times in spent]


def write(name: str, weights: Path, inputs: Iterator[FloatArray]) -> Path:
    """The variant of one network, beside it and in its section."""
    from models.training.integers import outer_convolutions, write_integers

    section = load_section(name, weights / "manifest.json")
    path = weights / f"{name}.int8.onnx"
    write_integers(named_weights(section, weights)[0], path, inputs, outer_convolutions, ["Conv"])
    section["variants"] = {VARIANT: {"file": path.name, "sha256": sha256_of(path)}}
    update_section(name, section, weights / "manifest.json")
    return path
