"""Pump against engine (J1939 total fuel used) between full fills: what fits and what does not, to the millilitre."""

from __future__ import annotations

from pathlib import Path

import pytest

from service.mileage.engine_fuel import allowed_ml, contradictions
from service.mileage.places import Refuelling
from tests.service.mileage.conftest import Admin

HOUR_US = 3_600_000_000


def fill(hour: int, litres: float | None, total_l: float | None, *, is_full: bool = True) -> Refuelling:
    at_us = hour * HOUR_US
    volume_ml = None if litres is None else round(litres * 1000)
    total_ml = None if total_l is None else round(total_l * 1000)
    return Refuelling(at_us, at_us, at_us, volume_ml, is_full=is_full, total_fuel_ml=total_ml)


def apart(*fills: Refuelling) -> list[tuple[int, int]]:
    return [(found.given_ml, found.used_ml) for found in contradictions(fills)]


@pytest.mark.parametrize(
    ("used_l", "fits"),
    [(40.0, True), (35.5, True), (35.499, False), (44.5, True), (44.501, False), (0.0, False), (-1.0, True)],
)
def test_forty_litres_may_be_a_bit_the_top_and_a_twentieth_off(used_l: float, fits: bool) -> None:
    assert allowed_ml(40_000) == 500 + 2_000 + 2_000
    found = apart(fill(0, 50, 1_000), fill(10, 40, 1_000 + used_l))
    assert found == ([] if fits else [(40_000, round(used_l * 1000))])


def test_everything_given_in_between_counts_and_what_is_not_known_says_nothing() -> None:
    begin = fill(0, 50, 1_000)
    assert apart(begin, fill(5, 30, None, is_full=False), fill(10, 40, 1_070)) == []
    assert apart(begin, fill(5, 30, None), fill(10, 40, 1_040)) == [(70_000, 40_000)], "a full one without a count"
    assert apart(begin, fill(5, None, None, is_full=False), fill(10, 40, 1_100)) == []
    assert apart(begin, fill(10, 40, 1_100, is_full=False)) == []
    assert apart(fill(0, 50, None), fill(10, 40, 1_100)) == []


def test_an_operator_imports_totals_and_sees_what_contradicts(admin: Admin, tmp_path: Path) -> None:
    file = tmp_path / "odometer.csv"
    head = "at,odometer_km,litres,full,total_fuel_l"
    days = ((4, 10_000, 50, 20_000.5), (5, 10_400, 40, 20_040.0), (6, 10_800, 60, 20_079.5))
    lines = [f"2026-05-0{day}T08:00:00+08:00,{km},{litres},yes,{total}" for day, km, litres, total in days]
    bad = "2026-05-07T08:00:00+08:00,10900,,,2105540608"
    file.write_text("\n".join([head, *lines, bad]), encoding="utf-8")
    assert "total_fuel_l: 2105540608 is not between" in admin("odometer", "import", "粤B12345", file, fails=True)
    (found,) = admin("exceptions", "粤B12345", "--json")
    assert found["kind"] == "pump_and_engine"
    assert found["at"].startswith("2026-05-06T")
    assert "60.00 L from the pumps, 39.5 L by the engine" in found["detail"]
    engine = [one["detail"] for one in found["evidence"] if one["kind"] == "engine"]
    assert engine == ["20040.0 L used in all", "20079.5 L used in all"]
    again = admin("odometer", "import", "粤B12345", file, "--json", fails=True)
    assert (again["added"], again["repeated"]) == (0, 3)
