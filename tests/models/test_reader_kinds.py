"""All kinds of plates through the whole shipped reader: text, kind and rows, and the lane's region."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from controller.records import Region
from greenlane.cli import read
from models.build import build_reader
from models.grammar import PlateKind
from models.training.detector.compose import plain_ground
from models.training.drawing.plates import draw_plate
from models.training.evaluation.scenes_kinds import judge_kinds, with_plate

PER_KIND = 2
HARDLY_FOUND = {PlateKind.AGRICULTURAL, PlateKind.TEMPORARY}
"""Read where they are found, but the finder has learnt neither their grounds nor their proportions."""
FOUND_KINDS = [kind for kind in PlateKind if kind not in HARDLY_FOUND]


@pytest.mark.slow
def test_read_tells_text_kind_and_rows_of_every_kind(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rng = np.random.default_rng(12)
    drawn = {}
    for kind in FOUND_KINDS:
        for number in range(PER_KIND):
            image, plate, _ = with_plate(rng, plain_ground(rng, (640, 400)), kind)
            path = tmp_path / f"{kind}-{number}.png"
            cv2.imencode(".png", image)[1].tofile(path)
            drawn[str(path)] = plate
    parser = argparse.ArgumentParser()
    read.add_arguments(parser)
    assert read.run(parser.parse_args(["--json", str(tmp_path)])) == 0
    records = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert len(records) == len(drawn)
    right = {"text": 0, "kind": 0, "rows": 0}
    kinds = set()
    for record in records:
        plate = drawn[record["path"]]
        for found in record["plates"][:1]:
            right["text"] += found["text"] == plate.text
            right["kind"] += found["kind"] == str(plate.kind)
            right["rows"] += found["rows"] == plate.rows
            kinds |= {found["kind"]} & {str(plate.kind)}
    assert min(right.values()) >= 0.93 * len(drawn), right
    assert kinds == {str(kind) for kind in FOUND_KINDS}


def test_kinds_are_counted_by_what_was_found_on_the_plate() -> None:
    ground = np.full((300, 480, 3), 90, np.uint8)
    table = judge_kinds(build_reader().read, [ground], 1)
    assert list(table) == [str(kind) for kind in PlateKind]
    assert sum(table[str(kind)]["found"] for kind in FOUND_KINDS) >= 18
    for row in table.values():
        assert row["exact"] <= row["found"] <= row["plates"] == 1
        assert row["kind_right"] + row["wrong_but_known"] <= row["found"]


def test_a_plate_in_the_next_lane_is_not_read() -> None:
    rng = np.random.default_rng(3)
    scene = np.full((400, 900, 3), 90, np.uint8)
    texts = ("皖A72P33", "浙B5PQ23")
    for text, left in zip(texts, (120, 620), strict=True):
        plate = draw_plate(rng, PlateKind.BLUE, text)
        scene[200:256, left : left + 176] = cv2.GaussianBlur(plate.image, (0, 0), 0.7)
    reader = build_reader()
    assert {plate.text for plate in reader.read(scene).plates} == set(texts)
    for text, region in zip(texts, (Region(right=0.5), Region(left=0.5)), strict=True):
        (plate,) = reader.read(scene, region).plates
        assert plate.text == text
        assert region.holds(*plate.centre, 900, 400)
