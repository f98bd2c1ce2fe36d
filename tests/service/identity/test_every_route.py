"""Nobody who does not belong gets in, on any route: the routes are taken from the application, so none is forgotten."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from fastapi.routing import iter_route_contexts
from fastapi.testclient import TestClient
from sqlalchemy import func, select
from starlette.types import Message, Receive, Scope, Send

from controller.outbound.key_pair import KeyPair
from service.admin.typed_plates import TypedPlates
from service.app import create_app
from service.books.messages import Ask
from service.identity.guard import EMBEDDED, Guard
from service.identity.signed.gate import GateRules, SignatureGate
from service.identity.signed.rules import RULES, Names, find_rule
from service.identity.signed.signatures import RequestView, SignatureRefused, verify
from service.listening import Listening
from service.store import schema
from tests.service.identity.kit import (
    CHEAP,
    PLATE,
    START,
    MovingClock,
    Parcel,
    ServiceRig,
    asked_ahead,
    fuelling,
    lane_status,
    offline_grant,
    question,
    visit_report,
)
from wire.codec import decode
from wire.devices import DeviceKind, key_id
from wire.questions import Decision, Question


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ServiceRig, TestClient]]:
    rig = ServiceRig(tmp_path_factory.mktemp("rig"))
    TypedPlates(rig.app.state.books, "test").set_pin("C1", PIN)
    with TestClient(rig.app, follow_redirects=False) as opened:
        yield rig, opened


@pytest.fixture
def rig(shared: tuple[ServiceRig, TestClient]) -> ServiceRig:
    """One service for all tests here, put back to its first minute; every test enrols devices of its own."""
    shared[0].clock.moment = START
    return shared[0]


@pytest.fixture
def client(shared: tuple[ServiceRig, TestClient]) -> TestClient:
    return shared[1]


PIN = "493817"
LANE_TELLS: dict[str, Callable[[str, str, int], object]] = {
    "/v1/lane-status": lane_status,
    "/v1/visits": visit_report,
    "/v1/offline-grants": offline_grant,
    "/v1/lane-orders": lambda station, lane, number: {"station": station, "lane": lane, "wait_s": 0.0, "done": []},
    "/v1/asked-ahead": asked_ahead,
    "/v1/expected-plates": lambda station, lane, number: {"station": station, "lane": lane, "wait_s": 0.0},
    "/v1/pins": lambda station, lane, _: {"station": station, "lane": lane, "plate": PLATE, "pin": PIN},
}
"""A right body for each route by which lane units and stations tell what they do."""

PUBLIC = {"/healthz", "/login", "/logout", "/docs", "/openapi.json", "/static", "/metrics", "/", "/favicon.ico"}
PUBLIC |= {"/phone", "/phone/charges/{charge}", "/phone/charges/{charge}/receipt", "/phone/mandate", "/phone/hours"}
PUBLIC |= {"/phone/spending", "/phone/data", "/payments/{provider}/notify", "/panel"}
PUBLIC |= {"/phone/manifest.webmanifest", "/phone/sw.js", "/favicon.ico"}
"""Open by intent: each has tests of its own that say how far."""


def routes(app: object) -> list[tuple[str, str]]:
    found = []
    for context in iter_route_contexts(app.routes):  # type: ignore[attr-defined]
        found += [(method, str(context.path)) for method in sorted(context.methods or {"GET"}) if method != "HEAD"]
    return found


@pytest.fixture(scope="module")
def all_routes(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[str, str]]:
    folder = tmp_path_factory.mktemp("routes")
    return routes(create_app(f"sqlite:///{folder}/x.sqlite3", MovingClock(), guard=Guard(hasher=CHEAP)))


def test_every_route_is_signed_or_open_by_intent(all_routes: list[tuple[str, str]]) -> None:
    signed = [(m, p) for m, p in all_routes if p.startswith("/v1/")]
    assert len(signed) >= 8
    assert [(m, p) for m, p in signed if find_rule(m, re.sub(r"{\w+}", "x", p)) is None] == []


def test_every_other_route_asks_people_to_log_in(client: TestClient, all_routes: list[tuple[str, str]]) -> None:
    for method, path in all_routes:
        if path.startswith("/v1/") or path in PUBLIC:
            continue
        answer = client.request(method, path.replace("{", "x").replace("}", ""))
        assert answer.status_code in (401, 403) or answer.headers.get("location", "").startswith("/login"), path


@dataclass(frozen=True)
class Said:
    """A request that is right in every way, and what it would be for another place."""

    right: Parcel
    elsewhere: Parcel | None


def say(rig: ServiceRig, key: KeyPair, method: str, pattern: str) -> Said:
    """A good request for a rule; the lane unit's own, or the station's where only stations may ask."""

    def made(station: str, lane: str) -> Parcel:
        number = rig.number()
        if pattern == "/v1/authorisations":
            return rig.signed(key, method, pattern, question(station, lane, f"v{number}"))
        if pattern == "/v1/fuellings":
            return rig.signed(key, method, pattern, fuelling(station, lane, number))
        if pattern in LANE_TELLS:
            return rig.signed(key, method, pattern, LANE_TELLS[pattern](station, lane, number))
        if pattern.startswith("/v1/authorisations/"):
            return rig.signed(key, method, pattern.replace("{id}", authorise(rig, station, lane)), {})
        if pattern == "/v1/keys/{id}/spoken":
            neighbour = rig.enrol(DeviceKind.PANEL, lane=f"P{number}")
            return rig.signed(key, method, pattern.replace("{id}", neighbour.key_id), {})
        if pattern == "/v1/panel-sessions":
            return rig.signed(key, method, pattern, {})
        if pattern == "/v1/keys":
            new = KeyPair.make()
            body = {"public_key": new.public_text, "proof": new.rotation_proof(key.key_id)}
            return rig.signed(key, method, pattern, body)
        return rig.signed(key, method, f"{pattern}?station={station}")

    names_place = find_rule(method, pattern.replace("{id}", "x"))[0].names is not Names.NOTHING  # type: ignore[index]
    return Said(made("S1", "L1"), made("S2", "L1") if names_place else None)


def authorise(rig: ServiceRig, station: str, lane: str) -> str:
    """An authorisation that is open at that lane, for a plate of its own."""
    number = rig.number()
    plate = f"粤B{10_000 + number}"
    rig.admin.plates.bind(plate, "C1")
    asked = decode(Question, question(station, lane, f"open-{number}", plate=plate, seen=plate))
    answer = rig.app.state.books.carry_out_one(Ask(asked))
    assert isinstance(answer, Decision)
    assert answer.authorisation is not None
    return answer.authorisation


DEVICE_RULES = [rule for rule in RULES if rule.names is not Names.ENROLMENT]


@pytest.fixture(params=DEVICE_RULES, ids=lambda rule: f"{rule.method} {rule.path}")
def said(request: pytest.FixtureRequest, rig: ServiceRig) -> tuple[ServiceRig, KeyPair, Said]:
    rule = request.param
    kind = next(k for k in (DeviceKind.LANE, DeviceKind.STATION, DeviceKind.PANEL) if k in rule.kinds)
    key = rig.enrol(kind)
    return rig, key, say(rig, key, rule.method, rule.path)


def written(rig: ServiceRig) -> tuple[int, ...]:
    """How much the books hold; nothing that is refused may change it. Holds expire by themselves and do not count."""
    tables = (schema.authorisations, schema.fuellings, schema.rejected_messages)
    moved = select(func.count()).where(schema.transfers.c.phase != "expire")
    with rig.app.state.books.database.reading() as connection:
        counts = [connection.execute(select(func.count()).select_from(t)).scalar_one() for t in tables]
        return (*counts, connection.execute(moved).scalar_one())


def refused(rig: ServiceRig, client: TestClient, parcel: Parcel, status: int, words: str) -> None:
    before = written(rig)
    answer = parcel.send(client)
    assert (answer.status_code, words in answer.json()["detail"]) == (status, True), answer.text
    assert written(rig) == before


def test_the_right_one_is_taken_once(said: tuple[ServiceRig, KeyPair, Said], client: TestClient) -> None:
    rig, _, said_it = said
    assert said_it.right.send(client).status_code in (200, 204)
    refused(rig, client, said_it.right, 401, "used before")
    rig.clock.move(200)
    refused(rig, client, said_it.right, 401, "used before")


@pytest.mark.sample(3)
@pytest.mark.parametrize(("moved_s", "words"), [(301, "signed 301 s ago"), (-301, "in the future")])
def test_stale_and_future(said: tuple[ServiceRig, KeyPair, Said], client: TestClient, moved_s: int, words: str) -> None:
    rig, _, said_it = said
    rig.clock.move(moved_s)
    refused(rig, client, said_it.right, 401, words)


@pytest.mark.sample(3)
def test_a_nonce_outlives_its_signature(said: tuple[ServiceRig, KeyPair, Said], client: TestClient) -> None:
    """Signed 299 s ahead of the service's clock, a request could be shown for 599 s; others come in between."""
    rig, _, said_it = said
    other = rig.enrol(DeviceKind.LANE, "S2")
    rig.clock.move(-299)
    assert said_it.right.send(client).status_code in (200, 204)
    for step in (100, 190, 200, 100):
        rig.clock.move(step)
        assert rig.signed(other, "GET", "/v1/prices?station=S2").send(client).status_code == 200
        assert said_it.right.send(client).status_code == 401


