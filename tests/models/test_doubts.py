"""A plate of which something is hidden, cut off, wet or out of place is never certain, however sure it is read."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from controller.records import CharacterRead, Colour, PlateRead, Region
from greenlane.cli import main
from models.build import build_reader
from models.doubts import Doubt, doubts_of, touches_edge
from models.grammar import PlateKind
from models.places import fit
from models.reader import OnDeviceReader
from models.training.drawing.plates import draw_plate

Picture = NDArray[np.uint8]

LEFT, TOP, WIDTH = 240, 200, 150
TEXTS = ("川AM1186", "皖AK169H", "湘A2991D", "沪K62938")
"""Covered at the right, the first three were read as 川AM1118, 皖AK1169 and 湘A29991, 0.94 sure and more."""


@pytest.fixture(scope="module")
def reader() -> OnDeviceReader:
    return build_reader("opencv")


def scene(text: str, kind: PlateKind = PlateKind.BLUE) -> tuple[Picture, int]:
    """A vehicle's plain front with one drawn plate 150 px wide, and the plate's height."""
    plate = draw_plate(np.random.default_rng(6), kind, text).image
    height = round(WIDTH * plate.shape[0] / plate.shape[1])
    ground = cv2.resize(np.random.default_rng(1).normal(95, 10, (45, 80)).astype(np.float32), (640, 360))
    picture = np.repeat(ground[..., None], 3, axis=2).clip(0, 255).astype(np.uint8)
    small = cv2.resize(plate, (WIDTH, height), interpolation=cv2.INTER_AREA)
    picture[TOP : TOP + height, LEFT : LEFT + WIDTH] = small
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), 0.7), np.uint8), height


def covered(picture: Picture, height: int, left: float, right: float) -> Picture:
    """A dark sleeve over the plate's shares left to right."""
    x0, x1 = round(LEFT + left * WIDTH), round(LEFT + right * WIDTH)
    y0, y1 = TOP - 2 * height, TOP + 3 * height
    cloth = np.random.default_rng(3).normal(60, 14, (y1 - y0, x1 - x0, 1)).astype(np.float32)
    hidden = picture.copy()
    hidden[y0:y1, x0:x1] = np.clip(cv2.GaussianBlur(np.repeat(cloth, 3, axis=2), (0, 0), 1.5), 0, 255)
    return hidden


def wet(picture: Picture, height: int, place: int) -> Picture:
    """A drop on the lens in front of most of one character."""
    centre = (round(LEFT + WIDTH * (place + 0.5) / 7), round(TOP + height / 2))
    drop = cv2.circle(np.zeros(picture.shape[:2], np.float32), centre, round(0.07 * WIDTH), (1.0,), -1)
    share = cv2.GaussianBlur(drop, (0, 0), 1.2)[..., None]
    smooth = np.clip(cv2.GaussianBlur(picture, (0, 0), 0.06 * WIDTH) * 1.15 + 12, 0, 255)
    return np.asarray(picture * (1 - share) + smooth * share, np.uint8)


def only(reader: OnDeviceReader, picture: Picture, region: Region | None = None) -> PlateRead:
    plates = reader.read(np.ascontiguousarray(picture), region).plates
    assert plates
    return plates[0]


@pytest.mark.parametrize("text", TEXTS)
def test_a_whole_plate_is_certain(reader: OnDeviceReader, text: str) -> None:
    plate = only(reader, scene(text)[0])
    assert (plate.text, plate.doubts, plate.certain) == (text, (), True)


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize(("left", "right"), [(0.85, 1.3), (-0.3, 0.14), (0.85, 1.1), (0.56, 0.72)])
def test_a_plate_behind_something_is_not(reader: OnDeviceReader, text: str, left: float, right: float) -> None:
    picture, height = scene(text)
    for plate in reader.read(covered(picture, height, left, right)).plates:
        assert not plate.certain, (plate.text, plate.weakest)


def test_a_wrong_text_that_was_sure_is_doubted_for_what_is_wrong(reader: OnDeviceReader) -> None:
    picture, height = scene("皖AK169H")
    plate = only(reader, covered(picture, height, 0.85, 1.3))
    assert plate.text != "皖AK169H"
    assert set(plate.doubts) & {Doubt.COVERED, Doubt.SPACING}


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("cut", [1 / 7, 0.07])
def test_a_plate_that_runs_out_of_the_picture_is_not(reader: OnDeviceReader, text: str, cut: float) -> None:
    picture, _ = scene(text)
    beyond = round(cut * WIDTH)
    for part in (picture[:, : LEFT + WIDTH - beyond], picture[:, LEFT + beyond :]):
        for plate in reader.read(np.ascontiguousarray(part)).plates:
            assert not plate.certain
            assert Doubt.EDGE in plate.doubts


def test_the_edge_of_a_lanes_part_of_the_picture_is_an_edge(reader: OnDeviceReader) -> None:
    """The search goes 6 % beyond the region: 602 px here, the plate ends at 390."""
    picture, _ = scene("川AM1186")
    assert only(reader, picture, Region(0.2, 0.2, 0.88, 0.9)).certain
    for plate in reader.read(picture, Region(0.0, 0.2, (LEFT + WIDTH - 15) / 640 - 0.06, 0.9)).plates:
        assert Doubt.EDGE in plate.doubts


