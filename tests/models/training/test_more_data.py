"""The second set of real pictures: what is loaded, divided, painted over, cut out, and how corners are agreed on."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from models.build import build_detector
from models.closeups import Picture, quad_size
from models.grammar import PlateKind
from models.training.__main__ import main
from models.training.data.corners import FindsCorners, TeacherFind, box_quad, corners_of, overlap
from models.training.data.holdout import is_held_out
from models.training.data.marks import CAPTION_PX, painted_over
from models.training.data.more import by_scene, load_labels, load_more_crops, load_more_cuts, load_more_scenes
from models.training.drawing.plates import draw_plate

BOX = (300.0, 200.0, 460.0, 251.0)


def held_out(yes: bool, start: int) -> str:
    return next(text for text in (f"川A{number:05}" for number in range(start, 99999)) if is_held_out(text) == yes)


def street_frame(text: str, seed: int = 1) -> Picture:
    """A street of noise with one drawn plate at BOX."""
    rng = np.random.default_rng(seed)
    small = rng.integers(40, 140, (45, 80, 3), np.uint8)
    image = np.asarray(cv2.resize(small, (800, 450), interpolation=cv2.INTER_CUBIC), np.uint8)
    left, top, right, bottom = (int(value) for value in BOX)
    plate = draw_plate(rng, PlateKind.BLUE, text).image
    image[top:bottom, left:right] = cv2.resize(plate, (right - left, bottom - top), interpolation=cv2.INTER_AREA)
    return image


def marked(image: Picture) -> Picture:
    """As the labelling tool of the street frames leaves a picture."""
    drawn = image.copy()
    left, top, right, bottom = (int(value) for value in BOX)
    cv2.rectangle(drawn, (left - 1, top - 24), (left + 153, top), (255, 255, 255), -1)
    cv2.putText(drawn, "CAPTION", (left + 4, top - 6), cv2.FONT_HERSHEY_SIMPLEX, 0.7, (0, 0, 0), 2)
    cv2.rectangle(drawn, (left, top), (right, bottom), (255, 0, 0), 2)
    cv2.circle(drawn, (left, top), 3, (255, 255, 0), -1)
    return drawn


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A folder of pictures with three scenes: one to learn from, one held out, one of each kind of plate."""
    folder = tmp_path / "more"
    (folder / "scenes").mkdir(parents=True)
    (folder / "crops").mkdir()
    learnt, kept = held_out(False, 1), held_out(True, 1)
    rows = [
        ("scenes/a.jpg", learnt, "blue", "scene", "plain"),
        ("scenes/b.jpg", kept, "blue", "scene", "crpd_marked"),
        ("scenes/c.jpg", held_out(False, 500), "blue", "scene", "plain"),
        ("scenes/c.jpg", held_out(True, 500), "blue", "scene", "plain"),
    ]
    lines = ["file,plate,kind,rows,box,form,origin,note"]
    for index, (file, plate, kind, form, origin) in enumerate(rows):
        box = BOX if index < 3 else (20.0, 300.0, 120.0, 330.0)
        lines.append(f"{file},{plate},{kind},1,{' '.join(f'{v:g}' for v in box)},{form},{origin},")
        cv2.imwrite(
            str(tmp_path / "more" / file),
            marked(street_frame(plate)) if origin == "crpd_marked" else street_frame(plate),
        )
    lines += [f"crops/d.jpg,{learnt},blue,1,,crop,toll,", "crops/e.jpg,民航A1234,civil_aviation,1,,crop,plain,"]
    lines.append("crops/f.jpg,WJ1693015,armed_police,1,,crop,plain,of before 2013: nine characters")
    lines.append(f"crops/g.jpg,{held_out(False, 900)},blue,1,,crop,mosaic,")
    for name in ("d", "e", "f", "g"):
        cv2.imwrite(str(tmp_path / "more" / "crops" / f"{name}.jpg"), np.full((36, 136, 3), 90, np.uint8))
    (folder / "more.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return tmp_path


@pytest.fixture
def corners(data: Path) -> Path:
    """A file of corners for the scenes of `data`."""
    known = {}
    for file, labels in by_scene(load_labels(data)).items():
        boxes = [label.box for label in labels if label.box is not None]
        plates = {
            " ".join(f"{v:g}" for v in box): {"corners": box_quad(box).ravel().tolist(), "exact": True} for box in boxes
        }
        known[file] = {"plates": plates, "others": [[600, 10, 700, 40]]}
    path = data / "corners.json"
    path.write_text(json.dumps(known), encoding="utf-8")
    return path


def test_a_scene_is_held_out_with_any_of_its_plates(data: Path, corners: Path) -> None:
    learnt = load_more_scenes(data, False, corners=corners)
    kept = load_more_scenes(data, True, corners=corners)
    assert [scene.path.name for scene in learnt] == ["a.jpg"]
    assert [scene.path.name for scene in kept] == ["b.jpg", "c.jpg"]
    assert all(scene.held_out for scene in kept)
    assert not any(scene.held_out for scene in learnt)
    assert [len(scene.unjudged) for scene in kept] == [1, 1]


def test_scenes_shrink_with_their_corners(data: Path, corners: Path) -> None:
    (scene,) = load_more_scenes(data, False, largest_side=400, corners=corners)
    assert scene.image.shape[1] == 400
    np.testing.assert_allclose(scene.plates[0].corners, box_quad(BOX) / 2, atol=1)


def test_cuts_and_crops_leave_out_what_the_recogniser_cannot_write(data: Path, corners: Path) -> None:
    cuts = load_more_cuts(data, corners)
    assert sorted({cut.source for cut in cuts}) == ["photo", "street"]
    assert all(cut.corners is not None and quad_size(cut.corners)[0] > 90 for cut in cuts)
    crops = load_more_crops(data)
    assert [crop.source for crop in crops] == ["toll", "mosaic"], "each origin with shares of its own in a batch"


def test_marks_are_painted_over_and_the_plate_stays() -> None:
    clean = street_frame("川A12345")
    mended = painted_over(marked(clean), [BOX])
    left, top, right, bottom = (int(value) for value in BOX)
    caption = mended[top + CAPTION_PX[1] : top - 5, left : left + CAPTION_PX[2]]
    assert caption.max() < 180, "white is left of the caption"
    lines = mended[top - 1 : bottom + 2, left - 1 : left + 2].astype(int)
    assert (lines[..., 0] - lines[..., 2]).mean() < 100, "blue is left of the box"
    inside = (slice(top + 12, bottom - 12), slice(left + 12, right - 12))
    np.testing.assert_array_equal(mended[inside], clean[inside])


def test_a_caption_at_the_upper_edge_leaves_no_error() -> None:
    box = (5.0, 10.0, 165.0, 61.0)
    assert painted_over(street_frame("川A12345"), [box]).shape == (450, 800, 3)


class Scripted:
    """A teacher that answers the box it is told, moved by so many pixels of the picture."""

    def __init__(self, box: tuple[float, float, float, float] | None, moved: float = 0.0) -> None:
        self._box, self._moved = box, moved

    def find(self, image: Picture, least: float = 0.5) -> list[TeacherFind]:
        """Where the white frame of the test picture is."""
        if self._box is None:
            return []
        ys, xs = np.nonzero(image.min(2) > 250)
        quad = box_quad((float(xs.min()), float(ys.min()), float(xs.max()), float(ys.max())))
        return [TeacherFind(quad + np.float32(self._moved), 0.9)]


def agreed(image: Picture, teacher: FindsCorners) -> tuple[np.ndarray, bool]:
    framed = np.zeros_like(image)
    left, top, right, bottom = (int(value) for value in BOX)
    framed[top:bottom, left:right] = 255
    quad, exact = corners_of(image, framed, BOX, teacher, build_detector())
    return quad, exact


def test_corners_that_both_see_are_exact() -> None:
    quad, exact = agreed(street_frame("川A12345"), Scripted(BOX))
    assert exact
    assert overlap((*quad.min(0), *quad.max(0)), BOX) > 0.85


def test_corners_that_one_sees_elsewhere_are_not_exact() -> None:
    quad, exact = agreed(street_frame("川A12345"), Scripted(BOX, moved=200.0))
    assert not exact
    assert overlap((*quad.min(0), *quad.max(0)), BOX) > 0.6


def test_a_box_that_nobody_understands_keeps_its_own_corners() -> None:
    quad, exact = agreed(np.full((450, 800, 3), 90, np.uint8), Scripted(None))
    assert not exact
    np.testing.assert_array_equal(quad, box_quad(BOX))


def test_corners_need_the_pictures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GREENLANE_DATA", str(tmp_path))
    assert main(["corners", "--teacher", __file__]) == 1
    assert "no second set" in capsys.readouterr().out