TAMPERED: dict[str, Callable[[Parcel], Parcel]] = {
    "method": lambda p: replace(p, method="POST" if p.method == "GET" else "PUT"),
    "path": lambda p: replace(p, target=p.target + "/"),
    "query": lambda p: replace(p, target=p.target + ("&" if "?" in p.target else "?") + "x=1"),
    "body": lambda p: replace(p, body=p.body + b" "),
    "no digest": lambda p: replace(p.changed(content_digest=None), body=p.body + b"{}"),
    "content type": lambda p: p.changed(content_type="text/plain"),
    "host": lambda p: p.changed(host="elsewhere.example"),
    "signature": lambda p: p.changed(signature="greenlane=:" + "A" * 86 + "==:"),
    "created": lambda p: p.changed(signature_input=p.headers["Signature-Input"].replace("created=1", "created=2")),
    "parts left out": lambda p: p.changed(signature_input=p.headers["Signature-Input"].replace('"@path" ', "")),
    "tag": lambda p: p.changed(signature_input=p.headers["Signature-Input"].replace('tag="greenlane"', 'tag="x"')),
    "two signatures": lambda p: p.changed(
        signature_input=p.headers["Signature-Input"] + ", b=" + p.headers["Signature-Input"].partition("=")[2],
        signature=p.headers["Signature"] + ", b=" + p.headers["Signature"].partition("=")[2],
    ),
}


