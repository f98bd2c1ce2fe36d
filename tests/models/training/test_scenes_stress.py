"""Things that are not plates: drawn as such, put where they are said to be, and counted as a lane would count them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from controller.records import CharacterRead, Colour, PlateRead, Reading
from models.training.data.scenes import Picture, Scene, ScenePlate
from models.training.drawing.nuisances import CHARACTER_PX, KINDS, draw_nuisance, line_of
from models.training.evaluation.page import RESULTS
from models.training.evaluation.scenes import Verdicts, figures, judge
from models.training.evaluation.scenes_page import scene_tables
from models.training.evaluation.scenes_stress import is_certain, pictures, plateless, stress
from models.training.evaluation.visits import READS, frame_visits, scene_visits, trade_off

QUAD = np.array([[200, 150], [300, 150], [300, 182], [200, 182]], np.float32)
GROUNDS = [np.full((300, 480, 3), tone, np.uint8) for tone in (60, 140)]


def plate_read(text: str, weakest: float = 0.99, corners: np.ndarray = QUAD) -> PlateRead:
    characters = tuple(CharacterRead(character, weakest) for character in text)
    points = tuple((float(x), float(y)) for x, y in corners)
    return PlateRead(characters, points, Colour.BLUE, "blue" if len(text) == 7 else "unknown", 1, 0.99)  # type: ignore[arg-type]


def scene(text: str = "皖A72P33") -> Scene:
    rng = np.random.default_rng(3)
    image = np.full((400, 640, 3), 120, np.uint8)
    cv2.fillConvexPoly(image, QUAD.astype(np.int32), (200, 60, 20))
    image[155:178:2, 205:295] = rng.integers(0, 255, (12, 90, 3))
    return Scene(Path("a.jpg"), image, (ScenePlate(text, QUAD, "blue", 1, main=True),))


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_nuisance_shows_ink_on_its_ground(kind: object) -> None:
    rng = np.random.default_rng(5)
    for _ in range(20):
        nuisance = kind(rng)  # type: ignore[operator]
        assert nuisance.image.dtype == np.uint8
        assert min(nuisance.image.shape[:2]) >= CHARACTER_PX
        assert nuisance.burnt or nuisance.width_mm > 50
        ink = nuisance.image if nuisance.alpha is None else nuisance.alpha
        assert ink.max() > ink.min()
        assert nuisance.alpha is None or nuisance.alpha.shape == nuisance.image.shape[:2]


def test_lines_differ_by_what_is_written() -> None:
    rng = np.random.default_rng(1)
    assert line_of(rng, "12").shape[0] == line_of(rng, "粤 12-3/4:5.").shape[0] == CHARACTER_PX
    assert {draw_nuisance(rng).kind for _ in range(80)} == {
        "danger board",
        "danger lettering",
        "phone number",
        "company name",
        "fleet number",
        "badge",
        "clock or caption",
    }


def test_a_scenes_plates_are_smeared_and_nothing_else() -> None:
    before = scene()
    after = plateless(before)
    inside = after[152:180, 202:298].astype(int)
    assert np.abs(np.diff(inside, axis=1)).mean() < 2
    outside = np.ones(after.shape[:2], bool)
    outside[140:195, 185:315] = False
    np.testing.assert_array_equal(after[outside], before.image[outside])


def test_the_same_seed_gives_the_same_pictures_and_another_one_others() -> None:
    one, again, other = (list(pictures(GROUNDS, 6, seed)) for seed in (1, 1, 2))
    for first, second in zip(one, again, strict=True):
        np.testing.assert_array_equal(first.image, second.image)
    assert any((a.image != b.image).any() for a, b in zip(one, other, strict=True))
    assert all(picture.nuisances for picture in one)
    for picture in one:
        for _, quad in picture.nuisances:
            assert cv2.contourArea(quad) > 50


@pytest.mark.parametrize(
    ("find", "counts"),
    [
        (plate_read("皖A72P33"), (4, 4, 4, 4)),
        (plate_read("皖A72P33", 0.8), (4, 4, 0, 0)),
        (plate_read("皖A72P33", corners=QUAD * 0.5), (4, 4, 0, 0)),
        (plate_read("1203"), (4, 0, 0, 0)),
    ],
)
def test_finds_are_counted_by_how_far_a_lane_would_believe_them(find: PlateRead, counts: tuple[int, ...]) -> None:
    result = stress(lambda image: Reading((find,)), GROUNDS, 4)
    assert (result["finds"], result["valid"], result["certain"], result["certain_again"]) == counts
    assert sum(result["by_kind"].values()) == result["valid"]


def test_a_text_that_changes_from_frame_to_frame_does_not_come_again() -> None:
    texts = iter([f"皖A{number:05d}" for number in range(99)])
    result = stress(lambda image: Reading((plate_read(next(texts)),)), GROUNDS, 4)
    assert (result["certain"], result["certain_again"]) == (4, 0)


def test_certainty_is_of_valid_wide_and_sure_reads() -> None:
    assert is_certain(plate_read("皖A72P33", 0.9))
    assert not is_certain(plate_read("皖A72P33", 0.89))
    assert not is_certain(plate_read("皖A72P3"))


def test_visits_of_a_scene_keep_the_reads_of_its_main_plate() -> None:
    seen: list[Picture] = []

    def read(image: Picture) -> Reading:
        seen.append(image)
        aside = plate_read("浙A12345", corners=QUAD + np.float32(250))
        return Reading((aside, plate_read("皖A72P33")) if len(seen) % 4 else (aside,))

    (visit,) = scene_visits(read, [scene()])
    assert len({image.tobytes() for image in seen}) == READS
    assert [plate.text for plate in visit.reads] == ["皖A72P33"] * (READS - READS // 4)


def test_whole_frames_show_a_visit_for_every_plate_that_a_lane_would_believe() -> None:
    def read(image: Picture) -> Reading:
        return Reading((plate_read("皖A72P33"),))

    (plate,) = scene().plates
    narrow = replace(plate, corners=plate.corners.mean(0) + (plate.corners - plate.corners.mean(0)) * np.float32(0.4))
    foreign = replace(plate, text="海A12345")
    unseen = replace(plate, corners=plate.corners + np.float32(250))
    frame = replace(scene(), plates=(plate, narrow, foreign, unseen))
    seen, missed = frame_visits(read, "street frames", [frame])
    assert (len(seen.reads), len(missed.reads), seen.group) == (READS, 0, "street frames")


def test_the_page_tells_scenes_widths_visits_and_stress() -> None:
    def read(image: Picture) -> Reading:
        return Reading((plate_read("皖A72P33"),), {"detect": 1.0})

    verdicts = judge([scene(), scene("皖A72P34")], read)
    verdicts = replace(verdicts, false=[("a.jpg", plate_read("1203"))])
    assert isinstance(verdicts, Verdicts)
    further = {"visits": trade_off(scene_visits(read, [scene()])), "stress": stress(read, GROUNDS, 4)}
    page = scene_tables({**figures(verdicts), **further})
    assert "| main plate exact | 1 of 2 (50.0 %) |" in page
    assert "| 100 | 2 | 2 | 1 |" in page
    assert "| finds with a plate's format | 4 | 1000.0 |" in page
    assert "0.9" in page
    assert "no plates" not in scene_tables({**figures(verdicts), "visits": further["visits"]})


def test_recorded_figures_hold_both_commands_parts() -> None:
    recorded = json.loads(RESULTS.read_text(encoding="utf-8"))
    assert recorded["all"]["plates"] > 400
    assert recorded["scenes"]["scenes"] > 20
    assert recorded["scenes"]["stress"]["pictures"] == 1000
