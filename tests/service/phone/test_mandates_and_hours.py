"""Mandates and hours over HTTP: signed by the phone's key, proposed by its person, confirmed by the plate's owner."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest
from fastapi.testclient import TestClient

from service.books.messages import Ask
from service.payer_rules.periods import Hours
from service.payers.plate_payers import NewBinding, PlatePayers
from service.payments.worker import keep_state
from service.reports.audit import audit
from service.store.clock import to_us
from tests.service.identity.kit import ServiceRig, question
from tests.service.phone.kit import HttpPhone, person
from wire.codec import decode
from wire.questions import Decision, Question


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> ServiceRig:
    return ServiceRig(tmp_path_factory.mktemp("phones"))


@pytest.fixture
def client(rig: ServiceRig) -> Iterator[TestClient]:
    with TestClient(rig.app) as opened:
        yield opened
    assert audit(rig.app.state.books.database).findings == ()


def payers(rig: ServiceRig) -> PlatePayers:
    return PlatePayers(rig.app.state.books, "test")


def ask(rig: ServiceRig, plate: str) -> str:
    """The reason of a question about the plate, asked now."""
    record = question(visit=f"v{rig.number()}", plate=plate, seen=plate, captured_at=rig.clock.now())
    answer = rig.app.state.books.carry_out_one(Ask(decode(Question, record)))
    assert isinstance(answer, Decision)
    return answer.reason.value


def somebody(rig: ServiceRig, client: TestClient, hours: str | None = "0-24") -> tuple[HttpPhone, str, str]:
    """A paired phone, its person's name and a plate of theirs."""
    name, plate = f"N{rig.number()}", f"粤B{10_000 + rig.number()}"
    return person(rig, client, name, hours, plate=plate), name, plate


def test_times_of_mandates_and_hours_are_the_stations_own(rig: ServiceRig, client: TestClient) -> None:
    """A browser knows no zone but its own."""
    phone, _, _ = somebody(rig, client)
    for zone in ("Asia/Urumqi", "Asia/Shanghai"):
        rig.admin.stations.set("S1", zone=zone)
        rig.admin.stations.set("S2", zone=zone)
        found = [phone.ask("GET", f"/v1/phone/{what}").json()["zone"] for what in ("mandates", "hours")]
        assert found == [zone, zone]


@pytest.mark.slow
def test_a_mandate_is_signed_paused_and_ended_on_the_phone(rig: ServiceRig, client: TestClient) -> None:
    phone, _, plate = somebody(rig, client)
    assert ask(rig, plate) == "mandate_missing"
    offered = phone.ask("GET", "/v1/phone/mandates").json()
    assert (offered["mandates"], offered["plates"]) == ([], [plate])
    assert [station["id"] for station in offered["stations"]] == ["S1", "S2"]
    mandate = phone.mandate(plate, per_fill_fen=20_000, stations=["S1"], hours="0-24", offline_fen=5_000)
    (shown,) = phone.ask("GET", "/v1/phone/mandates").json()["mandates"]
    assert {name: shown[name] for name in ("id", "plates", "per_fill_fen", "stations", "offline_fen", "paused")} == {
        "id": mandate,
        "plates": [plate],
        "per_fill_fen": 20_000,
        "stations": ["S1"],
        "offline_fen": 5_000,
        "paused": False,
    }
    assert ask(rig, plate) == "ok"
    for change, reason in (("pause", "mandate_paused"), ("resume", "ok"), ("end", "mandate_missing")):
        assert phone.ask("POST", f"/v1/phone/mandates/{mandate}/{change}").status_code == 204
        assert ask(rig, plate) == reason
    assert phone.ask("POST", f"/v1/phone/mandates/{mandate}/resume").status_code == 404
    assert phone.ask("GET", "/v1/phone/mandates").json()["mandates"] == []


def test_a_mandate_that_is_stale_altered_or_for_a_stranger_s_plate_is_refused(
    rig: ServiceRig, client: TestClient
) -> None:
    phone, _, plate = somebody(rig, client)
    stale = (rig.clock.now() - timedelta(seconds=301)).isoformat()
    rich = phone.mandate_text(plate, per_fill_fen=99_999)
    right = phone.mandate_text(plate)
    for record, status in (
        (phone.mandate_text(plate, signed_at=stale), 403),
        (right | {"text": rich["text"]}, 403),
        (HttpPhone(rig, client).mandate_text(plate), 403),
        (phone.mandate_text("粤Z99999"), 409),
    ):
        assert phone.ask("POST", "/v1/phone/mandates", record).status_code == status
    assert phone.ask("POST", "/v1/phone/mandates", right).status_code == 200
    assert phone.ask("POST", "/v1/phone/mandates", right).status_code == 403
    assert ask(rig, plate) == "ok"


