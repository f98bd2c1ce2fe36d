"""A fleet that owns a plate decides about its drivers' hours and sees what nobody paid; of others' plates nothing."""

from __future__ import annotations

import re
from datetime import timedelta
from urllib.parse import quote

import httpx
import pytest
from fastapi.testclient import TestClient

from service.payer_rules.periods import Hours, Rule
from service.payers.charging import Charging
from service.payers.plate_payers import NewBinding, PlatePayers
from service.reports.audit import audit
from tests.service.fleet.conftest import OTHERS, OWN, Fleets
from tests.service.identity.test_every_route import routes
from tests.service.phone.kit import HttpPhone, fuel, person

DAY_S = 86_400


@pytest.fixture
def owned(fleets: Fleets) -> Fleets:
    fleets.admin("payer", "owner", OWN, "--fleet", "Wang")
    fleets.admin("payer", "owner", OTHERS, "--fleet", "Li")
    return fleets


def driver(fleets: Fleets, name: str) -> HttpPhone:
    return person(fleets.rig, TestClient(fleets.rig.app), name, None)


def wish(phone: HttpPhone, plate: str, hours: str = "8-16") -> str:
    return str(phone.ask("POST", "/v1/phone/hours", {"plate": plate, "hours": hours}).json()["id"])


def say(client: TestClient, proposal: str, answer: str, **form: str) -> httpx.Response:
    token = re.search(r'name="csrf" value="([^"]*)"', client.get("/fleet").text)
    assert token is not None
    return client.post(f"/fleet/hours/{proposal}/{answer}", data={"csrf": token[1], **form})


def states(phone: HttpPhone) -> list[str]:
    return [one["state"] for one in phone.ask("GET", "/v1/phone/hours").json()["proposals"]]


def payers(fleets: Fleets) -> PlatePayers:
    return PlatePayers(fleets.rig.app.state.books, "test")


@pytest.mark.slow
def test_a_fleet_owns_its_own_vehicles_alone_until_they_move_on(owned: Fleets) -> None:
    shown = owned.admin("payer", "show", OWN, "--json")
    assert (shown["fleet"], shown["owner"]) == ("Wang", None)
    assert "owner fleet Wang" in owned.admin("payer", "show", OWN)
    refused = owned.admin("payer", "owner", OTHERS, "--fleet", "Wang", fails=True)
    assert f"fleet plate Wang {OTHERS}" in refused
    owned.admin("payer", "gap", OWN, "0-24", "owner")
    owned.admin("payer", "rule", OWN, "phone")
    at = owned.admin("payer", "at", OWN, "2026-05-04T12:00:00+08:00", "--json")
    assert (at["payer"]["kind"], at["reason"]) == ("none", "no_payer"), "a fleet has no wallet"
    owned.admin("fleet", "plate", "Wang", OWN)
    assert owned.admin("payer", "show", OWN, "--json")["fleet"] == "Wang"
    owned.admin("fleet", "plate", "Li", OWN)
    assert owned.admin("payer", "show", OWN, "--json")["fleet"] is None
    owned.admin("phone", "add", "Chen")
    owned.admin("payer", "owner", OTHERS, "Chen")
    shown = owned.admin("payer", "show", OTHERS, "--json")
    assert (shown["fleet"], shown["owner"]) == (None, "Chen")


def test_the_fleet_confirms_and_declines_hours_of_its_own_plates(owned: Fleets) -> None:
    chen, wu = driver(owned, "Chen"), driver(owned, "Wu")
    payers(owned).set_rule(OWN, Rule.PHONE)
    payers(owned).set(OWN, "Wu", NewBinding(hours=Hours.parse("0-6")))
    wanted, other, late = wish(chen, OWN), wish(wu, OTHERS), wish(wu, OWN, "20-24")
    mei = owned.client("mei")
    page = mei.get("/fleet/hours?lang=en").text
    assert (wanted in page, late in page, other in page) == (True, True, False)
    assert "00:00-06:00 Wu" in page
    bare = mei.post(f"/fleet/hours/{wanted}/confirm", data={})
    assert (bare.status_code, states(chen)) == (403, ["waiting"])
    assert say(mei, wanted, "confirm").status_code == 303
    assert say(mei, late, "refuse").status_code == 303
    assert say(mei, wanted, "refuse").status_code == 409
    assert (states(chen), sorted(states(wu))) == (["confirmed"], ["refused", "waiting"])
    noon = owned.rig.clock.now().replace(hour=4, minute=0) + timedelta(days=1)
    assert payers(owned).turn(OWN, noon)[0].payer.name == "Chen"
    (deed,) = [d for d in owned.admin("trail", "--json") if d["action"] == "hours.confirmed"]
    assert (deed["actor"], deed["subject"]) == ("mei", OWN)
    assert audit(owned.rig.app.state.books.database).findings == ()


