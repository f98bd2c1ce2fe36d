"""Figures count what they say, and the page keeps the words around its tables."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from controller.records import CharacterRead
from models.training.data.realdata import RealCrop
from models.training.evaluation.counts import (
    Judged,
    by_band,
    by_group,
    by_province,
    calibration_error,
    confusions,
    figures,
    reliability,
)
from models.training.evaluation.page import crop_tables, drawn_tables, write_part
from models.training.evaluation.reads import SHRUNK_PX, judge_shrunk


def judged(truth: str, read: str, weakest: float = 0.99, group: str = "ccpd") -> Judged:
    characters = [CharacterRead(character, 1.0) for character in read]
    if characters:
        place = next((i for i, (a, b) in enumerate(zip(truth, read, strict=False)) if a != b), len(characters) - 1)
        characters[place] = CharacterRead(read[place], weakest)
    return Judged(truth, tuple(characters), group)


READS = [
    judged("皖A72P33", "皖A72P33"),
    judged("苏E97W93", "皖E97W93", 0.97),
    judged("苏E97W90", "苏E97W9O", 0.5),
    judged("皖A12345", ""),
]


def test_figures_count_exact_and_certain_reads() -> None:
    result = figures(READS)
    assert result["plates"] == 4
    assert result["exact"] == pytest.approx(0.25)
    assert result["exact_without_province"] == pytest.approx(0.5)
    assert result["certain"]["0.9"] == {"answered": 2, "wrong": 1}
    assert result["certain"]["0.99"] == {"answered": 1, "wrong": 0}


def test_calibration_error_of_sure_and_right_reads_is_small() -> None:
    assert calibration_error([judged("皖A72P33", "皖A72P33", 1.0)] * 5) == pytest.approx(0, abs=1e-6)
    assert calibration_error([judged("皖A72P33", "苏A72P33", 1.0)] * 5) == pytest.approx(1, abs=1e-6)


def test_tables_by_group_province_and_character() -> None:
    assert list(by_group([*READS, judged("皖A72P33", "皖A72P33", group="auto")])) == ["auto", "ccpd"]
    assert by_province(READS)["苏"] == {"plates": 2, "exact": 0, "province_right": 1}
    assert confusions(READS) == {"苏>皖": 1, "0>O": 1}


def test_bands_are_named_by_their_lower_edge_and_empty_ones_left_out() -> None:
    reads = [replace(READS[0], width_px=width) for width in (59.9, 60.0, 75.0, 400.0)]
    bands = by_band(reads, lambda read: read.width_px, (0, 60, 80, 110))
    assert {name: row["plates"] for name, row in bands.items()} == {"0": 1, "60": 2, "110": 1}


def test_reliability_counts_every_read_once() -> None:
    bins = reliability([*READS, judged("皖A72P33", "苏A72P33", 0.96)])
    assert [row["reads"] for row in bins] == [1, 1, 3]
    assert bins[-1]["right"] == pytest.approx(1 / 3)
    assert bins[-1]["claimed"] == pytest.approx((0.99 + 0.97 + 0.96) / 3)


def test_shrunk_crops_keep_their_plate_between_their_corners() -> None:
    white = np.zeros((120, 400, 3), np.uint8)
    corners = np.array([[100, 40], [300, 40], [300, 90], [100, 90]], np.float32)
    cv2.fillConvexPoly(white, corners.astype(np.int32), (255, 255, 255))
    strips: list[np.ndarray] = []

    class Looking:
        def read(self, given: list[np.ndarray]) -> list[tuple[CharacterRead, ...]]:
            strips.extend(given)
            return [()] * len(given)

    crop = RealCrop(white, "皖A72P33", "easypr", corners)
    reads = judge_shrunk(Looking(), [crop, replace(crop, source="ccpd"), replace(crop, rows=2)])  # type: ignore[arg-type]
    assert [read.width_px for read in reads] == list(SHRUNK_PX)
    assert all(strip[4:-4, 6:-6].min() > 200 for strip in strips)


def test_page_keeps_the_words_around_its_tables(tmp_path: Path) -> None:
    page = tmp_path / "reader.md"
    marked = "<!-- figures: begin -->\nold\n<!-- figures: end -->"
    page.write_text(f"# Title\n\nBefore.\n\n{marked}\n\nAfter.\n", encoding="utf-8")
    write_part(page, "figures", "new")
    write_part(page, "scenes", "scenes")
    write_part(page, "scenes", "other scenes")
    text = page.read_text(encoding="utf-8")
    assert text.startswith("# Title\n\nBefore.\n\n<!-- figures: begin -->\nnew\n<!-- figures: end -->\n\nAfter.\n")
    assert text.endswith("<!-- scenes: begin -->\nother scenes\n<!-- scenes: end -->\n")
    assert "old" not in text


def test_tables_show_every_group() -> None:
    rows = by_group(READS)
    real = dict.fromkeys(("sources", "shrunk", "widths", "blurs", "tilts", "twins", "drawn", "stress"), rows)
    real["shrunk"] = {"40": rows["ccpd"], "110": rows["ccpd"]}
    blank = {"strips": 10, "read_as_plate": 1, "certain": 0}
    result = {"all": figures(READS), "provinces": by_province(READS), "blank_strips": blank, **real}
    crops, drawn = crop_tables(result, "pictures"), drawn_tables(result, "pictures")
    assert crops.index("| 110 |") < crops.index("| 40 |")
    assert "| ccpd | 4 | 25.0 % | 50.0 % | 1 of 2 | 0 of 1 |" in crops
    assert "| ccpd | 4 | 25.0 % | 50.0 % | 4 | 25.0 % | 50.0 % |" in drawn
    assert "Of 10 strips that show no whole plate, 1 were read as one" in drawn
