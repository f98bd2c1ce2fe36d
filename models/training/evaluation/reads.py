"""Reads held-out crops and drawn plates the way the lane reads a plate, and puts the truth beside each read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from models.closeups import quad_size
from models.grammar import PlateKind
from models.reader import Recognising
from models.recogniser import Recogniser
from models.second_reading import read_plate
from models.training.data.realdata import Image, RealCrop
from models.training.drawing.conditions import HELD_OUT, pick
from models.training.drawing.measures import Measures, measure, measure_cut
from models.training.drawing.photograph import FINE_PX_PER_MM, edges_of, photograph, reference_plate
from models.training.drawing.plates import draw_plate
from models.training.evaluation.counts import Judged
from models.training.recogniser.samples import blank_sample, drawn_with_text

SHRUNK_PX = (130, 110, 90, 73, 60, 50, 40, 30)
"""Widths to which wide real crops are shrunk, to see where reading ends."""


def judge(recogniser: Recognising, crops: Sequence[RealCrop]) -> list[Judged]:
    """Read every crop and put the truth beside it; the group is the source."""
    return [
        Judged(
            crop.text,
            read_plate(recogniser.read, crop.image, corners_of(crop), crop.rows),
            crop.source,
            measures_of(crop),
            width_of(crop),
        )
        for crop in tqdm(crops, desc="real crops", unit="crop")
    ]


def corners_of(crop: RealCrop) -> NDArray[np.float32]:
    """The plate's corners in the crop's picture: its own edges where none are labelled."""
    return edges_of(*crop.image.shape[1::-1]) if crop.corners is None else crop.corners


def measures_of(crop: RealCrop) -> Measures | None:
    """None for two-row plates, whose strokes other measures hold for."""
    if crop.rows == 2:
        return None
    return measure(crop.image) if crop.corners is None else measure_cut(crop.image, crop.corners)


def width_of(crop: RealCrop) -> float:
    """Pixels across the plate in its picture."""
    return float(crop.image.shape[1]) if crop.corners is None else quad_size(crop.corners)[0]


def judge_shrunk(recogniser: Recogniser, crops: Sequence[RealCrop]) -> list[Judged]:
    """Wide one-row real crops at ever smaller widths; the group is the width in pixels."""
    judged = []
    wide = [crop for crop in crops if crop.rows == 1 and crop.source != "ccpd" and width_of(crop) >= SHRUNK_PX[0]]
    for width_px in tqdm(SHRUNK_PX, desc="shrunk crops", unit="width"):
        for crop in wide:
            small, corners = _shrunk(crop, width_px)
            characters = read_plate(recogniser.read, small, corners, 1)
            judged.append(Judged(crop.text, characters, str(width_px), None, float(width_px)))
    return judged


def _shrunk(crop: RealCrop, width_px: float) -> tuple[Image, NDArray[np.float32]]:
    """The crop with its plate at that width, by area as a camera further away sees it, and its corners there."""
    factor = width_px / width_of(crop)
    small = cv2.resize(crop.image, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    factors = np.asarray(small.shape[1::-1], np.float32) / np.asarray(crop.image.shape[1::-1], np.float32)
    corners = (corners_of(crop) + np.float32(0.5)) * factors - np.float32(0.5)
    return np.asarray(small, np.uint8), np.asarray(corners, np.float32)


def judge_drawn(recogniser: Recognising, per_kind: int, seed: int = 99) -> list[Judged]:
    """Fresh drawn plates of every kind, photographed under conditions of held-out real crops; the group is the kind."""
    rng = np.random.default_rng(seed)
    return [
        _judge_drawn(recogniser, rng, kind, None, None, str(kind))
        for kind in tqdm(PlateKind, desc="drawn plates", unit="kind")
        for _ in range(per_kind)
    ]


def judge_like(recogniser: Recogniser, crops: Iterable[RealCrop], copies: int, seed: int = 97) -> list[Judged]:
    """Drawn blue plates with the texts of real crops under conditions of their source: are they as hard as those?"""
    rng = np.random.default_rng(seed)
    return [
        _judge_drawn(recogniser, rng, PlateKind.BLUE, crop.text, crop.source, crop.source)
        for crop in tqdm(list(crops), desc="drawn twins", unit="crop")
        for _ in range(copies)
    ]


def _judge_drawn(
    recogniser: Recognising, rng: np.random.Generator, kind: PlateKind, text: str | None, source: str | None, group: str
) -> Judged:
    plate = draw_plate(rng, kind, text, FINE_PX_PER_MM)
    photo = photograph(rng, plate, pick(rng, source, HELD_OUT))
    characters = read_plate(recogniser.read, photo.image, photo.corners, plate.rows)
    return Judged(plate.text, characters, group, measure(photo.image) if source else None)


def judge_stress(recogniser: Recogniser, per_kind: int, seed: int = 96) -> list[Judged]:
    """Drawn plates under training's own degradation, part of which no eye can read; the group is the kind."""
    rng = np.random.default_rng(seed)
    judged = []
    for kind in tqdm(PlateKind, desc="stressed plates", unit="kind"):
        for _ in range(per_kind):
            sample, text = drawn_with_text(rng, kind)
            judged.append(Judged(text, recogniser.read([sample.strip])[0], str(kind)))
    return judged


def judge_blanks(recogniser: Recogniser, grounds: Sequence[Image], count: int) -> dict[str, int]:
    """Strips that show no plate: how many of them nevertheless read as one with every character above 0.9."""
    rng = np.random.default_rng(98)
    reads = [recogniser.read([blank_sample(rng, grounds).strip])[0] for _ in range(count)]
    full = [read for read in reads if len(read) >= 7]
    certain = sum(min(character.probability for character in read) >= 0.9 for read in full)
    return {"strips": count, "read_as_plate": len(full), "certain": certain}


def condition_measures(crops: Sequence[RealCrop], seed: int = 93) -> dict[str, dict[str, list[Measures]]]:
    """By source: how real training crops measure, and as many drawn blue plates under conditions of that source."""
    rng = np.random.default_rng(seed)
    measured: dict[str, dict[str, list[Measures]]] = {}
    for crop in tqdm(crops, desc="conditions", unit="crop"):
        kept = measured.setdefault(crop.source, {"real": [], "drawn": []})
        kept["real"].append(measure(crop.image))
        kept["drawn"].append(measure(photograph(rng, reference_plate(rng), pick(rng, crop.source)).image))
    return measured
