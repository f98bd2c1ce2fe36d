"""Enrolment by a code that serves once, rotation that survives a lost answer, revocation, and no secret anywhere."""

from __future__ import annotations

import base64
import threading
from contextlib import suppress
from datetime import timedelta

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import func, select

from controller.outbound.key_pair import KeyPair
from service.errors import AdminError, Unavailable
from service.identity import trail
from service.identity.signed.devices import Place, Throttled
from service.identity.signed.signatures import SignatureRefused
from service.store.identity_tables import nonces
from tests.service.identity.kit import ServiceRig
from wire.devices import DeviceKind, Enrolment, EnrolmentRequest, KeyRotation

LANE = Place(DeviceKind.LANE, "S1", "L1")


def enrol(rig: ServiceRig, code: str, key: KeyPair, source: str = "10.0.0.1") -> Enrolment:
    return rig.identity.devices.enrol(EnrolmentRequest(code=code, public_key=key.public_text), source)


def test_a_code_serves_once_and_a_repeat_gets_the_same_answer(rig: ServiceRig) -> None:
    code, key = rig.identity.devices.issue_code(LANE, "test"), KeyPair.make()
    first = enrol(rig, code, key)
    assert (first.kind, first.station, first.lane, first.key_id) == (DeviceKind.LANE, "S1", "L1", key.key_id)
    assert enrol(rig, code.replace("-", " ").lower(), key) == first
    with pytest.raises(SignatureRefused, match="wrong, used or expired"):
        enrol(rig, code, KeyPair.make())


def test_a_code_may_be_misread(rig: ServiceRig) -> None:
    code = rig.identity.devices.issue_code(LANE, "test")
    enrol(rig, code.replace("0", "o").replace("1", "I"), KeyPair.make())


def test_a_code_expires(rig: ServiceRig) -> None:
    code = rig.identity.devices.issue_code(LANE, "test")
    rig.clock.move(timedelta(minutes=30).total_seconds() + 1)
    with pytest.raises(SignatureRefused, match="expired"):
        enrol(rig, code, KeyPair.make())


def test_a_taken_place_needs_to_be_replaced(rig: ServiceRig) -> None:
    store = rig.identity.devices
    spare = store.issue_code(LANE, "test")
    old = KeyPair.make()
    enrol(rig, store.issue_code(LANE, "test"), old)
    with pytest.raises(AdminError, match="enrolled here already"):
        store.issue_code(LANE, "test")
    with pytest.raises(SignatureRefused, match="in the meantime"):
        enrol(rig, spare, KeyPair.make())
    new = KeyPair.make()
    enrol(rig, store.issue_code(LANE, "test", replaces=True), new)
    rig.identity.keys.find(new.key_id)
    with pytest.raises(SignatureRefused, match="revoked"):
        rig.identity.keys.find(old.key_id)


def test_a_lane_may_have_several_panels(rig: ServiceRig) -> None:
    place = Place(DeviceKind.PANEL, "S1", "L1")
    for _ in range(3):
        enrol(rig, rig.identity.devices.issue_code(place, "test"), KeyPair.make())
    assert sum(d.revoked_at is None for d in rig.identity.devices.list("S1")) == 3


def test_a_key_serves_one_device(rig: ServiceRig) -> None:
    store, key = rig.identity.devices, KeyPair.make()
    enrol(rig, store.issue_code(LANE, "test"), key)
    code = store.issue_code(Place(DeviceKind.LANE, "S2", "L1"), "test")
    with pytest.raises(SignatureRefused, match="used before"):
        enrol(rig, code, key)


@pytest.mark.parametrize(
    ("kind", "lane"), [(DeviceKind.LANE, None), (DeviceKind.PANEL, None), (DeviceKind.STATION, "L1")]
)
def test_places_that_are_none(kind: DeviceKind, lane: str | None) -> None:
    with pytest.raises(AdminError, match="belongs to a lane"):
        Place(kind, "S1", lane)


@pytest.mark.slow
def test_an_unknown_station(rig: ServiceRig) -> None:
    with pytest.raises(AdminError, match="no station S9; `station set` makes one"):
        rig.identity.devices.issue_code(Place(DeviceKind.STATION, "S9", None), "test")