@pytest.mark.slow
def test_the_fleet_is_told_of_what_waits_on_its_home_page_and_decides_on_its_own(owned: Fleets) -> None:
    chen, wu = driver(owned, "Chen"), driver(owned, "Wu")
    mei = owned.client("mei")
    assert "to confirm" not in mei.get("/?lang=en").text
    wanted, second, other = wish(chen, OWN), wish(wu, OWN, "20-24"), wish(wu, OTHERS)
    assert "2 to confirm" in mei.get("/?lang=en").text
    assert "1 to confirm" in owned.client("bo").get("/?lang=en").text
    shown = mei.get("/fleet?lang=en").text
    assert [f"/fleet/hours/{one}/confirm" in shown for one in (wanted, second, other)] == [True, True, False]
    assert say(mei, wanted, "confirm").status_code == 303
    assert say(mei, second, "refuse").status_code == 303
    assert "to confirm" not in mei.get("/?lang=en").text
    assert "Hours that drivers propose" not in mei.get("/fleet?lang=en").text


@pytest.mark.slow
def test_of_another_owners_hours_and_bills_a_fleet_sees_and_decides_nothing(owned: Fleets) -> None:
    wu = driver(owned, "Wu")
    payers(owned).set_rule(OTHERS, Rule.PHONE)
    payers(owned).set(OTHERS, "Wu", NewBinding(hours=Hours.parse("0-24")))
    other = wish(wu, OTHERS)
    fuel(owned.rig, 8_000, OTHERS)
    owned.rig.clock.move(DAY_S + 1)
    (bill,) = Charging(owned.rig.app.state.books).list(plate=OTHERS)
    assert bill.id in owned.client("bo").get("/fleet/hours").text
    mei = owned.client("mei")
    for method, path in routes(owned.rig.app):
        if not path.startswith("/fleet"):
            continue
        asked = path.replace("{plate}", quote(OTHERS)).replace("{proposal}", other)
        if method == "GET":
            answer = mei.get(asked)
            assert not any(word in answer.text for word in (bill.id, other)), path
            continue
        for word in ("confirm", "refuse"):
            unknown = say(mei, "h-0000000000000000", word)
            hidden = say(mei, other, word)
            assert (hidden.status_code, hidden.text) == (404, unknown.text.replace("h-0000000000000000", other)), path
    assert states(wu) == ["waiting"]
    owned.admin("fleet", "plate", "Wang", OTHERS)
    assert bill.id not in owned.client("bo").get("/fleet/hours").text, "the plate has left Li"
    assert bill.id not in owned.client("mei").get("/fleet/hours").text, "and Wang does not own it yet"


@pytest.mark.slow
def test_what_nobody_paid_waits_at_the_counter_and_no_machine_takes_it(owned: Fleets) -> None:
    books = owned.rig.app.state.books
    wu = person(owned.rig, TestClient(owned.rig.app), "Wu", "0-24", plate=OWN)
    payers(owned).set_rule(OWN, Rule.PHONE)
    wu.mandate(OWN)
    fuel(owned.rig, 8_000, OWN)
    (bill,) = Charging(books).list(plate=OWN)
    for moved_s, is_shown in ((DAY_S - 1, False), (1, True), (2 * DAY_S, True)):
        owned.rig.clock.move(moved_s)
        Charging(books).hand_on_due()
        page = owned.client("mei").get("/fleet/hours?lang=en").text
        assert (bill.id in page, "80.00" in page) == (is_shown, is_shown), moved_s
    (bill,) = Charging(books).list(plate=OWN)
    assert (bill.state, bill.phone, bill.paid_at) == ("expired", "Wu", None)
    assert wu.ask("GET", "/v1/phone/me").json()["balance_fen"] == 50_000
    Charging(books).settle(bill.id, "attendant")
    assert bill.id not in owned.client("mei").get("/fleet/hours").text
    assert audit(books.database).findings == ()


def test_the_fleet_is_told_whose_hours_a_proposal_meets(owned: Fleets) -> None:
    driver(owned, "Wu")
    payers(owned).set_rule(OWN, Rule.PHONE)
    payers(owned).set(OWN, "Wu", NewBinding(hours=Hours.parse("16-24")))
    for name, hours, told in (
        ("Li", "17-20", "Overlaps 16:00-24:00 of Wu: in the time that both hold Li is asked first."),
        ("Zhao", "23-2", "Overlaps 16:00-24:00 of Wu: in the time that both hold Wu is asked first."),
        ("Chen", "8-16", ""),
    ):
        wanted = wish(driver(owned, name), OWN, hours)
        page = owned.client("mei").get("/fleet/hours?lang=en").text
        assert (told in page, page.count("Overlaps")) == (True, 1 if told else 0), name
        assert say(owned.client("mei"), wanted, "refuse").status_code == 303
    evening = owned.rig.clock.now().replace(hour=10, minute=0) + timedelta(days=1)
    for name, first in (("Li", "Li"), ("Zhao", "Li")):
        payers(owned).set(OWN, name, NewBinding(hours=Hours.parse("17-20")))
        assert payers(owned).turn(OWN, evening)[0].payer.name == first, "as the page has said"


