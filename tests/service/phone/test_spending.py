"""A person's spending: to the fen what they paid, by month of the station and plate, and drawn as it is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from xml.etree import ElementTree

import pytest
from fastapi.testclient import TestClient

from service.payers.charging import Charging
from service.payers.refunds import Refunds
from service.phone.spending_drawing import BASE, TOP, drawn
from tests.service.identity.kit import ServiceRig
from tests.service.phone.kit import HttpPhone, fuel, person
from wire.phone import PlateSpending, SpendingMonth

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def rig(tmp_path: Path) -> ServiceRig:
    return ServiceRig(tmp_path)


@pytest.fixture
def client(rig: ServiceRig) -> Iterator[TestClient]:
    with TestClient(rig.app) as opened:
        yield opened


def paid(rig: ServiceRig, phone: HttpPhone, amount_fen: int, plate: str) -> str:
    fuel(rig, amount_fen, plate)
    rig.clock.move(1)
    charge: str = phone.ask("GET", "/v1/phone/charges").json()[0]["id"]
    assert phone.say(charge, amount_fen).json()["state"] == "paid"
    return charge


def test_by_month_and_plate_what_was_given_back_taken_off_and_nobody_else_s(
    rig: ServiceRig, client: TestClient
) -> None:
    rig.clock.moment = datetime.fromisoformat("2026-04-30T23:58:00+08:00")
    phone = person(rig, client, "Chen", plate="粤B00001")
    other = person(rig, client, "Wu", plate="粤B00002")
    admin = Charging(rig.app.state.books)
    paid(rig, phone, 7_900, "粤B00001")
    rig.clock.move(600)
    given_back = paid(rig, phone, 3_950, "粤B00001")
    Refunds(rig.app.state.books).refund(given_back, "test", 950)
    paid(rig, other, 5_000, "粤B00002")
    fuel(rig, 1_580, "粤B00001")
    rig.clock.move(1)
    admin.settle(phone.ask("GET", "/v1/phone/charges").json()[0]["id"], "test")
    fuel(rig, 9_999, "粤B00001")
    found = phone.ask("GET", "/v1/phone/spending").json()
    assert len(found["months"]) == 12
    sums = {m["month"]: [(p["plate"], p["amount_fen"]) for p in m["plates"]] for m in found["months"] if m["plates"]}
    assert sums == {"2026-04": [("粤B00001", 7_900)], "2026-05": [("粤B00001", 3_000 + 1_580)]}
    assert "粤B00002" not in found["svg"]
    assert "粤B00001" not in other.ask("GET", "/v1/phone/spending").text


def test_a_month_begins_by_the_stations_clock(rig: ServiceRig, client: TestClient) -> None:
    """East of Greenwich hours before it begins there: what was paid in them stood in no month."""
    rig.clock.moment = datetime.fromisoformat("2027-01-01T00:10:00+08:00")
    phone = person(rig, client, "Chen", plate="粤B00001")
    paid(rig, phone, 7_900, "粤B00001")
    months = phone.ask("GET", "/v1/phone/spending").json()["months"]
    assert (months[0]["month"], months[-1]["month"]) == ("2026-02", "2027-01")
    assert [p["amount_fen"] for p in months[-1]["plates"]] == [7_900]


def test_the_drawing_s_bars_stand_for_the_sums() -> None:
    plates = [f"粤B0000{number}" for number in range(7)]
    fen = {("2026-04", plate): 10_000 * (number + 1) for number, plate in enumerate(plates)} | {
        ("2026-05", plates[6]): 20_000
    }
    months = [
        SpendingMonth(
            month=month,
            plates=tuple(
                PlateSpending(plate=plate, amount_fen=amount, volume_ml=1)
                for (when, plate), amount in fen.items()
                if when == month
            ),
        )
        for month in ("2026-03", "2026-04", "2026-05")
    ]
    root = ElementTree.fromstring(drawn(months))
    heights: dict[str, float] = {}
    for bar in [one for one in root.iter(f"{SVG}rect") if one.find(f"{SVG}title") is not None]:
        month = str(bar.findtext(f"{SVG}title"))[:7]
        heights[month] = heights.get(month, 0.0) + float(bar.get("height", "0"))
        assert float(bar.get("y", "0")) >= TOP
    assert set(heights) == {"2026-04", "2026-05"}
    assert heights["2026-04"] / heights["2026-05"] == pytest.approx(2_800 / 200, rel=0.02)
    assert heights["2026-04"] == pytest.approx((BASE - TOP) * 2_800 / 5_000, rel=0.01)
    words = [text.text or "" for text in root.iter(f"{SVG}text")]
    assert [one for one in words if re.match("[粤+]", one)] == [plates[6], plates[5], plates[4], plates[3], "+"]


def test_a_plate_is_never_markup_and_nothing_is_an_empty_drawing() -> None:
    evil = SpendingMonth(month="2026-05", plates=(PlateSpending(plate="<b>&", amount_fen=1, volume_ml=1),))
    assert "<b>" not in drawn([evil])
    assert ElementTree.fromstring(drawn([SpendingMonth(month="2026-05", plates=())])).tag == f"{SVG}svg"
