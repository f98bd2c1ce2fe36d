"""`python -m models.training slants`: what is found and read of plates that stand at a slant to the camera."""

from __future__ import annotations

import argparse

import cv2

from models.build import build_reader
from models.training.commands.options import add_judged, check_record, real_pictures
from models.training.evaluation.finding import held_out_groups
from models.training.evaluation.page import SLANTS, add_results, table, write_part
from models.training.evaluation.slants import HEADS, measured, views

GROUPS = ("scenes", "street frames", "photos")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_judged(parser, "onnxruntime")


def run(args: argparse.Namespace) -> int:
    """Prints a table. Status 1, with the reason, where the real pictures are absent."""
    if (folder := real_pictures()) is None:
        return 1
    check_record(args)
    cv2.setNumThreads(1)
    groups = held_out_groups(folder)
    shown = list(views(scene for name in GROUPS for scene in groups[name]))
    lines = list(measured(build_reader(args.engine).read, shown))
    markdown = table(HEADS, [line.cells() for line in lines])
    print(markdown)
    if args.record:
        add_results(args.json, {"slants": {"engine": args.engine, "lines": [line.facts() for line in lines]}})
        write_part(args.page, SLANTS, markdown)
    return 0
