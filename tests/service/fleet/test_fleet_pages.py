"""The fleet's pages: its own vehicles with their evidence, and of another fleet's nothing, on any route."""

from __future__ import annotations

import csv
import io
import json
import re
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import event

from tests.service.fleet.conftest import BEGIN, FILLS, OTHERS, OWN, Fleets
from tests.service.identity.test_every_route import routes

NOBODYS = "粤B00000"


def nameless(text: str) -> str:
    """A page without the plate that was asked for, however it is written."""
    for plate in (OTHERS, NOBODYS):
        text = text.replace(plate, "PLATE").replace(quote(plate), "PLATE").replace(json.dumps(plate)[1:-1], "PLATE")
    return text


@pytest.mark.slow
def test_a_fleets_account_never_sees_anothers_vehicle_on_any_route(fleets: Fleets) -> None:
    client = fleets.client("mei")
    seen = 0
    for method, path in routes(fleets.rig.app):
        if method != "GET" or path.startswith("/v1/") or path == "/static":
            continue
        own, others = (re.sub(r"{\w+}", quote(plate), path) for plate in (OWN, OTHERS))
        answer = client.get(own)
        assert OTHERS not in answer.text, path
        if path.startswith("/fleet"):
            assert answer.status_code == 200, path
            seen += OWN in answer.text or "fills" in path
        if own != others:
            hidden, unknown = client.get(others), client.get(re.sub(r"{\w+}", quote(NOBODYS), path))
            assert hidden.status_code == 404 or not path.startswith("/fleet"), path
            assert (hidden.status_code, nameless(hidden.text)) == (unknown.status_code, nameless(unknown.text)), path
    assert seen == 6


@pytest.mark.sample(3)
@pytest.mark.parametrize("path", ["/fleet", "/fleet/exceptions", f"/fleet/vehicles/{quote(OWN)}"])
def test_others_are_not_let_in(fleets: Fleets, path: str) -> None:
    from service.identity.people import Role
    from tests.service.identity.test_pages import PASSWORD

    fleets.rig.identity.people.add("wang", PASSWORD, Role.ADMINISTRATOR, None, "test")
    assert fleets.client("wang").get(path).status_code == 403
    stranger = TestClient(fleets.rig.app, client=("10.0.0.2", 1), follow_redirects=False)
    assert stranger.get(path, headers={"Accept": "text/html"}).headers["location"].startswith("/login")


def test_a_vehicle_with_its_three_witnesses(fleets: Fleets) -> None:
    client = fleets.client("mei")
    page = client.get(f"/fleet/vehicles/{quote(OWN)}?lang=en").text
    (drawn,) = re.findall(r'<polyline class="track" points="([^"]*)"', page)
    assert len(drawn.split()) == 120
    assert page.count('<circle class="fill') == FILLS
    assert "Sinopec 12" in page
    assert page.count('class="bar-of"') == FILLS - 1
    assert "66.00 L into a tank of 60 L" in page
    assert not re.search(r"[0-9] l\b", page), "the unit is a capital L everywhere"
    rows = client.get(f"/fleet/vehicles/{quote(OWN)}/fills.json").json()
    assert [row["litres"] for row in rows] == [38.0, 39.0, 40.0, 41.0, 66.0]
    assert rows[0]["status"] == "verified"
    assert rows[1]["driven_km"] == 500.0
    assert (rows[1]["needed_litres"], rows[1]["tank_litres"], rows[1]["station"]) == (40.0, 60.0, "S1")
    assert [row["engine_litres"] for row in rows] == [None, 39.5, 39.5, 39.5, 39.5]
    assert len(re.findall(r"</span>39\.50", page)) == FILLS - 1
    two_days = client.get(f"/fleet/vehicles/{quote(OWN)}/fills.json?from=2026-04-12&to=2026-04-13").json()
    assert [row["litres"] for row in two_days] == [39.0]
    turned = client.get(f"/fleet/vehicles/{quote(OWN)}/fills.json?from=2026-04-13&to=2026-04-12").json()
    assert turned == two_days, "days the wrong way round are the same span"


