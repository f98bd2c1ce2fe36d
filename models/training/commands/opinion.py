"""`python -m models.training opinion`: what the second recogniser stops and costs, on pictures hidden in many ways."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from models.second_opinion import Bounds
from models.training.commands.options import add_judged, check_record, count, real_pictures
from models.training.data.holdout import is_for_calibration
from models.training.data.more import load_more_scenes
from models.training.data.realdata import RealCrop
from models.training.data.scenes import Scene, load_scenes
from models.training.evaluation.hiding import WAYS
from models.training.evaluation.opinion import (
    Case,
    HeardVisit,
    crop_cases,
    heard_visits,
    milliseconds,
    one_thread,
    recording_reader,
    rows_of,
    scene_cases,
    table_of,
    visit_rows,
)
from models.training.evaluation.page import OPINION, add_results, table, write_part
from models.training.recogniser.mixing import RealData, load_real_data

HEADS = ("pictures", "wrong and certain before", "now", "right and certain before", "now")
BOUNDS = tuple(
    Bounds(seen, partly)
    for seen, partly in ((0.5, 0.6), (0.7, 0.6), (0.75, 0.4), (0.75, 0.6), (0.75, 0.8), (0.8, 0.6), (0.9, 0.6))
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_judged(parser)
    parser.add_argument("--part", choices=("held-out", "calibration", "all"), default="held-out")
    parser.add_argument(
        "--rounds",
        type=count,
        default=1,
        help="how often each way hides something, each time elsewhere (default: 1)",
    )
    parser.add_argument(
        "--bounds", action="store_true", help="try other bounds too; to be chosen on --part calibration"
    )


def run(args: argparse.Namespace) -> int:
    """Prints a table. Status 1, with the reason, where the real pictures are absent."""
    if (folder := real_pictures()) is None:
        return 1
    check_record(args)
    one_thread()
    reader, recorder = recording_reader(args.engine)
    crops, scenes = crops_of(load_real_data(folder), args.part), scenes_of(folder, args.part)
    cases = crop_cases(reader, recorder, crops) + scene_cases(reader, recorder, scenes, [*WAYS] * args.rounds)
    spent = milliseconds(recorder)
    rows = rows_of(cases)
    markdown = table(HEADS, table_of([*rows, total(rows)]))
    print(f"{markdown}\n\n{spent:.2f} ms of the processor a plate, {args.engine}, one thread, the strip's cut included")
    if args.bounds:
        heads = ("seen from", "hidden from", *HEADS[1:], "visits", "answered", "wrong")
        print(table(heads, tried(cases, heard_visits(reader, recorder, crops, scenes))))
    if args.record:
        add_results(args.json, {"opinion": {"engine": args.engine, "part": args.part, "ms": spent, "rows": rows}})
        write_part(args.page, OPINION, markdown)
    return 0


def crops_of(data: RealData, part: str) -> Sequence[RealCrop]:
    return {
        "held-out": data.held_out,
        "calibration": data.calibration,
        "all": (*data.held_out, *data.calibration, *data.train),
    }[part]


def scenes_of(folder: Path, part: str) -> list[Scene]:
    """Both sets of scenes. A scene is for calibration with any of its plates, unless it is held out."""
    held_out = {"held-out": True, "calibration": False, "all": None}[part]
    scenes = [s for s in load_scenes(folder, held_out) + load_more_scenes(folder, held_out) if s.plates]
    if part == "calibration":
        scenes = [s for s in scenes if any(is_for_calibration(plate.text) for plate in s.plates)]
    return scenes


def total(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    keys = ("wrong_before", "wrong", "right_before", "right")
    return {"group": "all", **{key: sum(row[key] for row in rows) for key in keys}}


def tried(cases: Sequence[Case], visits: Sequence[HeardVisit]) -> list[list[object]]:
    """All cases and visits with other bounds from which a character counts as seen, and a plate as partly hidden."""
    rows: list[list[object]] = []
    for bounds in BOUNDS:
        counted, visited = total(rows_of(cases, bounds)), visit_rows(visits, bounds)
        sums = [sum(row[key] for row in visited) for key in ("visits", "answered", "wrong")]
        rows.append([bounds.seen, bounds.partly, *table_of([counted])[0][1:], *sums])
    return rows
