"""Figures count what they say, and the page keeps the words around its tables."""

from __future__ import annotations

from pathlib import Path

import pytest

from controller.records import SignRead
from models.training.evaluate import Judged, by_group, by_province, calibration_error, confusions, figures
from models.training.evaluate_page import BEGIN, END, write_page


def judged(truth: str, read: str, weakest: float = 0.99, group: str = "ccpd") -> Judged:
    signs = [SignRead(sign, 1.0) for sign in read]
    if signs:
        place = next((i for i, (a, b) in enumerate(zip(truth, read, strict=False)) if a != b), len(signs) - 1)
        signs[place] = SignRead(read[place], weakest)
    return Judged(truth, tuple(signs), group)


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


def test_tables_by_group_province_and_sign() -> None:
    assert list(by_group([*READS, judged("皖A72P33", "皖A72P33", group="auto")])) == ["auto", "ccpd"]
    assert by_province(READS)["苏"] == {"plates": 2, "exact": 0, "province_right": 1}
    assert confusions(READS) == {"苏>皖": 1, "0>O": 1}


def test_page_keeps_the_words_around_its_tables(tmp_path: Path) -> None:
    page = tmp_path / "reader.md"
    page.write_text(f"# Title\n\nBefore.\n\n{BEGIN}\nold\n{END}\n\nAfter.\n", encoding="utf-8")
    result = {
        "all": figures(READS),
        "sources": by_group(READS),
        "provinces": by_province(READS),
        "drawn": by_group(READS),
        "blank_strips": {"strips": 10, "read_as_plate": 1, "certain": 0},
    }
    write_page(page, result)
    write_page(page, result)
    text = page.read_text(encoding="utf-8")
    assert "old" not in text
    assert text.count("Held-out real crops by source") == 1
    assert text.startswith("# Title\n\nBefore.")
    assert text.endswith("After.\n")
