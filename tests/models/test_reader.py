"""The reader: order, region, kinds and what is worth telling, with a detector and a recogniser that answer by rule."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from controller.errors import ReaderError
from controller.records import CharacterRead, Colour, Region
from models.detector import Detection
from models.reader import UNKNOWN, OnDeviceReader, Picture

BLACK = np.zeros((480, 640, 3), np.uint8)


class FixedDetector:
    """Finds what it was told, wherever it looks."""

    def __init__(self, *found: Detection) -> None:
        self.found = list(found)
        self.seen: list[tuple[int, ...]] = []

    def detect(self, image: Picture) -> list[Detection]:
        self.seen.append(image.shape)
        return self.found

    def look(self, image: Picture) -> Detection:
        return self.found[0]


class FixedRecogniser:
    def __init__(self, *texts: str, probability: float = 0.99) -> None:
        self.texts, self.probability = texts, probability

    def read(self, strips: Sequence[Picture]) -> list[tuple[CharacterRead, ...]]:
        assert all(strip.shape == (32, 128, 3) for strip in strips)
        return [
            tuple(CharacterRead(character, self.probability) for character in text)
            for text in self.texts[: len(strips)]
        ]


def found(
    left: float,
    top: float,
    width: float = 120.0,
    colour: Colour = Colour.BLUE,
    rows: int = 1,
    confidence: float = 0.95,
    certainty: float = 0.99,
) -> Detection:
    height = width / (2 if rows == 2 else 3)
    corners = ((left, top), (left + width, top), (left + width, top + height), (left, top + height))
    return Detection(corners, colour, rows, confidence, certainty)


def reader(detector: FixedDetector, *texts: str) -> OnDeviceReader:
    return OnDeviceReader(detector, FixedRecogniser(*texts), "fixed")  # type: ignore[arg-type]


def test_the_largest_plate_comes_first_and_every_stage_is_timed() -> None:
    reading = reader(FixedDetector(found(10, 10, 60), found(200, 200, 180)), "粤A12345", "皖B67890").read(BLACK)
    assert [plate.text for plate in reading.plates] == ["皖B67890", "粤A12345"]
    assert [plate.kind for plate in reading.plates] == ["blue", "blue"]
    assert set(reading.ms) == {"detect", "rectify", "recognise", "doubt"}
    assert all(ms >= 0 for ms in reading.ms.values())


@pytest.mark.parametrize(
    ("text", "colour", "rows", "certainty", "kind"),
    [
        ("粤A12345", Colour.BLUE, 1, 0.99, "blue"),
        ("粤A12345", Colour.YELLOW, 2, 0.99, "yellow_two_row"),
        ("粤AD12345", Colour.GREEN, 1, 0.99, "new_energy_small"),
        ("粤A12345", Colour.GREEN, 1, 0.99, UNKNOWN),
        ("粤AD12345", Colour.BLUE, 1, 0.99, UNKNOWN),
        ("粤AD12345", Colour.BLUE, 1, 0.5, "new_energy_small"),
        ("粤A1234", Colour.BLUE, 1, 0.99, UNKNOWN),
        ("", Colour.BLUE, 1, 0.99, UNKNOWN),
    ],
)
def test_text_colour_and_rows_have_to_agree(text: str, colour: Colour, rows: int, certainty: float, kind: str) -> None:
    find = found(10, 10, colour=colour, rows=rows, certainty=certainty)
    (plate,) = reader(FixedDetector(find), text).read(BLACK).plates
    assert plate.kind == kind
    assert plate.valid == (kind != UNKNOWN)


def test_a_colour_that_was_guessed_gives_way_to_the_text() -> None:
    find = found(10, 10, colour=Colour.WHITE, certainty=0.3)
    (plate,) = reader(FixedDetector(find), "粤AD12345").read(BLACK).plates
    assert plate.colour == Colour.GREEN


def test_what_is_neither_readable_nor_surely_a_plate_is_dropped() -> None:
    detector = FixedDetector(found(10, 10, confidence=0.55), found(300, 200, confidence=0.97))
    (kept,) = reader(detector, "A6", "").read(BLACK).plates
    assert kept.text == ""
    assert kept.detection == 0.97
    assert kept.confidence == 0.0


@pytest.mark.parametrize(("detection", "probability", "expected"), [(0.55, 0.2, 0), (0.55, 0.5, 1), (0.9, 0.2, 1)])
def test_a_text_by_chance_on_a_doubtful_find_is_dropped(detection: float, probability: float, expected: int) -> None:
    recogniser = FixedRecogniser("皖AH8542", probability=probability)
    doubtful = OnDeviceReader(FixedDetector(found(10, 10, confidence=detection)), recogniser, "")  # type: ignore[arg-type]
    assert len(doubtful.read(BLACK).plates) == expected


def test_only_plates_whose_centre_is_in_the_region_count_and_they_keep_the_frames_pixels() -> None:
    region = Region(left=0.5, top=0.5, right=1.0, bottom=1.0)
    detector = FixedDetector(found(0, 0, 60), found(60, 60, 120))
    (plate,) = reader(detector, "皖B67890").read(BLACK, region).plates
    assert plate.text == "皖B67890"
    left, top = plate.corners[0]
    assert left == 60 + int(0.44 * 640)
    assert top == 60 + int(0.44 * 480)
    assert detector.seen[0][0] < 480


def test_no_plate_is_an_empty_reading() -> None:
    reading = reader(FixedDetector()).read(BLACK)
    assert reading.plates == ()
    assert "detect" in reading.ms


@pytest.mark.parametrize(
    "image",
    [
        None,
        "picture",
        np.zeros((480, 640), np.uint8),
        np.zeros((480, 640, 4), np.uint8),
        np.zeros((480, 640, 3), np.float32),
        np.zeros((1, 1, 3), np.uint8),
        np.zeros((0, 0, 3), np.uint8),
    ],
    ids=repr,
)
def test_anything_but_a_picture_is_refused(image: object) -> None:
    with pytest.raises(ReaderError):
        reader(FixedDetector()).read(image)


def test_a_crop_is_one_plate_or_none() -> None:
    crop = np.zeros((36, 136, 3), np.uint8)
    edge_to_edge = Detection(((0, 0), (135, 0), (135, 35), (0, 35)), Colour.BLUE, 1, 1.0, 0.99)
    assert reader(FixedDetector(edge_to_edge), "粤A12345").read_crop(crop).plates[0].text == "粤A12345"
    assert reader(FixedDetector(edge_to_edge), "").read_crop(crop).plates == ()


def test_an_unsure_read_is_read_again_and_a_sure_one_is_not() -> None:
    class Wavering(FixedRecogniser):
        """Says another province each time it is asked."""

        def __init__(self, probability: float) -> None:
            super().__init__(probability=probability)
            self.strips = 0

        def read(self, strips: Sequence[Picture]) -> list[tuple[CharacterRead, ...]]:
            first, self.strips = self.strips, self.strips + len(strips)
            texts = ["赣A12345", "川A12345", "川A12345"][first : self.strips]
            return [tuple(CharacterRead(character, self.probability) for character in text) for text in texts]

    unsure, sure = Wavering(0.8), Wavering(0.95)
    (plate,) = OnDeviceReader(FixedDetector(found(10, 10)), unsure, "").read(BLACK).plates  # type: ignore[arg-type]
    assert plate.text == "川A12345"
    assert plate.weakest == pytest.approx((0.2 + 0.8 + 0.8) / 3)
    (plate,) = OnDeviceReader(FixedDetector(found(10, 10)), sure, "").read(BLACK).plates  # type: ignore[arg-type]
    assert plate.text == "赣A12345"
    assert sure.strips == 1