@pytest.mark.sample(11)
@pytest.mark.parametrize("how", TAMPERED)
def test_tampered(said: tuple[ServiceRig, KeyPair, Said], client: TestClient, how: str) -> None:
    rig, _, said_it = said
    spoilt = TAMPERED[how](said_it.right)
    before = written(rig)
    answer = spoilt.send(client)
    if how == "content type" and not said_it.right.body:
        return
    assert answer.status_code in (400, 401), answer.text
    assert written(rig) == before
    assert said_it.right.send(client).status_code in (200, 204), "the spoilt one must not have burnt the nonce"


@pytest.mark.parametrize(
    "left", [{"signature": None}, {"signature_input": None}, {"signature": None, "signature_input": None}]
)
def test_unsigned(said: tuple[ServiceRig, KeyPair, Said], client: TestClient, left: dict[str, None]) -> None:
    rig, _, said_it = said
    before = written(rig)
    answer = said_it.right.changed(**left).send(client)
    assert answer.status_code in (400, 401)
    assert answer.json()["code"] in ("unauthenticated", "malformed")
    assert written(rig) == before


@pytest.mark.sample(5)
def test_revoked_at_once_in_every_worker(said: tuple[ServiceRig, KeyPair, Said], client: TestClient) -> None:
    rig, key, said_it = said
    device = next(d.id for d in rig.identity.devices.list() if key.key_id in d.keys)
    other_worker = create_app(rig.url, rig.clock, guard=Guard(hasher=CHEAP))
    with TestClient(other_worker) as second:
        assert said_it.right.send(second).status_code in (200, 204)
        rig.identity.devices.revoke(device, "test")
        resigned = rig.signed(key, "GET", "/v1/prices?station=S1")
        for at in (client, second):
            assert said_it.right.send(at).status_code == 401
            refused(rig, at, resigned, 401, "revoked")