def test_a_fleet_without_vehicles_is_told_so_and_not_that_all_fits(fleets: Fleets) -> None:
    from service.identity.people import Role
    from tests.service.identity.test_pages import PASSWORD

    fleets.admin("fleet", "add", "New")
    fleets.rig.identity.people.add("new", PASSWORD, Role.FLEET, None, "test", fleet="New")
    client = fleets.client("new")
    for path in ("/fleet", "/fleet/exceptions"):
        page = client.get(f"{path}?lang=en").text
        assert "The fleet has no vehicles yet." in page, path
        assert "Nothing that does not fit" not in page, path


def test_why_a_place_stays_undetermined_is_said_in_chinese(fleets: Fleets, tmp_path: Path) -> None:
    """The reason stood in English below the evidence, which was Chinese."""
    row = tmp_path / "abroad.csv"
    row.write_text("at,odometer_km,litres\n2026-05-02T01:00:00+00:00,12700,30", encoding="utf-8")
    fleets.admin("odometer", "import", OWN, row)
    client = fleets.client("mei")
    shown = {}
    for language in ("en", "zh-CN"):
        page = client.get(f"/fleet/vehicles/{quote(OWN)}?lang={language}").text
        (shown[language],) = re.findall(r"</ul><p>([^<]*)</p></details>", page)
    assert shown["en"].startswith("no positions near in time, and ")
    assert re.search("[a-z]{3}", shown["zh-CN"]) is None, shown["zh-CN"]


@pytest.mark.slow
def test_csv_says_the_same_and_computes_nothing(fleets: Fleets) -> None:
    client = fleets.client("mei")
    text = client.get(f"/fleet/vehicles/{quote(OWN)}/fills.csv").text
    assert text.startswith("\ufeff")
    rows = list(csv.DictReader(io.StringIO(text.lstrip("\ufeff"))))
    assert (rows[0]["litres"], rows[0]["station"]) == ("38.0", "S1")
    exceptions = list(csv.DictReader(io.StringIO(client.get("/fleet/exceptions.csv").text.lstrip("\ufeff"))))
    assert {row["kind"] for row in exceptions} == {"more_than_tank", "fuel_without_distance", "pump_and_engine"}
    assert {row["plate"] for row in exceptions} == {OWN}


@pytest.mark.slow
def test_positions_of_a_drivers_own_hours_are_not_drawn(fleets: Fleets) -> None:
    fleets.admin("phone", "add", "Chen")
    fleets.admin("payer", "set", OWN, "Chen", "--hours", "9-24")
    fleets.admin("payer", "rule", OWN, "phone-then-card")
    client = fleets.client("mei")
    page = client.get(f"/fleet/vehicles/{quote(OWN)}?lang=en&from=2026-04-06&to=2026-04-06").text
    drawn = re.findall(r'<polyline class="track" points="([^"]*)"', page)
    assert [55 < len(points.split()) < 65 for points in drawn] == [True], "the hour before nine alone"
    assert "a driver&#39;s own" in page


@pytest.mark.slow
def test_nonsense_in_the_query_is_the_usual_span(fleets: Fleets) -> None:
    client = fleets.client("mei")
    for query in ("from=x&to=y", "from=2026-13-01", "from=9999-01-01&to=0001-01-01", "first=-1", "first=%C2%B2"):
        assert client.get(f"/fleet/vehicles/{quote(OWN)}?{query}").status_code == 200, query
        assert client.get(f"/fleet?{query}").status_code == 200, query


def test_a_page_reads_the_positions_of_its_own_span_alone_and_once(fleets: Fleets) -> None:
    """Each refuelling's positions cost their conversion: a year of them was judged twice for the page of one day."""
    client, statements = fleets.client("mei"), []
    engine = fleets.rig.app.state.fleet_database.engine
    event.listen(engine, "before_cursor_execute", lambda *received: statements.append(received[2]))
    day = f"{BEGIN + timedelta(days=6 * (FILLS - 1)):%Y-%m-%d}"
    page = client.get(f"/fleet/vehicles/{quote(OWN)}?from={day}&to={day}")
    assert page.status_code == 200
    assert "66.00" in page.text
    placed = [one for one in statements if "FROM positions" in one and "positions.at_us <= " in one]
    assert 1 <= len(placed) <= 2, "the fill shown, and the full one before it"