def test_guessing_is_slowed_and_the_right_code_still_works(rig: ServiceRig) -> None:
    code, outcomes = rig.identity.devices.issue_code(LANE, "test"), []
    for _ in range(500):
        try:
            enrol(rig, "0000-0000-0000", KeyPair.make(), "10.9.9.9")
        except (SignatureRefused, Throttled) as error:
            outcomes.append(type(error))
    assert outcomes.count(SignatureRefused) == 10
    assert outcomes.count(Throttled) == 490
    enrol(rig, code, KeyPair.make(), "10.0.0.1")


@pytest.mark.slow
def test_strangers_who_are_turned_away_leave_no_nonce(rig: ServiceRig, client: TestClient) -> None:
    """A stranger signs with as many new keys as it likes: only what the throttle lets through is written down."""
    code = rig.identity.devices.issue_code(LANE, "test")

    def tried(body: dict[str, object], key: KeyPair) -> int:
        return (
            rig.signed(key, "POST", "/v1/enrolments", {"public_key": key.public_text} | body).send(client).status_code
        )

    statuses = [tried({"code": "0000-0000-0000"}, KeyPair.make()) for _ in range(60)]
    assert (statuses.count(401), statuses.count(429)) == (10, 50)
    assert {tried({"code": code}, KeyPair.make()) for _ in range(3)} == {429}, "the right code is not looked at either"
    for spoilt in ({"code": 7}, {}, {"code": "0" * 12, "more": 1}):
        rig.clock.move(3600)
        assert tried(spoilt, KeyPair.make()) == 400
    with rig.app.state.books.database.reading() as connection:
        assert connection.execute(select(func.count()).select_from(nonces)).scalar() == 10
    assert tried({"code": rig.identity.devices.issue_code(LANE, "test")}, KeyPair.make()) == 200


