"""`python -m models.training goals`: the reader's goals, each beside what comes out on held-out pictures."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import cv2

from models.build import build_reader
from models.reader import OnDeviceReader
from models.training.commands.options import add_judged, check_record, count, real_pictures
from models.training.data.holdout import is_held_out
from models.training.data.more import clean_picture, is_learnt_from, load_labels
from models.training.data.realdata import RealCrop, load_crops
from models.training.data.scenes import Picture, read_picture
from models.training.evaluation.finding import held_out_groups
from models.training.evaluation.foreign import HEADS as DRAWN_HEADS
from models.training.evaluation.foreign import LEARNT_HEADS, drawn_rows, learnt_rows
from models.training.evaluation.goals import (
    CROP_GOALS,
    DRAWN_ON,
    FOREIGN_HEADS,
    GREEN_CUTS,
    PHOTOS,
    SCENES,
    STREET,
    GoalPlate,
    crop_plates,
    cut_around,
    foreign_lines,
    goals_table,
    lines_of,
    scene_plates,
)
from models.training.evaluation.page import DOCS, GOALS, add_results, table, write_part

GROUPS = {"scenes": SCENES, "photos": PHOTOS, "street frames": STREET, "street frames, boxes drawn": DRAWN_ON}
"""Groups of whole pictures -> what the table calls them."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_judged(parser, page=DOCS / "reader.md")
    parser.add_argument(
        "--drawn", type=count, default=60, metavar="N", help="drawn plates of each kind without pictures"
    )


def run(args: argparse.Namespace) -> int:
    """Prints four tables. Status 1, with the reason, where the real pictures are absent."""
    if (folder := real_pictures()) is None:
        return 1
    check_record(args)
    cv2.setNumThreads(1)
    reader = build_reader(args.engine)
    lines = lines_of(judged(reader, folder))
    foreign = foreign_lines(reader.read, foreign_pictures(folder))
    learnt, drawn = learnt_rows(reader.read, args.drawn), drawn_rows(reader.read, args.drawn)
    tables = (
        goals_table(lines),
        table(FOREIGN_HEADS, foreign),
        table(LEARNT_HEADS, learnt),
        table(DRAWN_HEADS, drawn),
    )
    markdown = "\n\n".join(tables)
    print(markdown)
    if args.record:
        facts = {"engine": args.engine, "lines": [line.facts() for line in lines], "foreign": foreign}
        facts |= {"drawn_learnt": learnt, "drawn_foreign": drawn}
        add_results(args.json, {"goals": facts})
        write_part(args.page, GOALS, markdown)
    return 0


def judged(reader: OnDeviceReader, folder: Path) -> list[GoalPlate]:
    """Every held-out plate of every group through the whole reader."""
    crops = [crop for crop in load_crops(folder, "crops.csv") if crop.held_out]
    plates = crop_plates(reader.read_crop, crops, CROP_GOALS)
    plates += crop_plates(reader.read_crop, green_cuts(folder), {"mosaic": (GREEN_CUTS, 1.0)})
    for name, scenes in held_out_groups(folder).items():
        plates += scene_plates(reader.read, GROUPS[name], scenes)
    return plates


def green_cuts(folder: Path) -> list[RealCrop]:
    """The held-out cuts of green frames; each is one plate with a drawn box around it."""
    chosen = [label for label in load_labels(folder) if label.origin == "mosaic" and is_held_out(label.plate)]
    return [RealCrop(read_picture(folder / "more" / label.file), label.plate, "mosaic") for label in chosen]


def foreign_pictures(folder: Path) -> Iterator[tuple[str, Picture]]:
    """All pictures of plates that the recognisers do not learn from though they are not held out by their text; of one
    with a drawn box and caption as it is, and with these painted over, which spoils a small plate's edges."""
    for label in load_labels(folder):
        if not is_learnt_from(label.plate):
            picture = read_picture(folder / "more" / label.file)
            told = f"{label.plate}, a box drawn around it" if label.marked else label.plate
            yield told, picture if label.box is None else cut_around(picture, label.box)
            if label.marked and label.box is not None:
                yield f"{label.plate}, the box painted over", cut_around(clean_picture(folder, [label]), label.box)
