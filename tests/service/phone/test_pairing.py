"""A phone is bound by a one-time code and its own key; after that every request is signed, and only once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import func, select

from service.identity.guard import EMBEDDED
from service.payers.phones import Phones
from service.store.identity_tables import nonces
from service.store.payer_tables import phone_keys
from tests.service.identity.kit import CHEAP, ServiceRig
from tests.service.phone.kit import HttpPhone, person
from wire.devices import DeviceKind


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> ServiceRig:
    return ServiceRig(tmp_path_factory.mktemp("phones"))


@pytest.fixture
def client(rig: ServiceRig) -> Iterator[TestClient]:
    with TestClient(rig.app) as opened:
        yield opened


def phones(rig: ServiceRig) -> Phones:
    return Phones(rig.app.state.books, "test")


def fresh(rig: ServiceRig) -> str:
    """A name that no test has used."""
    return f"N{rig.number()}"


def nonces_kept(rig: ServiceRig) -> int:
    with rig.app.state.books.database.reading() as connection:
        return int(connection.execute(select(func.count()).select_from(nonces)).scalar_one())


def test_a_code_binds_one_key_and_consent_is_kept(rig: ServiceRig, client: TestClient) -> None:
    name = fresh(rig)
    code = phones(rig).add(name).code
    phone = HttpPhone(rig, client)
    first = phone.pairing(code)
    answer = first.send(client)
    assert (answer.status_code, answer.json()["name"], answer.json()["key_id"]) == (200, name, phone.key_id)
    assert phone.pairing(code).send(client).json() == answer.json(), "an answer that was lost is given again"
    assert first.send(client).status_code == 401, "but nobody shows the same request twice"
    with rig.app.state.books.database.reading() as connection:
        row = connection.execute(select(phone_keys).where(phone_keys.c.id == phone.key_id)).one()
    assert (row.consent, row.algorithm) == ("2026-11-28", "p256")
    stranger = HttpPhone(rig, client).pairing(code).send(client)
    assert (stranger.status_code, "wrong, used or expired" in stranger.json()["detail"]) == (401, True)
    assert phone.ask("GET", "/v1/phone/me").json()["name"] == name


def test_an_expired_code_and_words_of_another_version(rig: ServiceRig, client: TestClient) -> None:
    code = phones(rig).add(fresh(rig)).code
    kept = nonces_kept(rig)
    old = HttpPhone(rig, client).pairing(code, consent="2020-01").send(client)
    assert (old.status_code, old.json()["detail"][:8]) == (400, "consent:")
    assert nonces_kept(rig) == kept, "nor is what is not a pairing"
    rig.clock.move(24 * 3600)
    assert HttpPhone(rig, client).pairing(code).send(client).status_code == 401


def test_the_key_in_the_body_has_signed(rig: ServiceRig, client: TestClient) -> None:
    code = phones(rig).add(fresh(rig)).code
    thief, owner = HttpPhone(rig, client), HttpPhone(rig, client)
    spoilt = replace(thief, key=owner.key).pairing(code)
    other = thief.pairing(code)
    mixed = replace(spoilt, headers=spoilt.headers | {"Signature": other.headers["Signature"]})
    assert mixed.send(client).status_code == 401
    assert spoilt.changed(signature=None, signature_input=None).send(client).status_code == 401
    assert owner.pairing(code).send(client).status_code == 200


def test_guesses_are_slowed_down_and_the_page_is_told_for_how_long(rig: ServiceRig, client: TestClient) -> None:
    rig.clock.move(3600)
    code = phones(rig).add(fresh(rig)).code
    statuses = [HttpPhone(rig, client).pairing(f"0000-0000-{n:04}").send(client).status_code for n in range(11)]
    assert statuses == [401] * 10 + [429]
    kept = nonces_kept(rig)
    assert HttpPhone(rig, client).pairing(code, consent="2020-01").send(client).status_code == 429
    late = HttpPhone(rig, client).pairing(code).send(client)
    assert (late.status_code, int(late.headers["retry-after"])) == (429, 30)
    assert nonces_kept(rig) == kept, "what the throttle turns away is not written down"
    rig.clock.move(31)
    assert HttpPhone(rig, client).pairing(code).send(client).status_code == 200
    rig.clock.move(3600)


def test_clocks_and_repeats(rig: ServiceRig, client: TestClient) -> None:
    phone = person(rig, client, fresh(rig))
    asked = phone.signed("GET", "/v1/phone/me")
    assert asked.send(client).status_code == 200
    assert asked.send(client).headers["greenlane-flaw"] == "replayed"
    unsent = phone.signed("GET", "/v1/phone/me")
    rig.clock.move(-301)
    assert unsent.send(client).headers["greenlane-flaw"] == "future"
    rig.clock.move(602)
    assert unsent.send(client).headers["greenlane-flaw"] == "stale"
    assert asked.send(client).status_code == 401


def test_what_was_changed_on_the_way_is_refused(rig: ServiceRig, client: TestClient) -> None:
    phone = person(rig, client, fresh(rig))
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


def test_a_key_that_was_taken_back_or_replaced_is_refused_at_the_next_request(
    rig: ServiceRig, client: TestClient
) -> None:
    name = fresh(rig)
    lost = person(rig, client, name)
    new = HttpPhone(rig, client).pair(phones(rig).new_code(name).code)
    refused = lost.ask("GET", "/v1/phone/me")
    assert (refused.status_code, refused.headers["greenlane-flaw"]) == (401, "revoked")
    beside = HttpPhone(rig, client).pair(phones(rig).new_code(name, adds=True).code)
    assert {p.ask("GET", "/v1/phone/me").status_code for p in (new, beside)} == {200}
    phones(rig).revoke(name)
    assert {p.ask("GET", "/v1/phone/me").status_code for p in (new, beside)} == {401}


def test_phones_and_devices_do_not_speak_for_each_other(rig: ServiceRig, client: TestClient) -> None:
    phone, lane = person(rig, client, fresh(rig)), rig.enrol(DeviceKind.LANE)
    assert rig.signed(lane, "GET", "/v1/phone/me").send(client).status_code in (400, 401)
    assert phone.ask("GET", "/v1/prices?station=S1").status_code in (400, 401)
    assert phone.ask("GET", "/v1/phone/everything").status_code in (400, 401)


def test_where_unsigned_programs_are_let_in_phones_still_sign(tmp_path: Path) -> None:
    rig = ServiceRig(tmp_path, replace(EMBEDDED, hasher=CHEAP))
    code = phones(rig).add("A").code
    with TestClient(rig.app) as client:
        phone = HttpPhone(rig, client)
        bare = phone.pairing(code).changed(signature=None, signature_input=None)
        assert bare.send(client).status_code == 401
        assert client.get("/v1/phone/me").status_code == 401
        assert phone.pair(code).ask("GET", "/v1/phone/me").status_code == 200


def test_the_page_is_a_shell_without_anybody_s_data(rig: ServiceRig, client: TestClient) -> None:
    name = fresh(rig)
    person(rig, client, name)
    page = client.get("/phone")
    assert page.status_code == 200
    assert name not in page.text
    assert 'value="2026-11-28"' in page.text
