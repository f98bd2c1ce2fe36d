"""A phone sees its own charges and no others, and says what it has signed about them."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import quote, unquote

import httpx
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from service.payers.charging import Charging
from service.payers.phones import Phones
from service.payers.refunds import Refunds
from service.reports.audit import audit
from service.station.tables import visit_reports
from tests.service.identity.kit import ServiceRig, visit_report
from tests.service.phone.kit import HttpPhone, fuel, person
from wire.codec import decode
from wire.live import VisitReport


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> ServiceRig:
    return ServiceRig(tmp_path_factory.mktemp("phones"))


@pytest.fixture
def client(rig: ServiceRig) -> Iterator[TestClient]:
    with TestClient(rig.app) as opened:
        yield opened
    assert audit(rig.app.state.books.database).findings == ()


def asked(rig: ServiceRig, client: TestClient) -> tuple[HttpPhone, dict[str, Any]]:
    """A phone and the one charge that waits for it."""
    name, plate = f"N{rig.number()}", f"粤B{10_000 + rig.number()}"
    phone = person(rig, client, name, plate=plate)
    fuel(rig, 7_900, plate)
    (charge,) = phone.ask("GET", "/v1/phone/charges").json()
    return phone, charge


def test_a_charge_is_sent_seen_and_paid_once(rig: ServiceRig, client: TestClient) -> None:
    phone, charge = asked(rig, client)
    received = {name: charge[name] for name in ("state", "amount_fen", "volume_ml", "unit_price_fen_per_l", "product")}
    assert received == {
        "state": "sent",
        "amount_fen": 7_900,
        "volume_ml": 10_000,
        "unit_price_fen_per_l": 790,
        "product": "92",
    }
    assert (charge["zone"], charge["lane"], charge["may"]) == ("Asia/Shanghai", "L1", ["pay", "decline", "dispute"])
    assert phone.ask("GET", f"/v1/phone/charges/{charge['id']}").json()["state"] == "seen"
    assert phone.say(charge["id"], 7_900).json()["state"] == "paid"
    rig.clock.move(1)
    again = phone.say(charge["id"], 7_900)
    assert (again.status_code, again.json()["code"]) == (409, "conflict")
    seen = phone.ask("GET", f"/v1/phone/charges/{charge['id']}").json()
    assert (seen["state"], seen["may"], seen["by_mandate"]) == ("paid", ["dispute"], False)
    assert phone.ask("GET", "/v1/phone/me").json()["balance_fen"] == 42_100


def test_stale_repeated_and_altered_words_are_refused(rig: ServiceRig, client: TestClient) -> None:
    phone, charge = asked(rig, client)
    target = f"/v1/phone/charges/{charge['id']}/words"
    stale = phone.word(charge["id"], 7_900, at=rig.clock.now() - timedelta(seconds=301))
    cheap = phone.word(charge["id"], 7_899)
    altered = phone.word(charge["id"], 7_900) | {"text": cheap["text"]}
    for record in (stale, cheap, altered):
        answer = phone.ask("POST", target, record)
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    right = phone.word(charge["id"], 7_900, word="dispute")
    assert phone.ask("POST", target, right).json()["state"] == "disputed"
    repeated = phone.ask("POST", target, right)
    assert (repeated.status_code, "heard before" in repeated.json()["detail"]) == (403, True)
    other = HttpPhone(rig, client)
    assert phone.ask("POST", target, other.word(charge["id"], 7_900)).status_code == 403
    assert phone.ask("POST", target, phone.word("c-0123456789abcdef", 7_900)).status_code == 400


def test_declined_at_no_cost(rig: ServiceRig, client: TestClient) -> None:
    phone, charge = asked(rig, client)
    assert phone.say(charge["id"], 7_900, "decline").json()["state"] == "declined"
    assert phone.ask("GET", "/v1/phone/me").json()["balance_fen"] == 50_000
    assert phone.ask("GET", f"/v1/phone/charges/{charge['id']}").json()["may"] == ["pay", "dispute"]


def test_a_charge_that_was_handed_on_asks_the_next_without_another_s_hours(rig: ServiceRig, client: TestClient) -> None:
    plate = f"粤B{10_000 + rig.number()}"
    names = f"A{rig.number()}", f"B{rig.number()}"
    first, second = (person(rig, client, name, plate=plate) for name in names)
    fuel(rig, 7_900, plate)
    (charge,) = first.ask("GET", "/v1/phone/charges").json()
    target = f"/v1/phone/charges/{charge['id']}"
    assert second.ask("GET", target).status_code == 404
    assert first.say(charge["id"], 7_900, "decline").status_code == 200
    assert Charging(rig.app.state.books).hand_on_due() == 1
    asked_on = second.ask("GET", target).json()
    received = (asked_on["escalated"], asked_on["period"], asked_on["may"])
    assert received == (True, None, ["pay", "decline", "dispute"])
    assert second.say(charge["id"], 7_900).json()["state"] == "paid"
    seen = first.ask("GET", target).json()
    assert (seen["state"], seen["escalated"], seen["period"]) == ("paid", False, "00:00-24:00")
    balances = [phone.ask("GET", "/v1/phone/me").json()["balance_fen"] for phone in (first, second)]
    assert balances == [50_000, 42_100]


def test_the_picture_of_the_own_visit_while_it_is_kept(rig: ServiceRig, client: TestClient) -> None:
    name, plate, jpeg = f"N{rig.number()}", f"粤B{10_000 + rig.number()}", b"\xff\xd8\xff\xe0 a picture"
    phone, visit = person(rig, client, name, plate=plate), f"seen-{rig.number()}"
    report = replace(decode(VisitReport, visit_report()), visit=visit, picture=base64.b64encode(jpeg).decode())
    rig.app.state.station.visits.take(report)
    fuel(rig, 7_900, plate, visit=visit)
    (charge,) = phone.ask("GET", "/v1/phone/charges").json()
    target = f"/v1/phone/charges/{charge['id']}/picture"
    assert phone.ask("GET", target).content == jpeg
    rig.clock.move(73 * 3600)
    assert phone.ask("GET", target).status_code == 404


def test_a_dispute_keeps_the_picture_until_it_is_resolved(rig: ServiceRig, client: TestClient) -> None:
    name, plate = f"N{rig.number()}", f"粤B{10_000 + rig.number()}"
    phone = person(rig, client, name, plate=plate)
    store, targets = rig.app.state.station, {}
    for kind in ("disputed", "quiet"):
        visit = f"{kind}-{rig.number()}"
        picture = base64.b64encode(b"\xff\xd8\xff\xe0" + kind.encode()).decode()
        store.visits.take(replace(decode(VisitReport, visit_report()), visit=visit, picture=picture))
        fuel(rig, 7_900, plate, visit=visit)
        charge = phone.ask("GET", "/v1/phone/charges").json()[0]
        targets[kind] = f"/v1/phone/charges/{charge['id']}/picture"
        rig.clock.move(1)
        if kind == "disputed":
            assert phone.say(charge["id"], 7_900, "dispute").json()["state"] == "disputed"
            disputed = charge["id"]
    rig.clock.move(80 * 86_400)
    store.sweep()
    assert phone.ask("GET", targets["disputed"]).content.endswith(b"disputed")
    assert phone.ask("GET", targets["quiet"]).status_code == 404
    Refunds(rig.app.state.books).resolve(disputed, for_driver=True, why="the hose leaked", actor="test")
    assert phone.ask("GET", targets["disputed"]).status_code == 404
    store.sweep()
    with rig.app.state.database.reading() as connection:
        pictures = select(visit_reports.c.visit).where(visit_reports.c.picture.is_not(None))
        kept = [str(visit) for visit in connection.execute(pictures).scalars()]
    assert not [visit for visit in kept if visit.startswith(("disputed", "quiet"))]


def own(phone: HttpPhone) -> list[str]:
    """All that a person's phone is shown."""
    return [phone.ask("GET", f"/v1/phone/{room}").text for room in ("me", "charges", "mandates", "hours")]


