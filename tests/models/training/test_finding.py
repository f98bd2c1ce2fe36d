"""How found plates are counted by their width, and that the table says it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from controller.records import Colour
from models.detector import Detection
from models.training.__main__ import main
from models.training.data.scenes import Scene, ScenePlate
from models.training.evaluation.finding import held_out_groups, rows_of, table, tally
from models.training.evaluation.last_look import last_looks


def quad(left: float, top: float, width: float) -> np.ndarray:
    return np.array([[0, 0], [1, 0], [1, 0.32], [0, 0.32]], np.float32) * width + np.float32([left, top])


def scene(*plates: np.ndarray, unjudged: tuple[np.ndarray, ...] = ()) -> Scene:
    labelled = tuple(ScenePlate("川A12345", corners, "blue", 1) for corners in plates)
    return Scene(Path("x.jpg"), np.zeros((600, 800, 3), np.uint8), labelled, unjudged)


class Fixed:
    """A detector that always finds the same quads."""

    def __init__(self, *quads: np.ndarray) -> None:
        self._quads = quads

    def detect(self, image: np.ndarray) -> list[Detection]:
        corners = [tuple((float(x), float(y)) for x, y in quad) for quad in self._quads]
        return [Detection((c[0], c[1], c[2], c[3]), Colour.BLUE, 1, 0.9, 0.9) for c in corners]


def test_plates_are_counted_by_width_and_finds_elsewhere_are_false() -> None:
    wide, small, missed, other = quad(50, 50, 140), quad(400, 300, 60), quad(600, 100, 80), quad(100, 500, 70)
    finds = Fixed(wide + np.float32(4), small, quad(20, 300, 90), other)
    row = rows_of("320", {"street": tally(finds, [scene(wide, small, missed, unjudged=(other,))])})[0]
    assert row["bands"] == [(1, 1), (0, 1), (0, 0), (1, 1)]
    assert row["all"] == (2, 3)
    assert row["false_finds"] == 1
    assert "| 320 | street | 1 of 1 | 0 of 1 | 0 of 0 | 1 of 1 | 2 of 3 | 1 |" in table([row])[2]


def test_one_find_answers_for_one_plate_and_its_size_must_fit() -> None:
    plate = quad(50, 50, 140)
    assert tally(Fixed(quad(90, 70, 50)), [scene(plate)]).found == ((pytest.approx(140, abs=0.1), False),)
    twice = tally(Fixed(plate, plate), [scene(plate)])
    assert (twice.band(0, 999), twice.false_finds) == ((1, 1), 1)


def test_a_last_look_counts_where_the_ones_before_found_nothing() -> None:
    """A plate of 140 px and one of 100, which the first looks miss; turned, both are wide enough to be views."""
    wide, small = quad(50, 50, 140), quad(400, 300, 100)
    pictures = [scene(wide), scene(small)]

    class Wide(Fixed):
        def detect(self, image: np.ndarray) -> list[Detection]:
            return super().detect(image) if image is pictures[0].image else []

    lines = {one.name: one for one in last_looks(Wide(wide), {256: Fixed(small), 448: Fixed()}, pictures)}
    line = lines["as they are"]
    assert (line.pictures, line.plates, line.found, line.empty) == (2, 2, 1, 1)
    assert [line.more[side][:2] for side in (256, 448)] == [(1, 0), (0, 0)]
    bare = lines["without their plates"]
    assert (bare.plates, bare.empty, bare.more[256][:2]) == (0, 2, (0, 2))
    assert bare.cells()[-2:] == ["2 false", "0 false"]
    assert lines["tilted by 45 degrees"].pictures == 4


def test_the_command_needs_the_pictures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GREENLANE_DATA", str(tmp_path))
    assert main(["finding"]) == 1
    assert "no real pictures" in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.realdata
def test_held_out_street_frames_keep_their_figures(real_data: Path) -> None:
    from models.build import build_detector

    groups = held_out_groups(real_data / "data")
    detector = build_detector()
    for name in ("street frames", "street frames, boxes drawn"):
        result = tally(detector, groups[name])
        wide, middle = result.band(90, 1e9), result.band(70, 90)
        assert wide[0] >= 0.92 * wide[1], name
        assert middle[0] >= 0.85 * middle[1], name
