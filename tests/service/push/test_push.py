"""Push wakes a phone and says nothing; what a push service does, or fails to do, changes nothing else."""

from __future__ import annotations

import base64
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateNumbers, derive_private_key
from fastapi.testclient import TestClient
from sqlalchemy import select

from service.errors import AdminError
from service.payers.phones import Phones
from service.push.encryption import encrypt
from service.push.hosts import SETTING, PushHosts, hosts_of_environment
from service.push.pusher import PushPace
from service.push.tables import push_subscriptions
from tests.service.identity.kit import ServiceRig
from tests.service.phone.kit import HttpPhone, fuel, person
from tests.service.push.push_service import WAIT_S, PushService, Receiver, claims_of, push_service, raw


@pytest.fixture
def service() -> Iterator[PushService]:
    with push_service() as made:
        yield made


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.database)])
def rig(
    request: pytest.FixtureRequest, tmp_path: Path, service: PushService, monkeypatch: pytest.MonkeyPatch
) -> ServiceRig:
    monkeypatch.setenv(SETTING, service.origin)
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path))
    url = None
    if request.param == "postgresql":
        template = request.getfixturevalue("migrated_template")
        url = str(request.getfixturevalue("cluster").database(template))
    made = ServiceRig(tmp_path, url=url)
    made.app.state.beside[-1].pace = PushPace(every_s=0.05, answer_s=WAIT_S)
    return made


@pytest.fixture
def client(rig: ServiceRig) -> Iterator[TestClient]:
    with TestClient(rig.app) as opened:
        yield opened


def subscribed(phone: HttpPhone, service: PushService, path: str = "/send/1") -> Receiver:
    receiver = Receiver()
    answer = phone.ask("POST", "/v1/phone/push", receiver.wanted(service.origin + path))
    assert answer.status_code == 204, answer.text
    assert phone.ask("GET", "/v1/phone/push").json()["on"] is True
    return receiver


def eventually(is_so: Callable[[], bool]) -> None:
    ends_s = time.monotonic() + WAIT_S
    while not is_so():
        assert time.monotonic() < ends_s
        time.sleep(0.02)


def rows(rig: ServiceRig) -> list[Any]:
    with rig.app.state.database.reading() as connection:
        return list(connection.execute(select(push_subscriptions)).all())


def test_the_example_of_the_standard() -> None:
    """RFC 8291, section 5 and appendix A."""
    own = derive_private_key(int.from_bytes(raw("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"), "big"), SECP256R1())
    assert isinstance(own.private_numbers(), EllipticCurvePrivateNumbers)
    receiver = raw("BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4")
    made = encrypt(
        b"When I grow up, I want to be a watermelon",
        receiver,
        raw("BTBZMqHH6r4Tts7J_aSIgg"),
        own=own,
        salt=raw("DGv6ra1nlYgDCS1FRnbzlw"),
    )
    assert made == raw(
        "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_"
        "yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
    )


def test_a_charge_wakes_its_payer_s_phone_alone_and_says_nothing(
    rig: ServiceRig, client: TestClient, service: PushService
) -> None:
    chen, wu = person(rig, client, "Chen", plate="粤B00001"), person(rig, client, "Wu", plate="粤B00002")
    receiver, other = subscribed(chen, service, "/send/chen"), subscribed(wu, service, "/send/wu")
    fuel(rig, 7_900, "粤B00001")
    (message,) = service.wait(1)
    assert message.path == "/send/chen"
    assert receiver.open(message.body) == b"look"
    with pytest.raises(InvalidTag):
        other.open(message.body)
    key = chen.ask("GET", "/v1/phone/push").json()["public_key"]
    claims = claims_of(message, key)
    assert claims["aud"] == service.origin
    assert 0 < claims["exp"] - rig.clock.now().timestamp() <= 24 * 3600
    assert {name: message.headers[name] for name in ("Content-Encoding", "Urgency", "Topic")} == {
        "Content-Encoding": "aes128gcm",
        "Urgency": "high",
        "Topic": "look",
    }
    eventually(lambda: [row.failures for row in rows(rig) if row.key == chen.key_id and row.next_us is None] == [0])
    (charge,) = chen.ask("GET", "/v1/phone/charges").json()
    assert chen.say(charge["id"], 7_900).json()["state"] == "paid"
    assert chen.ask("GET", "/v1/phone/charges").status_code == 200, "the phone looks, as its page does after each word"
    assert rig.app.state.push_subscriptions.behind() == [], "who has looked is not woken"
    fuel(rig, 3_950, "粤B00002")
    eventually(lambda: "/send/wu" in [one.path for one in service.messages])
    file = rig.app.state.push_key.path
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.slow
def test_who_is_gone_is_forgotten_and_who_fails_is_tried_again(
    rig: ServiceRig, client: TestClient, service: PushService
) -> None:
    chen, wu = person(rig, client, "Chen", plate="粤B00001"), person(rig, client, "Wu", plate="粤B00002")
    subscribed(chen, service)
    service.status = 410
    fuel(rig, 7_900, "粤B00001")
    service.wait(1)
    eventually(lambda: rows(rig) == [])
    assert chen.ask("GET", "/v1/phone/push").json()["on"] is False
    assert len(chen.ask("GET", "/v1/phone/charges").json()) == 1
    subscribed(wu, service)
    service.status = 500
    fuel(rig, 7_900, "粤B00002")
    service.wait(2)
    eventually(lambda: [row.failures for row in rows(rig)] == [1])
    service.status = 201
    rig.clock.move(31)
    service.wait(3)
    eventually(lambda: [(row.failures, row.next_us) for row in rows(rig)] == [(0, None)])


