"""A phone is bound by a one-time code and its own key; after that every request is signed, and only once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import func, select

from service.identity.mount import EMBEDDED
from service.identity.tables import nonces
from service.payers.phones import Phones
from service.payers.tables import phone_keys
from tests.service.identity.kit import CHEAP, House
from tests.service.phone.kit import HttpPhone, person
from wire.devices import DeviceKind


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> House:
    return House(tmp_path_factory.mktemp("phones"))


@pytest.fixture
def client(house: House) -> Iterator[TestClient]:
    with TestClient(house.app) as opened:
        yield opened


def phones(house: House) -> Phones:
    return Phones(house.app.state.books, "test")


def fresh(house: House) -> str:
    """A name that no test has used."""
    return f"N{house.number()}"


def nonces_kept(house: House) -> int:
    with house.app.state.books.database.reading() as connection:
        return int(connection.execute(select(func.count()).select_from(nonces)).scalar_one())


def test_a_code_binds_one_key_and_consent_is_kept(house: House, client: TestClient) -> None:
    name = fresh(house)
    code = phones(house).add(name).code
    phone = HttpPhone(house, client)
    first = phone.pairing(code)
    answer = first.send(client)
    assert (answer.status_code, answer.json()["name"], answer.json()["key_id"]) == (200, name, phone.key_id)
    assert phone.pairing(code).send(client).json() == answer.json(), "an answer that was lost is given again"
    assert first.send(client).status_code == 401, "but nobody shows the same request twice"
    with house.app.state.books.database.reading() as connection:
        row = connection.execute(select(phone_keys).where(phone_keys.c.id == phone.key_id)).one()
    assert (row.consent, row.algorithm) == ("2026-11-28", "p256")
    stranger = HttpPhone(house, client).pairing(code).send(client)
    assert (stranger.status_code, "wrong, used or expired" in stranger.json()["detail"]) == (401, True)
    assert phone.ask("GET", "/v1/phone/me").json()["name"] == name


def test_an_expired_code_and_words_of_another_version(house: House, client: TestClient) -> None:
    code = phones(house).add(fresh(house)).code
    kept = nonces_kept(house)
    old = HttpPhone(house, client).pairing(code, consent="2020-01").send(client)
    assert (old.status_code, old.json()["detail"][:8]) == (400, "consent:")
    assert nonces_kept(house) == kept, "nor is what is no pairing"
    house.clock.move(24 * 3600)
    assert HttpPhone(house, client).pairing(code).send(client).status_code == 401


def test_the_key_in_the_body_has_signed(house: House, client: TestClient) -> None:
    code = phones(house).add(fresh(house)).code
    thief, owner = HttpPhone(house, client), HttpPhone(house, client)
    spoilt = replace(thief, key=owner.key).pairing(code)
    other = thief.pairing(code)
    mixed = replace(spoilt, headers=spoilt.headers | {"Signature": other.headers["Signature"]})
    assert mixed.send(client).status_code == 401
    assert spoilt.changed(signature=None, signature_input=None).send(client).status_code == 401
    assert owner.pairing(code).send(client).status_code == 200


def test_guesses_are_slowed_down_and_the_page_is_told_for_how_long(house: House, client: TestClient) -> None:
    house.clock.move(3600)
    code = phones(house).add(fresh(house)).code
    statuses = [HttpPhone(house, client).pairing(f"0000-0000-{n:04}").send(client).status_code for n in range(11)]
    assert statuses == [401] * 10 + [429]
    kept = nonces_kept(house)
    assert HttpPhone(house, client).pairing(code, consent="2020-01").send(client).status_code == 429
    late = HttpPhone(house, client).pairing(code).send(client)
    assert (late.status_code, int(late.headers["retry-after"])) == (429, 30)
    assert nonces_kept(house) == kept, "what the throttle turns away is not written down"
    house.clock.move(31)
    assert HttpPhone(house, client).pairing(code).send(client).status_code == 200
    house.clock.move(3600)


def test_clocks_and_repeats(house: House, client: TestClient) -> None:
    phone = person(house, client, fresh(house))
    asked = phone.signed("GET", "/v1/phone/me")
    assert asked.send(client).status_code == 200
    assert asked.send(client).headers["greenlane-flaw"] == "replayed"
    unsent = phone.signed("GET", "/v1/phone/me")
    house.clock.move(-301)
    assert unsent.send(client).headers["greenlane-flaw"] == "future"
    house.clock.move(602)
    assert unsent.send(client).headers["greenlane-flaw"] == "stale"
    assert asked.send(client).status_code == 401


def test_what_was_changed_on_the_way_is_refused(house: House, client: TestClient) -> None:
    phone = person(house, client, fresh(house))
    asked = phone.signed("GET", "/v1/phone/me")
    for spoilt in (
        replace(asked, target="/v1/phone/me?x=1"),
        replace(asked, body=b"{}").changed(content_type="application/json"),
        asked.changed(signature="greenlane=:" + "A" * 86 + "==:"),
        asked.changed(signature=None, signature_input=None),
        asked.changed(signature_input=asked.headers["Signature-Input"].replace('"@path" ', "")),
    ):
        assert spoilt.send(client).status_code in (400, 401)
    assert asked.send(client).status_code == 200


def test_a_key_that_was_taken_back_or_replaced_is_refused_at_the_next_request(house: House, client: TestClient) -> None:
    name = fresh(house)
    lost = person(house, client, name)
    new = HttpPhone(house, client).pair(phones(house).new_code(name).code)
    refused = lost.ask("GET", "/v1/phone/me")
    assert (refused.status_code, refused.headers["greenlane-flaw"]) == (401, "revoked")
    beside = HttpPhone(house, client).pair(phones(house).new_code(name, adds=True).code)
    assert {p.ask("GET", "/v1/phone/me").status_code for p in (new, beside)} == {200}
    phones(house).revoke(name)
    assert {p.ask("GET", "/v1/phone/me").status_code for p in (new, beside)} == {401}


def test_phones_and_devices_do_not_speak_for_each_other(house: House, client: TestClient) -> None:
    phone, lane = person(house, client, fresh(house)), house.enrol(DeviceKind.LANE)
    assert house.signed(lane, "GET", "/v1/phone/me").send(client).status_code in (400, 401)
    assert phone.ask("GET", "/v1/prices?station=S1").status_code in (400, 401)
    assert phone.ask("GET", "/v1/phone/everything").status_code in (400, 401)


def test_where_unsigned_programs_are_let_in_phones_still_sign(tmp_path: Path) -> None:
    house = House(tmp_path, replace(EMBEDDED, hasher=CHEAP))
    code = phones(house).add("A").code
    with TestClient(house.app) as client:
        phone = HttpPhone(house, client)
        bare = phone.pairing(code).changed(signature=None, signature_input=None)
        assert bare.send(client).status_code == 401
        assert client.get("/v1/phone/me").status_code == 401
        assert phone.pair(code).ask("GET", "/v1/phone/me").status_code == 200


def test_the_page_is_a_shell_without_anybody_s_data(house: House, client: TestClient) -> None:
    name = fresh(house)
    person(house, client, name)
    page = client.get("/phone")
    assert page.status_code == 200
    assert name not in page.text
    assert 'value="2026-11-28"' in page.text