def wishes(phone: HttpPhone) -> list[tuple[str, str]]:
    return [(one["hours"], one["state"]) for one in phone.ask("GET", "/v1/phone/hours").json()["proposals"]]


def wish(phone: HttpPhone, plate: str, hours: str) -> Any:
    return phone.ask("POST", "/v1/phone/hours", {"plate": plate, "hours": hours})


def test_hours_hold_from_the_owner_s_confirmation_and_nobody_else_sees_them(
    rig: ServiceRig, client: TestClient
) -> None:
    owner, owner_name, plate = somebody(rig, client, hours=None)
    payers(rig).set_owner(plate, owner_name)
    payers(rig).set(plate, owner_name, NewBinding(hours=Hours.parse("16-24")))
    driver, driver_name, _ = somebody(rig, client)
    proposal = wish(driver, plate, "8-16").json()["id"]
    assert wish(driver, plate, "8:00-16").json()["id"] == proposal, "the same wish twice is one"
    assert wishes(driver) == [("08:00-16:00", "waiting")]
    assert plate not in str(driver.ask("GET", "/v1/phone/hours").json()["own"])
    before = rig.clock.now()
    rig.clock.move(60)
    (owned,) = owner.ask("GET", "/v1/phone/hours").json()["owned"]
    assert [one["name"] for one in owned["holders"]] == [owner_name]
    assert [(one["name"], one["hours"]) for one in owned["proposals"]] == [(driver_name, "08:00-16:00")]
    assert driver.ask("POST", f"/v1/phone/hours/{proposal}/confirm").status_code == 404, "not the owner"
    assert owner.ask("POST", f"/v1/phone/hours/{proposal}/confirm").status_code == 204
    assert owner.ask("POST", f"/v1/phone/hours/{proposal}/refuse").status_code == 409, "decided once"
    assert wishes(driver) == [("08:00-16:00", "confirmed")]
    noon = rig.clock.now().replace(hour=4, minute=0) + timedelta(days=1)
    assert payers(rig).turn(plate, noon)[0].payer.name == driver_name
    assert payers(rig).turn(plate, before)[0].payer.name != driver_name, "it holds from the confirmation on"
    held = [(one["plate"], one["name"]) for one in driver.ask("GET", "/v1/phone/hours").json()["own"]]
    assert (plate, driver_name) in held
    assert owner_name not in str(driver.ask("GET", "/v1/phone/hours").json()), "nobody sees another's hours"
    assert driver.mandate(plate)


def test_hours_that_are_over_are_not_shown_and_those_to_come_say_from_when(rig: ServiceRig, client: TestClient) -> None:
    owner, name, plate = somebody(rig, client)
    payers(rig).set_owner(plate, name)
    assert wish(owner, plate, "8-16").status_code == 200
    rig.clock.move(1)
    seen = owner.ask("GET", "/v1/phone/hours").json()
    held = [[one["hours"] for one in lines] for lines in (seen["own"], seen["owned"][0]["holders"])]
    assert held == [["08:00-16:00"]] * 2, "the whole day has ended with the confirmation"
    later = rig.clock.now() + timedelta(days=3)
    payers(rig).set(plate, name, NewBinding(hours=Hours.parse("16-20"), from_at=later))
    own = owner.ask("GET", "/v1/phone/hours").json()["own"]
    assert [one["from_at"] is not None for one in own if one["hours"] == "16:00-20:00"] == [True]


def test_refused_withdrawn_and_too_many(rig: ServiceRig, client: TestClient) -> None:
    owner, owner_name, plate = somebody(rig, client)
    payers(rig).set_owner(plate, owner_name)
    driver, _, _ = somebody(rig, client)
    refused = wish(driver, plate, "0-8").json()["id"]
    assert owner.ask("POST", f"/v1/phone/hours/{refused}/refuse").status_code == 204
    rig.clock.move(1)
    withdrawn = wish(driver, plate, "8-16").json()["id"]
    assert owner.ask("POST", f"/v1/phone/hours/{withdrawn}/withdraw").status_code == 404
    assert driver.ask("POST", f"/v1/phone/hours/{withdrawn}/withdraw").status_code == 204
    assert wishes(driver) == [("08:00-16:00", "withdrawn"), ("00:00-08:00", "refused")]
    answers = [wish(driver, "粤Z99999", f"{n}-{n + 1}").status_code for n in range(11)]
    assert answers == [200] * 10 + [409], "an unknown plate is not told from a known one"
    assert wish(driver, plate, "8-25").status_code == 400
    assert wish(driver, "not a plate", "8-16").status_code == 409
    assert wish(owner, plate, "16-24").status_code == 200
    assert ("16:00-24:00", "confirmed") in wishes(owner), "an owner's own hours hold at once"


