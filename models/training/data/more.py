"""The second set of real pictures (more.csv): scenes with boxes around rarer plates, and crops."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from models.grammar import ALPHABET, FROM_DRAWINGS, MAX_CHARACTERS, formats_of
from models.training.data.holdout import is_held_out
from models.training.data.marks import Box, painted_over
from models.training.data.realdata import RealCrop, cut_out
from models.training.data.scenes import Picture, Quad, Scene, ScenePlate, read_picture, shrink

CORNERS = Path(__file__).with_name("more_corners.json")
"""Corners of the scenes' plates, made by `python -m models.training corners`; numbers, no pictures."""

COLOUR_OF_KIND = {
    "blue": "blue",
    "yellow": "yellow",
    "yellow_two_row": "yellow",
    "trailer": "yellow",
    "coach": "yellow",
    "new_energy_small": "green",
    "new_energy_large": "green",
    "civil_aviation": "green",
    "tractor": "green",
    "police": "white",
    "military": "white",
    "armed_police": "white",
    "hk_macau": "black",
    "consulate": "black",
    "embassy": "black",
}
"""The list's kinds -> the detector's colours."""

TOLL, MOSAIC = "toll", "mosaic"
"""Origins whose crops are a source of their own: one station's cameras; cuts of green frames, all with an outline."""

MARKED = "crpd_marked"
"""The origin of the street frames with a drawn box and caption on every plate."""


@dataclass(frozen=True)
class Label:
    """One row of the list. box: left, top, right, bottom in pixels; None for crops."""

    file: str
    plate: str
    kind: str
    rows: int
    box: Box | None
    origin: str
    note: str

    @property
    def marked(self) -> bool:
        """Whether a box and a caption are drawn around the plate, which can be painted over."""
        return self.origin == MARKED


def load_labels(data: Path) -> list[Label]:
    """The rows of data/more/more.csv, in its order; empty where it is absent."""
    path = data / "more" / "more.csv"
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return [_label(row) for row in csv.DictReader(file)]


def _label(row: Mapping[str, str]) -> Label:
    numbers = [float(number) for number in row["box"].split()]
    box = (numbers[0], numbers[1], numbers[2], numbers[3]) if len(numbers) == 4 else None
    return Label(row["file"], row["plate"], row["kind"], int(row["rows"]), box, row["origin"], row["note"])


def by_scene(labels: list[Label]) -> dict[str, list[Label]]:
    """The labels with a box, by their picture."""
    scenes: dict[str, list[Label]] = {}
    for label in labels:
        if label.box is not None:
            scenes.setdefault(label.file, []).append(label)
    return scenes


def is_scene_held_out(labels: list[Label]) -> bool:
    """A scene is held out with any of its plates."""
    return any(is_held_out(label.plate) for label in labels)


def clean_picture(data: Path, labels: list[Label]) -> Picture:
    """A scene as a camera would have given it, drawn marks painted over."""
    image = read_picture(data / "more" / labels[0].file)
    return painted_over(image, [label.box for label in labels if label.marked and label.box is not None])


def load_more_scenes(
    data: Path,
    held_out: bool | None = None,
    largest_side: int | None = None,
    clean: bool = True,
    corners: Path = CORNERS,
) -> list[Scene]:
    """The scenes of the second set, in the order of their names.

    held_out: only that part; None gives both. clean: False leaves drawn marks in the pictures.
    """
    known: dict[str, Any] = json.loads(corners.read_text(encoding="utf-8"))
    scenes = []
    for file, labels in sorted(by_scene(load_labels(data)).items()):
        if file not in known or (held_out is not None and is_scene_held_out(labels) != held_out):
            continue
        image = clean_picture(data, labels) if clean else read_picture(data / "more" / file)
        scene = Scene(data / "more" / file, image, *_plates(labels, known[file]))
        scenes.append(shrink(scene, largest_side))
    return scenes


def _plates(labels: list[Label], known: Mapping[str, Any]) -> tuple[tuple[ScenePlate, ...], tuple[Quad, ...]]:
    plates = tuple(_plate(label, known["plates"][box_key(label.box)]) for label in labels if label.box is not None)
    others = tuple(_box_quad(box) for box in known["others"])
    return plates, others


def box_key(box: Box | None) -> str:
    """A label's name in the file of corners."""
    assert box is not None
    return " ".join(f"{value:g}" for value in box)


def _plate(label: Label, known: Mapping[str, Any]) -> ScenePlate:
    return ScenePlate(
        text=label.plate,
        corners=np.asarray(known["corners"], np.float32).reshape(4, 2),
        colour=COLOUR_OF_KIND[label.kind],
        rows=label.rows,
        exact_corners=bool(known["exact"]),
    )


def _box_quad(box: Box) -> Quad:
    left, top, right, bottom = box
    return np.array([[left, top], [right, top], [right, bottom], [left, bottom]], np.float32)


def load_more_cuts(data: Path, corners: Path = CORNERS) -> list[RealCrop]:
    """The plates of the scenes whose corners two detectors agree on, cut out with a margin; source street or photo."""
    known: dict[str, Any] = json.loads(corners.read_text(encoding="utf-8"))
    cuts = []
    for file, labels in sorted(by_scene(load_labels(data)).items()):
        usable = [label for label in labels if file in known and is_learnt_from(label.plate)]
        image = clean_picture(data, labels) if usable else None
        for label, plate in ((label, _plate(label, known[file]["plates"][box_key(label.box)])) for label in usable):
            if image is not None and plate.exact_corners:
                source = "street" if label.marked else "photo"
                cuts.append(cut_out(image, plate.text, plate.corners, source, plate.rows))
    return cuts


def load_more_crops(data: Path) -> list[RealCrop]:
    """The second set's crops: toll ones, cut to their edges, cuts of mosaics, and loose ones of other origins."""
    crops = []
    for label in load_labels(data):
        if label.box is None and is_learnt_from(label.plate):
            image = read_picture(data / "more" / label.file)
            source = label.origin if label.origin in (TOLL, MOSAIC) else "loose"
            crops.append(RealCrop(image, label.plate, source, None, label.rows))
    return crops


def is_writable(plate: str) -> bool:
    """Whether the recogniser has a place and a class for every character."""
    return len(plate) <= MAX_CHARACTERS and all(character in ALPHABET for character in plate)


def is_learnt_from(plate: str) -> bool:
    """Whether the recognisers may learn from pictures of a plate: not from the single ones of kinds that are drawn."""
    kinds = {known.kind for known in formats_of(plate)}
    return is_writable(plate) and not (kinds and kinds <= FROM_DRAWINGS)


def is_marked(data: Path, picture: Path) -> bool:
    """Whether a picture of the second set carries drawn boxes and captions."""
    return any(label.marked and data / "more" / label.file == picture for label in load_labels(data))