def test_an_unknown_key(said: tuple[ServiceRig, KeyPair, Said], client: TestClient) -> None:
    rig, key, said_it = said
    stranger = KeyPair.make()
    parcel = said_it.right
    swapped = parcel.headers["Signature-Input"].replace(key.key_id, stranger.key_id)
    refused(rig, client, parcel.changed(signature_input=swapped), 401, "no device has been enrolled")
    refused(
        rig,
        client,
        parcel.changed(signature_input=parcel.headers["Signature-Input"].replace(key.key_id, key_id(bytes(32)))),
        401,
        "no device has been enrolled",
    )


def test_for_another_station(said: tuple[ServiceRig, KeyPair, Said], client: TestClient) -> None:
    rig, _, said_it = said
    if said_it.elsewhere is not None:
        refused(rig, client, said_it.elsewhere, 403, "this key speaks for station S1")


def test_oversized(said: tuple[ServiceRig, KeyPair, Said], client: TestClient) -> None:
    rig, _, said_it = said
    refused(rig, client, replace(said_it.right, body=b"x" * 65_537), 413, "at most 65536 bytes")
    long = said_it.right.headers["Signature-Input"] + ";x=" + "1" * 1024
    refused(rig, client, said_it.right.changed(signature_input=long), 413, "at most 1024 characters")


@pytest.mark.sample(3)
@pytest.mark.parametrize("rule", DEVICE_RULES, ids=lambda rule: f"{rule.method} {rule.path}")
@pytest.mark.parametrize("kind", DeviceKind)
def test_only_the_kinds_of_the_rule(rig: ServiceRig, client: TestClient, rule: object, kind: DeviceKind) -> None:
    key = rig.enrol(kind)
    said_it = say(rig, key, rule.method, rule.path)  # type: ignore[attr-defined]
    if kind in rule.kinds:  # type: ignore[attr-defined]
        assert said_it.right.send(client).status_code in (200, 204)
    else:
        refused(rig, client, said_it.right, 403, f"a {kind.value}'s key may not say this")


def test_a_lane_does_not_speak_for_its_neighbour(rig: ServiceRig, client: TestClient) -> None:
    key = rig.enrol(DeviceKind.LANE, lane="L2")
    for target, body in (("/v1/authorisations", question()), ("/v1/fuellings", fuelling())):
        refused(rig, client, rig.signed(key, "POST", target, body), 403, "this key speaks for lane L2")
    held = authorise(rig, "S1", "L1")
    for verb in ("renew", "release"):
        parcel = rig.signed(key, "POST", f"/v1/authorisations/{held}/{verb}", {})
        refused(rig, client, parcel, 403, "this key speaks for lane L2")


def test_a_panel_only_asks_about_typed_plates(rig: ServiceRig, client: TestClient) -> None:
    key = rig.enrol(DeviceKind.PANEL)
    refused(rig, client, rig.signed(key, "POST", "/v1/authorisations", question(typed=False)), 403, "typed")


def test_a_station_speaks_for_all_its_lanes(rig: ServiceRig, client: TestClient) -> None:
    key = rig.enrol(DeviceKind.STATION)
    for lane in ("L1", "L2", "L17"):
        parcel = rig.signed(key, "POST", "/v1/authorisations", question(lane=lane, visit=f"v{rig.number()}"))
        assert parcel.send(client).status_code == 200


def test_what_has_no_rule_is_closed(rig: ServiceRig, client: TestClient) -> None:
    key = rig.enrol(DeviceKind.STATION)
    refused(rig, client, rig.signed(key, "GET", "/v1/everything"), 403, "nothing here")
    refused(rig, client, rig.signed(key, "DELETE", "/v1/fuellings"), 403, "nothing here")
    assert client.get("/v1/everything").status_code == 401


