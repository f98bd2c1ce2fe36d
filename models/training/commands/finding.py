"""`python -m models.training finding`: plates found at each size of the finder's picture, and what that costs."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import cv2

from models.build import build_detector
from models.training.commands.options import add_judged, check_record, count, real_pictures
from models.training.data.more import load_more_scenes
from models.training.data.scenes import Scene, load_scenes
from models.training.evaluation.finding import held_out_groups, rows_of, table, tally
from models.training.evaluation.last_look import last_looks
from models.training.evaluation.page import FINDING, add_results, write_part
from models.training.evaluation.page import table as page_table

SIDES_PX = (320, 480, 640, 960)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_judged(parser, "onnxruntime")
    parser.add_argument("--sides", type=count, nargs="+", default=SIDES_PX, help="sizes to try beside the shipped rule")
    parser.add_argument(
        "--last",
        type=count,
        nargs="+",
        metavar="SIDE",
        help="instead: sizes of the last look, where nothing was found, on pictures that are not held out",
    )


def run(args: argparse.Namespace) -> int:
    """Prints a table per size. Status 1, with the reason, where the real pictures are absent."""
    if (folder := real_pictures()) is None:
        return 1
    check_record(args)
    cv2.setNumThreads(1)
    if args.last:
        return _last_look(args, load_scenes(folder, False) + load_more_scenes(folder, False))
    groups = held_out_groups(folder)
    rows = []
    for side in (None, *args.sides):
        detector = build_detector(args.engine, side_px=side)
        rows += rows_of(str(side or "shipped"), {name: tally(detector, scenes) for name, scenes in groups.items()})
    markdown = "\n".join(table(rows))
    print(markdown)
    if args.record:
        add_results(args.json, {"finding": {"engine": args.engine, "rows": rows}})
        write_part(args.page, FINDING, markdown)
    return 0


def _last_look(args: argparse.Namespace, scenes: Sequence[Scene]) -> int:
    sizes = {side: build_detector(args.engine, side_px=side) for side in args.last}
    heads = ("pictures", "number", "plates", "found", "nothing found in", *(f"more at {side} px" for side in args.last))
    lines = list(last_looks(build_detector(args.engine, last_look=False), sizes, scenes))
    print(page_table(heads, [line.cells() for line in lines]))
    costs = {side: next(line.more[side][2] for line in lines if line.empty) for side in args.last}
    print("\nms of the processor a picture: " + ", ".join(f"{side} px {ms:.1f}" for side, ms in costs.items()))
    return 0