def test_a_green_is_seen_at_once_and_not_me_takes_it_away(rig: ServiceRig, client: TestClient) -> None:
    phone, _, plate = somebody(rig, client)
    other, _, _ = somebody(rig, client)
    phone.mandate(plate)
    assert phone.ask("GET", "/v1/phone/greens").json() == {"greens": [], "blocked": []}
    assert ask(rig, plate) == "ok"
    (green,) = phone.ask("GET", "/v1/phone/greens").json()["greens"]
    assert (green["plate"], green["lane"], green["limit_fen"]) == (plate, "L1", 10_000)
    assert other.ask("GET", "/v1/phone/greens").json()["greens"] == []
    target = f"/v1/phone/plates/{quote(plate)}"
    assert other.ask("POST", f"{target}/not-me", {}).status_code == 404
    assert phone.ask("POST", f"{target}/not-me", {}).json() == {"revoked": 1, "flowing": 0}
    assert phone.ask("GET", "/v1/phone/greens").json() == {"greens": [], "blocked": [plate]}
    assert phone.ask("GET", "/v1/phone/me").json()["held_fen"] == 0
    assert ask(rig, plate) == "plate_blocked"
    assert phone.ask("POST", f"{target}/lift", {}).status_code == 200
    assert phone.ask("POST", f"{target}/lift", {}).status_code == 404
    assert ask(rig, plate) == "ok"


def test_the_owner_lifts_what_a_holder_has_blocked_and_nobody_else_does(rig: ServiceRig, client: TestClient) -> None:
    holder, _, plate = somebody(rig, client)
    owner, owner_name, _ = somebody(rig, client)
    stranger, _, _ = somebody(rig, client)
    PlatePayers(rig.app.state.books, "test").set_owner(plate, owner_name)
    holder.mandate(plate)
    target = f"/v1/phone/plates/{quote(plate)}"
    assert owner.ask("POST", f"{target}/lift-all", {}).status_code == 404, "nothing is blocked yet"
    assert holder.ask("POST", f"{target}/not-me", {}).status_code == 200
    assert ask(rig, plate) == "plate_blocked"
    (owned,) = owner.ask("GET", "/v1/phone/hours").json()["owned"]
    assert owned["blocked_by"] == [holder.ask("GET", "/v1/phone/me").json()["name"]]
    for other in (holder, stranger):
        assert other.ask("POST", f"{target}/lift-all", {}).status_code == 404
    assert ask(rig, plate) == "plate_blocked"
    assert owner.ask("POST", f"{target}/lift-all", {}).status_code == 200
    assert owner.ask("GET", "/v1/phone/hours").json()["owned"][0].get("blocked_by", []) == []
    assert holder.ask("GET", "/v1/phone/greens").json()["blocked"] == []
    assert ask(rig, plate) == "ok"


def test_the_phone_is_told_what_each_way_of_paying_cannot_do_before_it_is_relied_on(
    rig: ServiceRig, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    phone, name, plate = somebody(rig, client)
    trailer = f"粤B{1_000 + rig.number()}挂"
    payers(rig).set(trailer, name, NewBinding(hours=Hours.parse("0-24")))
    assert "ways" not in phone.ask("GET", "/v1/phone/mandates").json()  # no provider is set up
    monkeypatch.setattr(rig.app.state, "payment_providers", {"wechatpay": object()})
    with rig.app.state.database.writing() as connection:
        keep_state(connection, "wechatpay", plate, "NORMAL", to_us(rig.clock.now()))
    ways = {(way["plate"], way["way"]): way for way in phone.ask("GET", "/v1/phone/mandates").json()["ways"]}
    assert {key: way.get("why") for key, way in ways.items()} == {
        (plate, "wallet"): None,
        (plate, "wechatpay"): None,
        (trailer, "wallet"): None,
        (trailer, "wechatpay"): "it pays for blue and green plates only",
    }
    assert ways[trailer, "wechatpay"]["why_zh"] == "仅支持蓝牌和绿牌"
    assert (ways[plate, "wallet"]["chosen"], ways[plate, "wechatpay"]["chosen"]) == (True, False)
    assert ways[plate, "wechatpay"]["per_fill_fen"] == 200_000
