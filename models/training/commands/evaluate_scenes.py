"""`python -m models.training evaluate-scenes`: the shipped reader on labelled whole scenes, held out or not."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2

from models.build import build_reader
from models.manifest import MANIFEST, load_section, update_section
from models.reader import OnDeviceReader
from models.training.commands.options import add_judged, check_record, whole
from models.training.data.realdata import data_folder
from models.training.data.scenes import Scene, load_scenes
from models.training.evaluation.page import SCENES, add_results, write_part
from models.training.evaluation.scenes import figures, judge, mistakes, write_gallery
from models.training.evaluation.scenes_kinds import judge_kinds
from models.training.evaluation.scenes_page import scene_tables
from models.training.evaluation.scenes_stress import plateless, stress
from models.training.evaluation.visits import scene_visits, trade_off
from wire.outputs import check_file, check_folder

STRESS_PICTURES = 1000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_judged(parser)
    parser.add_argument("--part", choices=("held-out", "training", "both"), default="held-out")
    parser.add_argument("--errors", action="store_true", help="list every plate that came out wrong")
    parser.add_argument("--gallery", type=Path, help="write the scenes with boxes and texts to this folder")
    parser.add_argument(
        "--stress", type=whole(0, 1_000_000), default=STRESS_PICTURES, help="pictures without plates to try; 0: none"
    )


def run(args: argparse.Namespace) -> int:
    """Prints JSON. Status 1, with the reason, where the real pictures are absent."""
    folder = data_folder()
    if folder is None:
        print("no real scenes beside the project: nothing measured")
        return 1
    check_record(args)
    if args.record:
        check_file("--record", MANIFEST)
    if args.gallery:
        check_folder("--gallery", args.gallery)
    reader = build_reader(args.engine)
    cv2.setNumThreads(1)
    parts = {"held-out": (True,), "training": (False,), "both": (True, False)}[args.part]
    for held_out in parts:
        scenes = load_scenes(folder, held_out)
        verdicts = judge(scenes, reader.read)
        result = figures(verdicts)
        further = further_figures(reader, scenes, args.stress) if held_out else {}
        shown = {"part": "held-out" if held_out else "training", **result, **further}
        print(json.dumps(shown, ensure_ascii=False, indent=1))
        if args.errors:
            print("\n".join(mistakes(verdicts)))
        if args.gallery:
            write_gallery(args.gallery, scenes, reader.read)
        if args.record and held_out:
            record(args, result, further)
    return 0


def further_figures(reader: OnDeviceReader, scenes: Sequence[Scene], pictures: int) -> dict[str, Any]:
    """Visits of held-out scenes; drawn plates of all kinds and things that are not plates on the same scenes."""
    result: dict[str, Any] = {"visits": trade_off(scene_visits(reader.read, scenes))}
    if pictures:
        grounds = [plateless(scene) for scene in scenes]
        result["kinds"] = judge_kinds(reader.read, grounds, max(pictures // 40, 1))
        result["stress"] = stress(reader.read, grounds, pictures)
    return result


def record(args: argparse.Namespace, result: dict[str, Any], further: dict[str, Any]) -> None:
    """Put the figures into the manifest's section of the detector, the page and the file of all figures."""
    update_section("detector", load_section("detector") | {"held_out": result})
    everything = {**result, **further}
    add_results(args.json, {"scenes": everything})
    write_part(args.page, SCENES, scene_tables(everything))
