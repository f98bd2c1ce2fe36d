"""Nobody who does not belong gets in at the station either, line up or cut: over all of its routes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import func, select

from controller.outbound.key_pair import KeyPair
from service.books.messages import Ask
from service.identity.signed.devices import Place as DevicePlace
from service.identity.signed.rules import RULES, Names, RouteRule, find_rule
from service.store.identity_tables import nonces
from tests.service.identity.kit import Parcel, question, signed
from tests.service.identity.test_every_route import LANE_TELLS, PUBLIC, TAMPERED, routes
from tests.service.identity.test_every_route import written as written_at_server
from tests.station.rig import PATIENCE_S, StationRig
from wire.codec import decode, encode
from wire.devices import DeviceKind
from wire.questions import Decision, Question


class Yard:
    """A rig whose station is asked over its own HTTP face."""

    def __init__(self, rig: StationRig, client: TestClient) -> None:
        self.rig = rig
        self.client = client
        self.line = "up"

    def enrol(self, kind: DeviceKind = DeviceKind.LANE, station: str = "S1", lane: str = "L1") -> KeyPair:
        """A new device at the server, which the station learns of."""
        key = self.rig.server.enrol(kind, station, lane)
        self.rig.wiring.sync._fetch_keys(5.0)
        return key

    def signed(self, key: KeyPair, method: str, target: str, body: object = None) -> Parcel:
        return signed(key, self.rig.clock, method, target, body)

    def say(self, key: KeyPair, rule: RouteRule, station: str = "S1", lane: str = "L1") -> Parcel:
        """A request that is right in every way."""
        now, number = self.rig.clock.now(), self.rig.server.number()
        if rule.path == "/v1/authorisations":
            return self.signed(key, "POST", rule.path, question(station, lane, f"every-{number}", captured_at=now))
        if rule.path == "/v1/fuellings":
            made = self.rig.fuelling(None, 800, f"{station}-{lane}-{number}", station=station, lane=lane)
            return self.signed(key, "POST", rule.path, encode(made))
        if rule.path in LANE_TELLS:
            return self.signed(key, "POST", rule.path, LANE_TELLS[rule.path](station, lane, number))
        if rule.names is Names.BY_AUTHORISATION:
            return self.signed(key, "POST", rule.path.replace("{id}", self.authorise(station, lane)), {})
        if rule.path == "/v1/keys/{id}/spoken":
            return self.signed(key, "POST", rule.path.replace("{id}", key.key_id), {})
        if rule.path == "/v1/keys":
            new = KeyPair.make()
            body = {
                "public_key": new.public_text,
                "proof": new.rotation_proof(key.key_id),
                "consent": key.rotation_consent(new.key_id),
            }
            return self.signed(key, "POST", rule.path, body)
        return self.signed(key, "GET", f"{rule.path}?station={station}")

    def authorise(self, station: str, lane: str) -> str:
        """An authorisation that is open at that lane, as the station knows it."""
        number = self.rig.server.number()
        asked = decode(Question, question("S1", lane, f"open-{number}", captured_at=self.rig.clock.now()))
        answer = self.rig.answer(Ask(asked))
        assert isinstance(answer, Decision)
        assert answer.authorisation is not None
        return answer.authorisation

    def written(self) -> object:
        """What server and station hold; nothing that is refused may change it."""
        counts = [
            self.rig.wiring.state.rows(f"SELECT count(*) AS many FROM {table}")[0]["many"]
            for table in ("answer", "offline_grant", "message")
        ]
        return written_at_server(self.rig.server), counts

    def refused(self, parcel: Parcel, status: tuple[int, ...], words: str = "") -> None:
        before = self.written()
        answer = parcel.send(self.client)
        assert answer.status_code in status, answer.text
        assert words in answer.json()["detail"]
        assert self.written() == before


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Yard]:
    with StationRig(tmp_path_factory.mktemp("yard")).open() as rig:
        rig.step()
        with TestClient(rig.wiring.app, client=("127.0.0.1", 4711), follow_redirects=False) as client:
            yield Yard(rig, client)


@pytest.fixture(params=["cut", pytest.param("up", marks=pytest.mark.slow)])
def yard(request: pytest.FixtureRequest, shared: Yard) -> Iterator[Yard]:
    """The same yard for all tests here, with the line up and cut; every test enrols devices of its own."""
    shared.rig.mend()
    shared.rig.wiring.uplink.ask(shared.rig.wiring.upstream.devices, PATIENCE_S)
    shared.line = request.param
    yield shared
    shared.rig.mend()
    shared.rig.wiring.uplink.ask(shared.rig.wiring.upstream.devices, PATIENCE_S)


def cut_if_asked(yard: Yard) -> None:
    if yard.line == "cut":
        yard.rig.cut()


LANE_RULES = [r for r in RULES if DeviceKind.LANE in r.kinds]
BRIDGED = [r for r in LANE_RULES if r.path != "/v1/keys" and not r.path.endswith("/renew")]
"""What the station answers also while the line is cut (a renewal of the server's own is not among it)."""

RULE = pytest.mark.parametrize("rule", LANE_RULES, ids=lambda rule: f"{rule.method} {rule.path}")


def test_every_route_is_signed_or_open_by_intent(shared: Yard) -> None:
    found = routes(shared.rig.wiring.app)
    signed_ones = [(m, p) for m, p in found if p.startswith("/v1/")]
    assert len(signed_ones) >= 10
    assert [(m, p) for m, p in signed_ones if find_rule(m, re.sub(r"{\w+}", "x", p)) is None] == []
    for method, path in found:
        if not path.startswith("/v1/") and path not in PUBLIC:
            answer = shared.client.request(method, path.replace("{", "x").replace("}", ""))
            assert answer.status_code in (401, 403) or answer.headers.get("location", "").startswith("/login"), path


def test_the_station_offers_what_the_service_offers(shared: Yard) -> None:
    """All that a lane unit or panel may say there, it may say here, and the documents agree."""
    here, there = routes(shared.rig.wiring.app), routes(shared.rig.server.app)
    for method, path in set(there) - set(here):
        found = find_rule(method, re.sub(r"{\w+}", "x", path))
        assert found is None or not found[0].kinds & {DeviceKind.LANE, DeviceKind.PANEL}, path
    assert set(here) <= set(there)
    mine, theirs = shared.rig.wiring.app.openapi(), shared.rig.server.app.openapi()
    assert {p: mine["paths"][p] for p in mine["paths"]} == {p: theirs["paths"][p] for p in mine["paths"]}


@pytest.mark.parametrize("rule", BRIDGED, ids=lambda rule: f"{rule.method} {rule.path}")
def test_the_right_one_is_taken_once(yard: Yard, rule: RouteRule) -> None:
    key = yard.enrol()
    parcel = yard.say(key, rule)
    cut_if_asked(yard)
    assert parcel.send(yard.client).status_code in (200, 204)
    yard.refused(parcel, (401,), "used before")


@RULE
def test_unsigned(yard: Yard, rule: RouteRule) -> None:
    parcel = yard.say(yard.enrol(), rule)
    cut_if_asked(yard)
    for left in ({"signature": None}, {"signature_input": None}, {"signature": None, "signature_input": None}):
        yard.refused(parcel.changed(**left), (400, 401))


@pytest.mark.sample(3)
@RULE
def test_tampered(yard: Yard, rule: RouteRule) -> None:
    parcel = yard.say(yard.enrol(), rule)
    cut_if_asked(yard)
    for how, spoil in TAMPERED.items():
        if how != "content type" or parcel.body:
            yard.refused(spoil(parcel), (400, 401))


@pytest.mark.sample(3)
@RULE
@pytest.mark.parametrize(("moved_s", "words"), [(301, "signed 301 s ago"), (-301, "in the future")])
def test_stale_and_future(yard: Yard, rule: RouteRule, moved_s: int, words: str) -> None:
    parcel = yard.say(yard.enrol(), rule)
    cut_if_asked(yard)
    yard.rig.clock.move(moved_s)
    try:
        yard.refused(parcel, (401,), words)
    finally:
        yard.rig.clock.move(-moved_s)


@pytest.mark.sample(3)
@RULE
def test_revoked(yard: Yard, rule: RouteRule) -> None:
    key = yard.enrol()
    parcel = yard.say(key, rule)
    devices = yard.rig.server.identity.devices
    devices.revoke(next(d.id for d in devices.list() if key.key_id in d.keys), "test")
    yard.rig.wiring.sync._fetch_keys(5.0)
    cut_if_asked(yard)
    yard.refused(parcel, (401,), "revoked")


@pytest.mark.sample(3)
@RULE
def test_of_another_station(yard: Yard, rule: RouteRule) -> None:
    stranger, own = yard.enrol(station="S2"), yard.enrol()
    from_there = yard.say(stranger, rule)
    for_there = None if rule.names in (Names.NOTHING, Names.BY_AUTHORISATION) else yard.say(own, rule, "S2")
    cut_if_asked(yard)
    yard.refused(from_there, (401,), "no device has been enrolled")
    if for_there is not None:
        yard.refused(for_there, (403,), "this key speaks for station S1")


@RULE
def test_of_the_neighbouring_lane(yard: Yard, rule: RouteRule) -> None:
    if rule.names not in (Names.IN_BODY, Names.BY_AUTHORISATION):
        pytest.skip("names no lane")
    parcel = yard.say(yard.enrol(lane="L2"), rule)
    cut_if_asked(yard)
    yard.refused(parcel, (403,), "this key speaks for lane L2")


@pytest.mark.parametrize("rule", [r for r in RULES if r.kinds == {DeviceKind.STATION}], ids=lambda r: r.path)
def test_what_only_stations_may_say(yard: Yard, rule: RouteRule) -> None:
    for kind in (DeviceKind.LANE, DeviceKind.PANEL):
        parcel = yard.say(yard.enrol(kind), rule)
        yard.refused(parcel, (403,), "may not say this")


def test_a_body_that_is_too_long(yard: Yard) -> None:
    parcel = yard.say(yard.enrol(), LANE_RULES[0])
    cut_if_asked(yard)
    yard.refused(replace(parcel, body=b"x" * 65_537), (413,), "at most 65536 bytes")


@pytest.mark.slow
def test_until_the_first_keys_have_come_nobody_gets_in(tmp_path: Path) -> None:
    with StationRig(tmp_path).open() as rig, TestClient(rig.wiring.app) as client:
        key = rig.server.enrol(DeviceKind.LANE)
        assert signed(key, rig.clock, "GET", "/v1/prices?station=S1").send(client).status_code == 401
        assert client.get("/v1/prices?station=S1").status_code == 401, "not unsigned either, though it is loopback"
        rig.step()
        assert signed(key, rig.clock, "GET", "/v1/prices?station=S1").send(client).status_code == 200


@pytest.mark.slow
def test_a_stranger_at_the_stations_network_is_slowed_by_the_station(rig: StationRig) -> None:
    """Neither nonces here nor the server's patience with the station's address are a stranger's to use up."""
    at_server = rig.server.app.state.books.database
    with TestClient(rig.wiring.app, client=("10.1.0.66", 4711)) as stranger:
        statuses = []
        for _ in range(40):
            key = KeyPair.make()
            body = {"code": "0000-0000-0000", "public_key": key.public_text}
            statuses.append(signed(key, rig.clock, "POST", "/v1/enrolments", body).send(stranger).status_code)
    assert (statuses.count(401), statuses.count(429)) == (10, 30)
    for database in (rig.wiring.books.database, at_server):
        with database.reading() as connection:
            keys = select(func.count(nonces.c.key_id.distinct()))
            assert connection.execute(keys).scalar() <= 10 + 1, "ten guesses, and what the station itself has said"
    rig.clock.move(60)
    place = DevicePlace(DeviceKind.LANE, "S1", "L7")
    code = rig.server.identity.devices.issue_code(place, "test")
    with TestClient(rig.wiring.app, client=("10.1.0.7", 4711)) as honest:
        key = KeyPair.make()
        body = {"code": code, "public_key": key.public_text}
        answer = signed(key, rig.clock, "POST", "/v1/enrolments", body).send(honest)
        assert (answer.status_code, answer.json().get("lane")) == (200, "L7")
