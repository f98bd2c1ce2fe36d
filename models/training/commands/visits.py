"""`python -m models.training visits`: how many simulated visits the whole reader answers, with the lane's own vote."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from models.training.commands.opinion import crops_of, scenes_of
from models.training.commands.options import add_judged, check_record, count, real_pictures
from models.training.data.more import load_labels
from models.training.data.scenes import Scene
from models.training.evaluation.opinion import heard_visits, one_thread, recording_reader, visit_rows
from models.training.evaluation.page import VISITS, add_results, percent, table, write_part
from models.training.evaluation.visits import READS
from models.training.recogniser.mixing import load_real_data


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_judged(parser)
    parser.add_argument("--part", choices=("held-out", "calibration"), default="held-out")
    parser.add_argument(
        "--reads",
        type=count,
        default=READS,
        help="how often each plate is taken anew (default: %(default)s, 1 s)",
    )


def run(args: argparse.Namespace) -> int:
    """Prints a table. Status 1, with the reason, where the real pictures are absent."""
    if (folder := real_pictures()) is None:
        return 1
    check_record(args)
    one_thread()
    reader, recorder = recording_reader(args.engine)
    crops, scenes = crops_of(load_real_data(folder), args.part), scenes_of(folder, args.part)
    rows = visit_rows(heard_visits(reader, recorder, crops, scenes, frames_of(folder, scenes), reads=args.reads))
    print(visit_table(rows))
    if args.record:
        add_results(args.json, {"lane_visits": {"engine": args.engine, "part": args.part, "rows": rows}})
        write_part(args.page, VISITS, visit_table(rows))
    return 0


def frames_of(folder: Path, scenes: Sequence[Scene]) -> dict[str, list[Scene]]:
    """The pictures that are not named after one plate, by group; street frames have their drawn marks painted over."""
    marked = {folder / "more" / label.file for label in load_labels(folder) if label.marked}
    whole = [scene for scene in scenes if not any(plate.main for plate in scene.plates)]
    street = [scene for scene in whole if scene.path in marked]
    return {"street frames": street, "photos": [scene for scene in whole if scene.path not in marked]}


def visit_table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Visits in Markdown, with what their number leaves open: of n answers none of which is wrong, with 95 %
    confidence at most 3 of n are (rule of three)."""
    heads = ("simulated visits of", "visits", "answered", "share", "wrong", "wrong at most", "without second", "wrong")
    keys = ("answered", "wrong", "answered_before", "wrong_before")
    total = {"group": "all", **{key: sum(row[key] for row in rows) for key in ("visits", *keys)}}
    return table(heads, [_cells(row) for row in (*rows, total)])


def _cells(row: Mapping[str, Any]) -> list[object]:
    answered, wrong = row["answered"], row["wrong"]
    bound = f"{3000 / answered:.0f} in 1,000" if answered and not wrong else ""
    share = percent(answered / row["visits"]) if row["visits"] else ""
    before = [row["answered_before"], row["wrong_before"]]
    return [row["group"], row["visits"], answered, share, wrong, bound, *before]
