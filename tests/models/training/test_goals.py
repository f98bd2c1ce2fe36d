"""The table of goals counts what the whole reader makes of held-out pictures, and where it was certain and wrong."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from models.grammar import PlateKind
from models.training.__main__ import main
from models.training.commands.goals import foreign_pictures
from models.training.data.holdout import is_held_out
from models.training.drawing.plates import draw_plate
from models.training.evaluation.goals import GOAL_OF, GoalPlate, cut_around, lines_of, names_of


def held_out(yes: bool, start: int) -> str:
    return next(text for text in (f"川A{number:05}" for number in range(start, 99999)) if is_held_out(text) == yes)


def drawn(text: str, kind: PlateKind = PlateKind.BLUE) -> np.ndarray:
    plate = draw_plate(np.random.default_rng(3), kind, text).image
    return np.asarray(cv2.resize(plate, (160, 51), interpolation=cv2.INTER_AREA), np.uint8)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Crops, a scene and a cut of a green frame; one label is not what its picture shows."""
    kept, other, green = held_out(True, 20000), held_out(True, 60000), "粤AD12345"
    while not is_held_out(green):
        green = f"粤AD{int(green[3:]) + 1:05}"
    rows = [("a.png", kept, kept), ("b.png", other, kept), ("c.png", held_out(False, 30000), kept)]
    for file, _, shown in rows:
        cv2.imwrite(str(tmp_path / file), drawn(shown))
    lines = ["file,plate,source", *(f"{file},{label},ccpd" for file, label, _ in rows)]
    (tmp_path / "crops.csv").write_text("\n".join(lines), encoding="utf-8")
    picture = np.random.default_rng(1).integers(70, 110, (450, 800, 3), np.uint8)
    picture[200:251, 300:460] = drawn(other)
    cv2.imwrite(str(tmp_path / "scene.png"), cv2.GaussianBlur(picture, (0, 0), 0.8))
    corners = [[300, 200], [460, 200], [460, 251], [300, 251]]
    plate = {"text": other, "colour": "blue", "main": True, "corners": corners}
    (tmp_path / "scenes.json").write_text(json.dumps([{"file": "scene.png", "plates": [plate]}]), encoding="utf-8")
    (tmp_path / "more").mkdir()
    cv2.imwrite(str(tmp_path / "more" / "d.png"), drawn(green, PlateKind.NEW_ENERGY_SMALL))
    cv2.imwrite(str(tmp_path / "more" / "e.png"), np.full((51, 160, 3), 90, np.uint8))
    labels = ["file,plate,kind,rows,box,form,origin,note", f"d.png,{green},new_energy_small,1,,crop,mosaic,"]
    labels += ["e.png,民航A1234,civil_aviation,1,,crop,plain,"]
    (tmp_path / "more" / "more.csv").write_text("\n".join(labels), encoding="utf-8")
    return tmp_path


@pytest.mark.slow
def test_the_table_stands_on_the_page_and_a_certain_read_of_another_plate_is_counted(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GREENLANE_DATA", str(data))
    page, figures = tmp_path / "reader.md", tmp_path / "figures.json"
    page.write_text("before\n<!-- goals: begin -->\nreplaced\n<!-- goals: end -->\nafter\n", encoding="utf-8")
    assert main(["goals", "--record", "--drawn", "1", "--page", str(page), "--json", str(figures)]) == 0
    lines = {line["group"]: line for line in json.loads(figures.read_text(encoding="utf-8"))["goals"]["lines"]}
    crops = lines["crops of parked cars (CCPD)"]
    assert (crops["plates"], crops["exact"], crops["certain"], crops["wrong"]) == (2, 1, 2, 1)
    assert lines["scenes, main plate"]["exact"] == lines["scenes, main plate"]["certain"] == 1
    assert lines["cuts of green frames"]["exact"] == 1
    written = page.read_text(encoding="utf-8")
    assert written.splitlines()[0] == "before"
    assert written.splitlines()[-1] == "after"
    assert "replaced" not in written
    assert "| crops of parked cars (CCPD) | 99.4 % | 1 of 2 (50.0 %) |" in written
    assert "| 民航A1234 | " in capsys.readouterr().out


def test_street_plates_go_by_width_and_rare_photos_are_counted_as_such_too() -> None:
    assert [names_of("street frames", width, "blue", 1)[0].split(", ")[1] for width in (69, 70, 90)] == [
        "under 70 px",
        "70-89 px",
        "90 px and wider",
    ]
    assert names_of("photos", 100, "green", 1) == ["photos, all", "photos, green plates", "photos, rarer kinds"]
    assert names_of("photos", 100, "blue", 1) == ["photos, all"]
    assert {name for width in (70, 90) for name in names_of("street frames", width, "blue", 1)} <= set(GOAL_OF)


def test_lines_with_a_goal_come_first_and_empty_ones_not_at_all() -> None:
    plates = [GoalPlate("street frames, under 70 px", True, True, False, False)]
    plates.append(GoalPlate("street frames, 70-89 px", False, False, False, False))
    assert [(line.group, line.goal) for line in lines_of(plates)] == [
        ("street frames, 70-89 px", 0.85),
        ("street frames, under 70 px", None),
    ]


def test_a_rare_plate_with_a_box_drawn_around_it_counts_with_and_without_the_box(data: Path) -> None:
    picture = np.full((300, 500, 3), 90, np.uint8)
    cv2.rectangle(picture, (200, 150), (296, 200), (255, 0, 0), 2)
    cv2.imwrite(str(data / "more" / "f.png"), picture)
    with (data / "more" / "more.csv").open("a", encoding="utf-8") as file:
        file.write("\nf.png,皖10A7226,tractor,2,200 150 296 200,scene,crpd_marked,")
    shown = dict(foreign_pictures(data))
    assert list(shown) == ["民航A1234", "皖10A7226, a box drawn around it", "皖10A7226, the box painted over"]
    blue = [int((picture[..., 0].astype(int) - picture[..., 2] > 100).sum()) for picture in shown.values()]
    assert blue[1] > 300
    assert blue[2] == 0


def test_a_cut_around_a_box_stays_inside_the_picture() -> None:
    picture = np.zeros((100, 200, 3), np.uint8)
    assert cut_around(picture, (10.0, 40.0, 50.0, 52.0)).shape == (93, 91, 3)


def test_the_command_needs_the_pictures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GREENLANE_DATA", str(tmp_path))
    assert main(["goals"]) == 1
    assert "no real pictures" in capsys.readouterr().out
