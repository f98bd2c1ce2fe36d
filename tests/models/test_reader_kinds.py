"""All kinds of plates through the whole shipped reader: text, kind and rows, and the lane's region."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from controller.records import CharacterRead, Colour, Region
from greenlane.cli import read
from models.build import build_reader
from models.detector import Detection
from models.grammar import PlateKind
from models.reader import plate_read, toned
from models.training.detector.compose import plain_ground
from models.training.drawing.foreign import scene_of
from models.training.drawing.plates import draw_plate
from models.training.evaluation.scenes_kinds import judge_kinds, with_plate

PER_KIND = 2


@pytest.mark.slow
def test_read_tells_text_kind_and_rows_of_every_kind(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rng = np.random.default_rng(12)
    drawn = {}
    for kind in PlateKind:
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
    assert kinds == {str(kind) for kind in PlateKind}


def test_kinds_are_counted_by_what_was_found_on_the_plate() -> None:
    ground = np.full((300, 480, 3), 90, np.uint8)
    table = judge_kinds(build_reader().read, [ground], 1)
    assert list(table) == [str(kind) for kind in PlateKind]
    assert sum(table[str(kind)]["found"] for kind in PlateKind) >= 20
    for row in table.values():
        assert row["exact"] <= row["found"] <= row["plates"] == 1
        assert row["kind_right"] + row["wrong_but_known"] <= row["found"]


@pytest.mark.parametrize("kind", [PlateKind.BLUE, PlateKind.YELLOW, PlateKind.BLACK])
def test_a_grey_picture_tells_yellow_plates_by_their_dark_characters(kind: PlateKind) -> None:
    """Under infrared light no picture has colours, and a text of seven may be on a blue, a yellow or a black plate."""
    rng = np.random.default_rng(8)
    drawn = draw_plate(rng, kind, "皖A72P33", px_per_mm=0.8)
    picture = scene_of(rng, drawn.image, 150)
    grey = cv2.cvtColor(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
    (plate,) = build_reader().read(grey).plates
    assert (plate.text, plate.certain) == ("皖A72P33", True)
    assert plate.kind == ("yellow" if kind == PlateKind.YELLOW else "blue")
    assert plate.colour == plate.kind


def test_a_sure_colour_is_never_turned_by_the_characters_tone() -> None:
    drawn = draw_plate(np.random.default_rng(8), PlateKind.YELLOW, "皖A72P33", px_per_mm=0.8)
    height, width = drawn.image.shape[:2]
    corners = ((0.0, 0.0), (float(width), 0.0), (float(width), float(height)), (0.0, float(height)))
    characters = tuple(CharacterRead(character, 0.999) for character in drawn.text)
    for certainty, kind in ((0.95, "blue"), (0.85, "yellow"), (0.0, "yellow")):
        seen = Detection(corners, Colour.BLUE, 1, 1.0, certainty)
        assert toned(drawn.image, seen, plate_read(seen, characters)).kind == kind


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
