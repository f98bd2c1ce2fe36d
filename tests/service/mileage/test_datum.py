"""GCJ-02 and WGS-84: published pairs, and there and back again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.mileage.datum import Datum, Spot, distance_m, to_gcj02, to_wgs84

PAIRS = (
    ((31.1774276, 121.5272106), (31.17530398364597, 121.531541859215)),
    ((22.543847, 113.912316), (22.540796131694766, 113.9171764808363)),
    ((39.911954, 116.377817), (39.91334545536069, 116.38404722455657)),
)
"""WGS-84 and GCJ-02 of Shanghai, Shenzhen and Beijing, from the tests of googollee/eviltransform."""


@pytest.mark.parametrize(("wgs", "gcj"), PAIRS)
def test_published_pairs(wgs: tuple[float, float], gcj: tuple[float, float]) -> None:
    assert to_gcj02(Spot(*wgs)) == pytest.approx(gcj, abs=1e-6)
    assert distance_m(to_wgs84(*gcj, Datum.GCJ02), Spot(*wgs)) < 0.2


@given(st.floats(18.3, 53.5), st.floats(73.7, 135.0))
def test_there_and_back_is_the_same_place(lat: float, lon: float) -> None:
    point = Spot(lat, lon)
    shown = to_gcj02(point)
    assert 20 < distance_m(point, Spot(*shown)) < 1_500
    assert distance_m(point, to_wgs84(*shown, Datum.GCJ02)) < 0.01


def test_outside_of_china_both_are_the_same() -> None:
    paris = Spot(48.8566, 2.3522)
    assert to_gcj02(paris) == (paris.lat, paris.lon)
    assert to_wgs84(paris.lat, paris.lon, Datum.GCJ02) == paris
