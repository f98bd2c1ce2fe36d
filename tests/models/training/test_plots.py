"""Diagrams are sound XML with every figure in its place."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

from models.training.drawing.measures import Measures
from models.training.evaluation.counts import reliability, reliable_range
from models.training.evaluation.pictures import write_pictures
from models.training.evaluation.plots import Axis, Plot, document, legend, matrix
from tests.models.training.test_evaluate import READS

SVG = "{http://www.w3.org/2000/svg}"
PLOT = Plot("t", Axis("x", 0, 10, (0, 5, 10)), Axis("y", 0, 100, (0, 100)), x=20, y=30, width=166, height=174)


def test_points_lie_where_the_axes_say() -> None:
    left, foot = PLOT.at(0, 0)
    right, top = PLOT.at(10, 100)
    assert (right - left, foot - top) == (100, 100)
    assert PLOT.at(5, 25) == (left + 50, foot - 25)
    assert PLOT.at(-3, 400) == (left, top)


def test_a_drawing_is_xml_with_its_names_and_marks() -> None:
    plot = Plot("a <b>", Axis("x", 0, 1, (0, 1)), Axis("y", 0, 1, (0, 1)))
    plot.line([(0, 0), (1, 1)], "#000000", dashed=True)
    plot.dot((0.5, 0.5), "#000000", "half & half")
    plot.bar(0, 0.5, 0.3, "#000000")
    tree = ElementTree.fromstring(document(360, 260, plot.drawn(), legend([("one", "#ffffff")], 5, 5)))
    assert tree.get("viewBox") == "0 0 360 260"
    words = {element.text for element in tree.iter(f"{SVG}text")}
    assert {"a <b>", "x", "y", "one"} <= words
    assert len(list(tree.iter(f"{SVG}circle"))) == 1
    assert [title.text for title in tree.iter(f"{SVG}title")] == ["half & half"]


def test_a_matrix_shows_mistaken_characters_only() -> None:
    drawn, height = matrix({("8", "B"): 3, ("皖", "赣"): 1}, "errors", 0, 0)
    tree = ElementTree.fromstring(f'<svg xmlns="http://www.w3.org/2000/svg">{drawn}</svg>')
    words = [element.text for element in tree.iter(f"{SVG}text")]
    assert {"8", "B", "皖", "赣", "3", "1"} <= set(words)
    assert "A" not in words
    assert height > 40


@pytest.mark.parametrize(("share", "count"), [(1.0, 20), (0.0, 20), (0.5, 4)])
def test_the_range_of_a_share_holds_it_and_few_reads_leave_it_wide(share: float, count: int) -> None:
    low, high = reliable_range(share, count)
    wide_low, wide_high = reliable_range(share, max(count // 4, 1))
    assert 0 <= low <= share + 1e-9
    assert share - 1e-9 <= high <= 1
    assert wide_high - wide_low > high - low > 0


def test_every_diagram_is_written_and_can_be_parsed(tmp_path: Path) -> None:
    band = {"plates": 9, "exact": 0.9}
    tally = {"0.5": {"visits": 9, "answered": 9, "wrong": 1}, "0.9": {"visits": 9, "answered": 0, "wrong": 0}}
    result = {
        "shrunk": {"40": band, "110": band},
        "blurs": {"0": band, "1.2": band, "1.5": {"plates": 1, "exact": 1.0}},
        "tilts": {"0": band},
        "reliability": {"Real crops": {"calibration_error": 0.01, "bins": reliability(READS)}},
        "all": {"plates": 9, "certain": tally},
        "visits": {"crops": {"3": tally}, "drawn": {"3": tally}},
        "confusions": {},
        "drawn_confusions": {"8>B": 2},
    }
    measured = [Measures(1.0, 100.0, 120.0, 2.0, 3.0, 0.0, 0.6)] * 3
    names = write_pictures(tmp_path, result, {"ccpd": {"real": measured, "drawn": measured}})
    assert sorted(names) == sorted(path.name for path in tmp_path.iterdir())
    assert len(names) == 5
    for path in tmp_path.iterdir():
        tree = ElementTree.parse(path).getroot()
        assert tree.tag == f"{SVG}svg"
        assert "nan" not in path.read_text(encoding="utf-8").lower().replace("pingfang", "")