def test_hours_that_a_card_pays_for_anyway_are_named_before_they_are_confirmed(owned: Fleets) -> None:
    payers(owned).set_rule(OWN, Rule.CARD)
    wish(driver(owned, "Wu"), OWN)
    told = "card pays: hours decide nothing"
    assert told in owned.client("mei").get("/fleet/hours?lang=en").text
    payers(owned).set_rule(OWN, Rule.PHONE)
    assert told not in owned.client("mei").get("/fleet/hours?lang=en").text


def test_the_fleet_sees_hours_in_force_and_takes_back_those_of_a_driver_who_leaves(owned: Fleets) -> None:
    wu = driver(owned, "Wu")
    driver(owned, "Chen")
    payers(owned).set_rule(OWN, Rule.PHONE)
    for plate in (OWN, OTHERS):
        payers(owned).set(plate, "Wu", NewBinding(hours=Hours.parse("0-24")))
    payers(owned).set(OWN, "Chen", NewBinding(hours=Hours.parse("8-16")))
    wu.mandate(OWN)
    owned.rig.clock.move(1)
    mei = owned.client("mei")
    page = mei.get("/fleet/hours?lang=en").text
    assert ("Take 00:00-24:00 back from Wu now" in page, "Take 08:00-16:00 back from Chen now" in page) == (True, True)
    token = re.search(r'name="csrf" value="([^"]*)"', page)
    assert token is not None
    sent = {"csrf": token[1], "plate": OWN, "name": "Wu", "hours": "00:00-24:00"}
    refused = [{"plate": OTHERS}, {"name": "Li"}, {"hours": "x"}, {"plate": "?"}]
    assert [mei.post("/fleet/hours/take-back", data=sent | one).status_code for one in refused] == [404] * 4
    assert mei.post("/fleet/hours/take-back", data=sent | {"csrf": ""}).status_code == 403
    assert mei.post("/fleet/hours/take-back", data=sent).status_code == 303
    left = [(one["phone"], one["hours"]) for one in owned.admin("payer", "show", OWN, "--json")["bindings"]]
    assert left == [("Chen", "08:00-16:00")]
    assert owned.admin("payer", "show", OTHERS, "--json")["bindings"] != []
    assert wu.ask("GET", "/v1/phone/mandates").json()["mandates"] == []
    (deed,) = [d for d in owned.admin("trail", "--json") if d["action"] == "payer.unset"]
    assert (deed["actor"], deed["subject"]) == ("mei", OWN)
    assert mei.post("/fleet/hours/take-back", data=sent).status_code == 404


def test_a_vehicle_that_is_sold_leaves_its_fleet_and_is_owned_by_nobody(owned: Fleets) -> None:
    assert OTHERS in owned.admin("fleet", "release", "Wang", OTHERS, fails=True)
    assert owned.admin("fleet", "release", "Wang", OWN) == f"{OWN} is Wang's no longer\n"
    shown = owned.admin("payer", "show", OWN, "--json")
    assert (shown["fleet"], shown["owner"]) == (None, None)
    mei = owned.client("mei")
    assert OWN not in mei.get("/fleet").text
    assert mei.get(f"/fleet/vehicles/{quote(OWN)}").status_code == 404
    assert "is not a vehicle of Wang" in owned.admin("fleet", "release", "Wang", OWN, fails=True)
    (deed,) = [d for d in owned.admin("trail", "--json") if d["action"] == "fleet.release"]
    assert (deed["subject"], deed["detail"]) == (OWN, {"fleet": "Wang"})
    assert audit(owned.rig.app.state.books.database).findings == ()


def test_of_many_hours_the_first_are_shown_and_the_others_by_their_plate(
    owned: Fleets, monkeypatch: pytest.MonkeyPatch
) -> None:
    driver(owned, "Wu")
    second = "粤B00002"
    owned.admin("fleet", "plate", "Wang", second)
    owned.admin("payer", "owner", second, "--fleet", "Wang")
    for plate in (OWN, second, OTHERS):
        payers(owned).set(plate, "Wu", NewBinding(hours=Hours.parse("8-16")))
    mei = owned.client("mei")

    def shown(target: str) -> tuple[bool, bool, bool]:
        page = mei.get(target).text
        return f'value="{second}"><input' in page, f'value="{OWN}"><input' in page, "只显示前" in page

    assert shown("/fleet/hours") == (True, True, False)
    for place in ("service.payers.fleet_owner", "service.fleet.owner_routes"):
        monkeypatch.setattr(f"{place}.MOST_SHOWN", 1)
    assert shown("/fleet/hours") == (True, False, True)
    assert shown(f"/fleet/hours?plate={quote('粤b·12345')}") == (False, True, False)
    assert f'value="{OTHERS}"><input' not in mei.get(f"/fleet/hours?plate={quote(OTHERS)}").text