@pytest.mark.parametrize("place", range(7))
def test_a_plate_with_a_drop_on_it_is_not(reader: OnDeviceReader, place: int) -> None:
    picture, height = scene("川AM1186")
    for plate in reader.read(wet(picture, height, place)).plates:
        assert not plate.certain, (plate.text, plate.weakest)


def read_of(text: str, kind: str, colour: Colour = Colour.BLUE) -> PlateRead:
    corners = ((100.0, 100.0), (250.0, 100.0), (250.0, 148.0), (100.0, 148.0))
    return PlateRead(tuple(CharacterRead(c, 0.9999) for c in text), corners, colour, kind, 1, 0.99)


@pytest.mark.parametrize(
    ("text", "kind", "doubt"),
    [
        ("粤A1234", "unknown", Doubt.UNKNOWN_KIND),
        ("WJ169305", "unknown", Doubt.UNKNOWN_KIND),
        ("粤AD12345", "unknown", Doubt.COLOUR),
    ],
)
def test_a_text_that_no_plate_of_that_look_has_is_doubted(text: str, kind: str, doubt: Doubt) -> None:
    picture = np.zeros((360, 640, 3), np.uint8)
    assert doubts_of(picture, read_of(text, kind), (0, 0, 640, 360)) == (doubt,)


def test_dark_characters_on_a_light_ground_are_no_blue_plate() -> None:
    """What a white plate of an unknown kind comes out as when its colour is not sure."""
    drawn = draw_plate(np.random.default_rng(4), PlateKind.BLUE, "粤A12345")
    height, width = drawn.image.shape[:2]
    right, low = float(width), float(height)
    corners = ((0.0, 0.0), (right, 0.0), (right, low), (0.0, low))
    plate = replace(read_of("粤A12345", "blue"), corners=corners)
    assert Doubt.COLOUR not in doubts_of(drawn.image, plate, None)
    assert Doubt.COLOUR in doubts_of(np.asarray(255 - drawn.image, np.uint8), plate, None)


def test_near_an_edge_counts_as_touching_it() -> None:
    plate = read_of("粤A12345", "blue")
    assert not touches_edge(plate, (90, 0, 640, 360))
    assert touches_edge(plate, (96, 0, 640, 360))
    assert touches_edge(plate, (0, 0, 640, 150))


@pytest.mark.parametrize("kind", list(PlateKind))
def test_drawn_plates_of_every_kind_fit_their_own_text_and_no_other(kind: PlateKind) -> None:
    drawn = draw_plate(np.random.default_rng(4), kind)
    height, width = drawn.image.shape[:2]
    corners = ((0.0, 0.0), (float(width), 0.0), (float(width), float(height)), (0.0, float(height)))
    fits = fit(drawn.image, corners, drawn.text, drawn.plate_format)
    assert min(fits.likeness) > 0.6
    assert max(fits.strays) < 0.12
    reordered = drawn.text[:-3] + drawn.text[-2:] + drawn.text[-3]
    if len(set(drawn.text[-3:])) > 1:
        assert min(fit(drawn.image, corners, reordered, drawn.plate_format).likeness) < 0.6


@pytest.mark.parametrize("kind", [PlateKind.BLUE, PlateKind.YELLOW_TWO_ROW])
def test_a_picture_with_light_and_dark_exchanged_fits_as_well_and_says_so(kind: PlateKind) -> None:
    drawn = draw_plate(np.random.default_rng(5), kind)
    height, width = drawn.image.shape[:2]
    corners = ((0.0, 0.0), (float(width), 0.0), (float(width), float(height)), (0.0, float(height)))
    grey = np.repeat(drawn.image.mean(axis=2, keepdims=True), 3, axis=2).astype(np.uint8)
    before, turned = (fit(shown, corners, drawn.text, drawn.plate_format) for shown in (grey, 255 - grey))
    assert before.light is (kind == PlateKind.BLUE)
    assert turned.light is not before.light
    for name in ("likeness", "strays", "sharpness"):
        assert getattr(turned, name) == pytest.approx(getattr(before, name), abs=1e-3), name


def test_read_prints_certain_and_doubts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    picture, height = scene("皖AK169H")
    paths = [tmp_path / "whole.png", tmp_path / "covered.png"]
    for path, image in zip(paths, (picture, covered(picture, height, 0.85, 1.3)), strict=True):
        cv2.imencode(".png", image)[1].tofile(path)
    assert main(["read", "--json", *map(str, paths)]) == 0
    whole, hidden = (json.loads(line)["plates"][0] for line in capsys.readouterr().out.splitlines())
    assert (whole["certain"], whole["doubts"]) == (True, [])
    assert hidden["certain"] is False
    assert "covered" in hidden["doubts"]
    assert main(["read", str(paths[1])]) == 0
    assert "not certain: covered" in capsys.readouterr().out