def test_two_keys_race_for_one_code(rig: ServiceRig) -> None:
    code, won = rig.identity.devices.issue_code(LANE, "test"), []

    def attempt() -> None:
        with suppress(SignatureRefused):
            won.append(enrol(rig, code, KeyPair.make()))

    threads = [threading.Thread(target=attempt) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1


def test_the_old_key_is_retired_only_when_the_new_one_has_spoken(rig: ServiceRig, client: TestClient) -> None:
    old, new = rig.enrol(DeviceKind.LANE), KeyPair.make()
    body = {"public_key": new.public_text, "proof": new.rotation_proof(old.key_id)}
    for _ in range(2):
        answer = rig.signed(old, "POST", "/v1/keys", body).send(client)
        assert (answer.status_code, answer.json()["key_id"]) == (200, new.key_id)
    assert rig.signed(old, "GET", "/v1/prices?station=S1").send(client).status_code == 200
    assert rig.signed(new, "GET", "/v1/prices?station=S1").send(client).status_code == 200
    assert rig.signed(old, "GET", "/v1/prices?station=S1").send(client).status_code == 401
    assert rig.signed(new, "GET", "/v1/prices?station=S1").send(client).status_code == 200


def test_a_rotation_needs_the_new_key(rig: ServiceRig) -> None:
    old, new = rig.enrol(DeviceKind.LANE), KeyPair.make()
    caller = rig.identity.keys.find(old.key_id).caller
    stolen = KeyRotation(public_key=new.public_text, proof=old.rotation_proof(old.key_id))
    with pytest.raises(SignatureRefused, match="proof"):
        rig.identity.devices.rotate(caller, stolen)
    own = KeyRotation(public_key=old.public_text, proof=old.rotation_proof(old.key_id))
    with pytest.raises(SignatureRefused, match="used before"):
        rig.identity.devices.rotate(caller, own)


def test_enrolment_over_http_is_signed_with_the_key_it_brings(rig: ServiceRig, client: TestClient) -> None:
    code, key, other = rig.identity.devices.issue_code(LANE, "test"), KeyPair.make(), KeyPair.make()
    body = {"code": code, "public_key": key.public_text}
    assert rig.signed(other, "POST", "/v1/enrolments", body).send(client).status_code == 401
    right = rig.signed(key, "POST", "/v1/enrolments", body)
    assert right.send(client).json()["key_id"] == key.key_id
    assert right.send(client).status_code == 401, "a replay, even of an enrolment"
    text = key.public_text
    for spoilt in ({}, {"code": code}, {"code": 7, "public_key": text}, {"code": code, "public_key": "A" * 44}):
        assert rig.signed(key, "POST", "/v1/enrolments", spoilt).send(client).status_code == 400


def test_keys_that_cannot_be_read_refuse_nobody(
    rig: ServiceRig, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A refused signature keeps a whole station from allowing anybody; a database that is away does not."""
    lane = rig.enrol(DeviceKind.LANE)

    def away(*_: object, **__: object) -> None:
        raise Unavailable("database: terminating connection due to administrator command")

    with monkeypatch.context() as patch:
        patch.setattr(rig.identity.keys, "find", away)
        answer = rig.signed(lane, "GET", "/v1/prices?station=S1").send(client)
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert "greenlane_refused_signatures_total{" not in rig.app.state.metrics.exposition().decode()
    assert rig.signed(lane, "GET", "/v1/prices?station=S1").send(client).status_code == 200


def test_a_station_learns_its_devices_keys(rig: ServiceRig, client: TestClient) -> None:
    lane, station = rig.enrol(DeviceKind.LANE), rig.enrol(DeviceKind.STATION)
    rig.enrol(DeviceKind.LANE, station="S2")
    rig.identity.devices.revoke(rig.identity.keys.find(lane.key_id).caller.device, "test")
    listed = rig.signed(station, "GET", "/v1/devices?station=S1").send(client).json()
    assert {(d["kind"], d["revoked"]) for d in listed} == {("lane", True), ("station", False)}
    assert {d["station"] for d in listed} == {"S1"}


def test_the_database_holds_no_secret(rig: ServiceRig) -> None:
    code, key = rig.identity.devices.issue_code(LANE, "test"), KeyPair.make()
    enrol(rig, code, key)
    with rig.app.state.books.database.engine.connect() as connection:
        dump = "\n".join(connection.connection.driver_connection.iterdump())  # type: ignore[union-attr]
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    private = key.private.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
    assert key.public_text in dump
    assert code not in dump
    assert code.replace("-", "") not in dump
    assert base64.b64encode(private).decode() not in dump
    assert private.hex().upper() not in dump.upper()


def test_every_deed_is_written_down(rig: ServiceRig) -> None:
    key = rig.enrol(DeviceKind.LANE)
    device = rig.identity.keys.find(key.key_id).caller.device
    rig.identity.devices.revoke(device, "wang")
    rig.identity.devices.revoke(device, "li")
    with rig.app.state.books.database.reading() as connection:
        deeds = [(d.actor, d.action) for d in trail.last(connection, 10) if d.action.startswith("device")]
    assert deeds == [("wang", "device.revoke"), (f"device:{device}", "device.enrol"), ("test", "device.code")]


def test_nonces_are_forgotten_when_their_time_alone_refuses(rig: ServiceRig, client: TestClient) -> None:
    from sqlalchemy import func, select

    from service.store.identity_tables import nonces

    key = rig.enrol(DeviceKind.LANE)
    steady_s = [0.0]
    rig.identity.keys._monotonic_s = lambda: steady_s[0]
    for _ in range(5):
        rig.signed(key, "GET", "/v1/prices?station=S1").send(client)
    rig.clock.move(700)
    steady_s[0] += 700
    rig.signed(key, "GET", "/v1/prices?station=S1").send(client)
    with rig.app.state.books.database.reading() as connection:
        assert connection.execute(select(func.count()).select_from(nonces)).scalar_one() == 1


def test_a_clock_set_forward_and_back_makes_no_signature_new(rig: ServiceRig, client: TestClient) -> None:
    """Forward, the nonces were tidied away; back, what had been shown before was taken again."""
    steady_s = [0.0]
    rig.identity.keys._monotonic_s = lambda: steady_s[0]
    key = rig.enrol(DeviceKind.LANE)
    shown = rig.signed(key, "GET", "/v1/prices?station=S1")
    assert shown.send(client).status_code == 200
    for jump_s in (86_400, -86_400 + 30):
        rig.clock.move(jump_s)
        steady_s[0] += 10
        assert rig.signed(key, "GET", "/v1/prices?station=S1").send(client).status_code == 200
    answer = shown.send(client)
    assert answer.status_code == 401
    assert "used before" in answer.json()["detail"]
