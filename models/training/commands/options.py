"""Arguments that several recipes take, each said once."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from pathlib import Path

from models.engines import DEFAULT_ENGINE, ENGINES
from models.manifest import WEIGHTS_FOLDER
from models.training.data.realdata import data_folder
from models.training.evaluation.page import PAGE, RESULTS, check_page, check_results
from wire.files import open_regular
from wire.outputs import check_folder
from wire.spelling.numbers import parse_above_zero, parse_whole


def add_judged(parser: argparse.ArgumentParser, engine: str = DEFAULT_ENGINE, page: Path = PAGE) -> None:
    """Of what judges the shipped networks: on which engine, and whether and where the figures are kept."""
    parser.add_argument(
        "--engine", choices=ENGINES, default=engine, help="what runs the networks (default: %(default)s)"
    )
    parser.add_argument("--record", action="store_true", help="put the figures into the page and the files of them")
    parser.add_argument("--page", type=Path, default=page, help="the page whose part --record renews")
    parser.add_argument("--json", type=Path, default=RESULTS, help="where --record keeps all figures")


def check_record(args: argparse.Namespace) -> None:
    """Whether --record can keep the figures: asked before an hour of work. Raises OutputError."""
    if args.record:
        check_page(args.page)
        check_results(args.json)


def check_run(args: argparse.Namespace) -> None:
    """Whether the folders of what trains can be written; makes them. Raises OutputError."""
    check_folder("--out", args.out)
    if args.ship:
        check_folder("--ship", WEIGHTS_FOLDER)
    elif args.weights is not None:
        check_folder("--weights", args.weights)


def readable(text: str) -> Path:
    """A file that can be read, as a type of argparse."""
    try:
        with open_regular(text):
            return Path(text)
    except OSError as error:
        raise argparse.ArgumentTypeError(f"{text!r} cannot be opened: {error.strerror}") from None


def whole(low: int, high: int) -> Callable[[str], int]:
    """A type of argparse: a whole number within these bounds."""

    def read(text: str) -> int:
        try:
            return parse_whole(text, low, high)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return read


count = whole(1, 1_000_000_000)
"""How many, as a type of argparse."""

seed = whole(0, (1 << 32) - 1)
"""What numpy and torch both take, as a type of argparse."""


def above_zero(text: str) -> float:
    """A rate or a time, as a type of argparse."""
    try:
        return parse_above_zero(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def real_pictures() -> Path | None:
    """The folder of the real pictures, for what measures on nothing else; None, and it is said, where there is none."""
    folder = data_folder()
    if folder is None:
        where = f"in GREENLANE_DATA ({given})" if (given := os.environ.get("GREENLANE_DATA")) else "beside the project"
        print(f"no real pictures {where}: nothing measured")
    return folder


def add_run(parser: argparse.ArgumentParser, batch: int, first_seed: int) -> None:
    """Of what trains a recogniser: the folder, how long and how wide, and what becomes of the checkpoint."""
    parser.add_argument("--out", type=Path, required=True, help="folder for the checkpoint")
    parser.add_argument("--minutes", type=above_zero, help="end after so many minutes of training if that is earlier")
    parser.add_argument("--batch", type=count, default=batch, help="strips per batch (default: %(default)s)")
    parser.add_argument("--seed", type=seed, default=first_seed)
    parser.add_argument("--threads", type=whole(1, 256), default=1, help="torch threads (default: %(default)s)")
    parser.add_argument("--resume", action="store_true", help="go on from the checkpoint in --out")
    parser.add_argument("--export-only", action="store_true", help="no training: export the checkpoint in --out")
    parser.add_argument("--weights", type=Path, help="folder for the ONNX file and its manifest (default: --out)")
    parser.add_argument("--ship", action="store_true", help="export into the package's own weights folder")
    parser.add_argument("--smoke", action="store_true", help="every phase within seconds, on drawn plates alone")