@pytest.mark.slow
def test_a_push_service_that_never_answers_delays_and_loses_nothing(
    rig: ServiceRig, client: TestClient, service: PushService
) -> None:
    phone = person(rig, client, "Chen")
    pusher = rig.app.state.beside[-1]
    pusher.pace = PushPace(pusher.pace.every_s, answer_s=0.5)
    subscribed(phone, service)
    service.status = None
    fuel(rig, 7_900)
    service.wait(1)
    for _ in range(20):
        fuel(rig, 790)
    assert len(phone.ask("GET", "/v1/phone/charges").json()) == 21, "posted and in the inbox while the message hangs"
    fuel(rig, 1_580)
    eventually(lambda: [row.failures for row in rows(rig)] == [1])
    pusher.pace = PushPace(pusher.pace.every_s, answer_s=WAIT_S)
    service.status = 201
    rig.clock.move(61)
    service.wait(2)
    eventually(lambda: [(row.failures, row.next_us) for row in rows(rig)] == [(0, None)])


def test_a_revoked_phone_and_one_that_wants_no_more_are_not_woken(
    rig: ServiceRig, client: TestClient, service: PushService
) -> None:
    chen, wu = person(rig, client, "Chen", plate="粤B00001"), person(rig, client, "Wu", plate="粤B00002")
    for phone in (chen, wu):
        subscribed(phone, service)
    Phones(rig.app.state.books, "test").revoke("Chen")
    assert wu.ask("POST", "/v1/phone/push/off", {}).status_code == 204
    assert wu.ask("GET", "/v1/phone/push").json()["on"] is False
    for plate in ("粤B00001", "粤B00002"):
        fuel(rig, 7_900, plate)
    eventually(lambda: rows(rig) == [])
    assert service.messages == []


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://fcm.googleapis.com/send/1",
        "https://fcm.googleapis.com:8443/send/1",
        "https://fcm.googleapis.com.evil.test/send/1",
        "https://evilfcm.googleapis.com.test/",
        "https://user@fcm.googleapis.com/send/1",
        "https://127.0.0.1/",
        "http://169.254.169.254/latest/meta-data",
        "file:///etc/passwd",
        "https://[::1]/",
        "https://fcm.googleapis.com:x/",
    ],
)
def test_the_service_is_sent_nowhere_but_to_push_services(endpoint: str) -> None:
    with pytest.raises(Exception, match="endpoint"):
        PushHosts().require(endpoint)


@pytest.mark.parametrize("host", ["fcm.googleapis.com", "updates.push.services.mozilla.com", "api.push.apple.com"])
def test_those_of_the_browsers_are_known(host: str) -> None:
    PushHosts().require(f"https://{host}/send/1")
    PushHosts(("push.example",)).require("https://cn.push.example/send/1")


@pytest.mark.parametrize(
    ("text", "endpoint"),
    [
        ("Push.Example.", "https://cn.push.example/1"),
        ("HTTPS://Push.Example/", "https://push.example/1"),
        ("https://push.example:443", "https://push.example/1"),
        ("https://push.example:8443", "https://PUSH.example:8443/1"),
        ("推送.cn", "https://xn--jzu200h.cn/1"),
    ],
)
def test_a_push_host_is_taken_however_it_is_written(monkeypatch: pytest.MonkeyPatch, text: str, endpoint: str) -> None:
    monkeypatch.setenv(SETTING, f" {text} ,")
    hosts_of_environment().require(endpoint)


@pytest.mark.parametrize(
    "text", ["*.push.example", ".push.example", "push.example:8443", "push.example/x", "https://push.example/x", "a b"]
)
def test_a_push_host_that_no_address_matches_is_told_at_the_start(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv(SETTING, text)
    with pytest.raises(AdminError, match="write a host, such as"):
        hosts_of_environment()


def test_keys_that_are_none_are_refused(rig: ServiceRig, client: TestClient, service: PushService) -> None:
    phone = person(rig, client, "Chen")
    good = Receiver().wanted(f"{service.origin}/1")
    off_the_curve = base64.urlsafe_b64encode(b"\x04" + b"\x01" * 64).decode().rstrip("=")
    nowhere = ({"endpoint": "https://example.org/"}, {"endpoint": f"{service.origin}/a b"})
    for changes in ({"p256dh": "A" * 87}, {"p256dh": off_the_curve}, {"auth": "!" * 22}, *nowhere):
        answer = phone.ask("POST", "/v1/phone/push", good | changes)
        assert (answer.status_code, answer.json()["code"]) == (400, "malformed"), changes
    assert phone.ask("GET", "/v1/phone/push").json()["on"] is False
