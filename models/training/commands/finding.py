"""`python -m models.training finding`: plates found at each size of the finder's picture, and what that costs."""

from __future__ import annotations

import argparse

import cv2

from models.build import build_detector
from models.training.commands.options import add_judged, check_record, count, real_pictures
from models.training.evaluation.finding import held_out_groups, rows_of, table, tally
from models.training.evaluation.page import FINDING, add_results, write_part

SIDES_PX = (320, 480, 640, 960)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_judged(parser, "onnxruntime")
    parser.add_argument("--sides", type=count, nargs="+", default=SIDES_PX, help="sizes to try beside the shipped rule")


def run(args: argparse.Namespace) -> int:
    """Prints a table per size. Status 1, with the reason, where the real pictures are absent."""
    if (folder := real_pictures()) is None:
        return 1
    check_record(args)
    cv2.setNumThreads(1)
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