def shape(answer: httpx.Response, asked_for: str) -> tuple[int, str]:
    """What an answer tells beyond the name that was asked for."""
    return answer.status_code, answer.text.replace(unquote(asked_for), "...")


@pytest.mark.slow
def test_nothing_of_another_person_can_be_had_by_any_route(
    rig: ServiceRig, client: TestClient, phone_routes: list[tuple[str, str]]
) -> None:
    """Every route with ids of another person is answered as one with ids that nobody has."""
    victim, theirs = belongings(rig, client)
    thief, _ = asked(rig, client)
    before = own(victim)
    with_ids = [(method, pattern) for method, pattern in phone_routes if "{" in pattern]
    assert {pattern.split("/")[3] for _, pattern in with_ids} == set(CHANGES)
    for method, pattern in with_ids:
        room = pattern.split("/")[3]
        for change in CHANGES[room]:
            ended = pattern.replace("{change}", change)
            names = theirs[room], quote("粤Z00000") if room in ("plates", "tracks") else f"{room[0]}-0123456789abcdef"
            found, unknown = (re.sub(r"{\w+}", name, ended) for name in names)
            for signer in (thief, victim):
                record = None if method == "GET" else signer.word(theirs["charges"], 7_900)
                answers = [thief.ask(method, target, record) for target in (found, unknown)]
                received = [shape(answer, name) for answer, name in zip(answers, names, strict=True)]
                assert received[0] == received[1], ended
                assert answers[0].status_code == (409 if room == "tracks" else 404), ended
    assert own(victim) == before
    shown = [pattern for method, pattern in phone_routes if method == "GET" and "{" not in pattern]
    for target in [pattern for pattern in shown if not pattern.endswith("/events")]:
        text = thief.ask("GET", target).text
        assert not [word for word in (*theirs.values(), theirs["plate"]) if word in text], target