def test_a_malformed_report_of_a_known_device_is_kept_for_the_operators(rig: ServiceRig, client: TestClient) -> None:
    key = rig.enrol(DeviceKind.LANE)
    before = written(rig)
    answer = rig.signed(key, "POST", "/v1/fuellings", {"station": "S1"}).send(client)
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed")
    assert written(rig)[2] == before[2] + 1


def test_hosts_that_are_not_ours(tmp_path: Path) -> None:
    guard = Guard(gate=GateRules(hosts=frozenset({"books.example"})), hasher=CHEAP)
    rig = ServiceRig(tmp_path, guard)
    key = rig.enrol(DeviceKind.LANE)
    with TestClient(rig.app) as client:
        wrong = rig.signed(key, "GET", "/v1/prices?station=S1", host="station.example")
        refused(rig, client, wrong, 401, "this service is not station.example")
        right = rig.signed(key, "GET", "/v1/prices?station=S1", host="books.example")
        assert right.send(client).status_code == 200


def through(rig: ServiceRig, rules: GateRules, parts: list[bytes], pause_s: float = 0.0) -> int:
    """The status of a signed-looking request whose body comes in parts, straight through the gate."""
    sent: list[int] = []

    async def receive() -> Message:
        await asyncio.sleep(pause_s)
        body = parts.pop(0)
        return {"type": "http.request", "body": body, "more_body": bool(parts)}

    async def send(message: Message) -> None:
        sent.append(message.get("status", 0))

    async def nobody(scope: Scope, receive: Receive, send: Send) -> None:
        raise AssertionError("let in")

    gate = SignatureGate(nobody, keys=rig.identity.keys, now=rig.clock.now, rules=rules)
    headers = [(b"host", b"testserver"), (b"signature", b"x"), (b"transfer-encoding", b"chunked")]
    scope = {"type": "http", "method": "POST", "path": "/v1/fuellings", "headers": headers, "query_string": b""}
    asyncio.run(gate(scope, receive, send))
    return sent[0]


def test_bodies_that_trickle_or_never_end(rig: ServiceRig) -> None:
    assert through(rig, GateRules(), [b"x" * 30_000] * 3) == 413
    assert through(rig, GateRules(), [b"x"] * 3) == 400
    assert through(rig, GateRules(body_timeout_s=0.05), [b"x"] * 1000, pause_s=0.02) == 408


def test_no_socket_slips_past_the_gate(rig: ServiceRig) -> None:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    async def nobody(scope: Scope, receive: Receive, send: Send) -> None:
        raise AssertionError("let in")

    gate = SignatureGate(nobody, keys=rig.identity.keys, now=rig.clock.now, rules=GateRules())
    asyncio.run(gate({"type": "websocket", "path": "/v1/fuellings", "headers": []}, receive, send))
    assert sent == [{"type": "websocket.close", "code": 1008}]


def test_where_unsigned_is_allowed_a_wrong_signature_is_still_refused(tmp_path: Path) -> None:
    rig = ServiceRig(tmp_path, replace(EMBEDDED, hasher=CHEAP))
    key = rig.enrol(DeviceKind.LANE)
    with TestClient(rig.app) as client:
        assert client.get("/v1/prices?station=S1").status_code == 200
        spoilt = replace(rig.signed(key, "GET", "/v1/prices?station=S1"), target="/v1/prices?station=S2")
        refused(rig, client, spoilt, 401, "")


FOREIGN: list[tuple[dict[str, str], str]] = [
    ({"X-Forwarded-For": "203.0.113.9"}, "proxy"),
    ({"X-Forwarded-Proto": "https"}, "proxy"),
    ({"X-Real-IP": "203.0.113.9"}, "proxy"),
    ({"Forwarded": "for=203.0.113.9"}, "proxy"),
    ({"Via": "1.1 nginx"}, "proxy"),
    ({"Host": "pay.example"}, "host"),
    ({"Host": "203.0.113.9:8080"}, "host"),
    ({"Origin": "http://evil.example"}, "origin"),
    ({"Origin": "null"}, "origin"),
    ({"Sec-Fetch-Site": "cross-site"}, "origin"),
]
"""What a page of another site or an undeclared proxy sends along, and the word that names it."""