CHANGES = {
    "charges": ("",),
    "mandates": ("pause", "resume", "end"),
    "hours": ("confirm", "refuse", "withdraw"),
    "plates": ("not-me", "lift", "lift-all"),
    "tracks": ("agree", "withdraw"),
}
"""Last part of the path by room, where it is one of several."""


def belongings(rig: ServiceRig, client: TestClient) -> tuple[HttpPhone, dict[str, str]]:
    """A person with one of everything, by the room of the routes that know it."""
    plate = f"粤B{10_000 + rig.number()}"
    phone = person(rig, client, f"victim-{rig.number()}", plate=plate)
    fuel(rig, 7_900, plate)
    (charge,) = phone.ask("GET", "/v1/phone/charges").json()
    mandate = phone.mandate(plate)
    wish = phone.ask("POST", "/v1/phone/hours", {"plate": "粤Z99999", "hours": "8-16"}).json()["id"]
    own_ones = {
        "charges": charge["id"],
        "mandates": mandate,
        "hours": wish,
        "plates": quote(plate),
        "tracks": quote(plate),
    }
    return phone, own_ones | {"plate": plate}


def test_a_lost_key_s_charges_wait_for_the_new_one(rig: ServiceRig, client: TestClient) -> None:
    phone, charge = asked(rig, client)
    name = phone.ask("GET", "/v1/phone/me").json()["name"]
    new = HttpPhone(rig, client).pair(Phones(rig.app.state.books, "test").new_code(name).code)
    assert phone.say(charge["id"], 7_900).status_code == 401
    assert [c["id"] for c in new.ask("GET", "/v1/phone/charges").json()] == [charge["id"]]
    assert new.say(charge["id"], 7_900).json()["state"] == "paid"