@pytest.mark.sample(3)
@pytest.mark.parametrize(("headers", "word"), FOREIGN)
def test_unsigned_requests_are_taken_from_programs_alone(tmp_path: Path, headers: dict[str, str], word: str) -> None:
    rig = ServiceRig(tmp_path, replace(EMBEDDED, hasher=CHEAP))
    with TestClient(rig.app) as client:
        for path, body in (("/v1/authorisations", question()), ("/v1/fuellings", fuelling())):
            answer = client.post(path, json=body, headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
            assert word in answer.json()["detail"]
        assert client.get("/v1/prices?station=S1", headers=headers).status_code == 403
        near = TestClient(rig.app, client=("127.0.0.1", 1))
        assert near.get("/metrics", headers=headers).status_code == 403
        assert near.get("/metrics").status_code == 200


@pytest.mark.parametrize("origin", ["http://[::1", "http://evil.example", "null", "//"])
def test_a_form_with_an_origin_that_is_not_ours_is_refused_in_words(tmp_path: Path, origin: str) -> None:
    rig = ServiceRig(tmp_path, replace(EMBEDDED, hasher=CHEAP))
    with TestClient(rig.app, raise_server_exceptions=False) as client:
        assert client.post("/login", data={"a": "b"}, headers={"Origin": origin}).status_code == 403


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
def test_an_unsigned_body_is_json_by_its_type(tmp_path: Path, kind: str) -> None:
    """A foreign page can send the other three without asking first."""
    rig = ServiceRig(tmp_path, replace(EMBEDDED, hasher=CHEAP))
    with TestClient(rig.app) as client:
        answer = client.post("/v1/authorisations", content=json.dumps(question()), headers={"Content-Type": kind})
        assert answer.status_code == 403
        assert "content-type" in answer.json()["detail"]
        assert client.post("/v1/authorisations", json=question()).status_code == 200


@pytest.mark.parametrize("listening", [Listening(), Listening(trusted_proxies=("127.0.0.1",))])
def test_nothing_is_open_by_itself(tmp_path: Path, listening: Listening) -> None:
    """Not on loopback, not before the first device, and the metrics neither."""
    rig = ServiceRig(tmp_path, replace(listening.guard(), hasher=CHEAP))
    with TestClient(rig.app, client=("127.0.0.1", 1)) as client:
        assert client.post("/v1/authorisations", json=question()).status_code == 401
        assert client.get("/v1/prices?station=S1").status_code == 401
        assert client.get("/metrics").status_code == 403


@pytest.mark.parametrize("named", ["", "h:8080"])
def test_a_signature_is_not_taken_for_another_request(tmp_path: Path, named: str) -> None:
    """The Host header carries a path: glued to the request's own it renewed A0 where A1 was released."""
    rig = ServiceRig(tmp_path, Guard(GateRules(hosts=frozenset(filter(None, [named]))), hasher=CHEAP))
    key = rig.enrol(DeviceKind.LANE)
    first, second = authorise(rig, "S1", "L1"), authorise(rig, "S1", "L1")
    good = rig.signed(key, "POST", f"/v1/authorisations/{first}/renew", {}, host="h:8080")
    host = f"h:8080/v1/authorisations/{first}/renew#"
    evil = replace(good, target=f"/v1/authorisations/{second}/release").changed(Host=None)
    evil = replace(evil, headers=dict(evil.headers) | {"Host": host})
    with TestClient(rig.app) as client:
        answer = evil.send(client)
        assert (answer.status_code, answer.json()["code"]) == (400, "malformed")
        view = RequestView("POST", host, evil.target, tuple(evil.headers.items()), evil.body)
        with pytest.raises(SignatureRefused):
            verify(view, lambda _: rig.identity.keys.find(key.key_id).public_key, rig.clock.now())
        assert good.send(client).status_code == 200
