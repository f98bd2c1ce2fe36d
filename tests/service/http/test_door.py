"""What is not text stays outside, and whatever goes wrong inside is answered in the service's own error record."""

from __future__ import annotations

import asyncio
import json
import re
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal

import pytest
from argon2 import PasswordHasher
from starlette.requests import ClientDisconnect, Request
from starlette.types import Message as AsgiMessage

from service.books.batch_worker import BatchWorker
from service.books.books import Books
from service.books.messages import Answer, Ask, Message, Renew
from service.books.rows.rejects import LONGEST_KEPT, MOST_A_DAY
from service.http.batches import Batches
from service.http.bodies import parse
from service.http.door import Door, is_host
from service.http.problems import LONGEST_DETAIL
from service.identity.guard import Guard
from service.identity.signed.rules import RULES
from service.reports.statement import rejected
from service.server import running
from service.store.database import Database
from tests.service.identity.kit import CHEAP, MovingClock, Parcel, ServiceRig, fuelling, question, signed
from tests.service.raw_http import PATIENCE_S, RawAnswer, head, say
from wire.codec import WireError, decode, encode
from wire.devices import DeviceKind
from wire.questions import Decision, Question
from wire.reasons import ErrorCode

BODIES = [
    b'{"\\ud800":1,"station":"S1","lane":"L1"}',
    b'{"station":"\\ud800","lane":"L1"}',
    b'{"station":"S1","lane":"L1","visit":"\\u0000"}',
    b'{"station":"S1","lane":"L1","x":["\\udfff"]}',
    '{"station":"S1","lane":"L1","x":{"y":"\ud800"}}'.encode("utf-8", "surrogatepass"),
    b'{"station":"S1","lane":"L1","confidence":NaN}',
    b'{"station":"S1","lane":"L1","confidence":1' + b"0" * 4999 + b"}",
    b"[" * 30_000,
    b'{"a":' * 9_000,
    '{"station":"S1","lane":"L1"}'.encode("utf-16"),
    b'{"station":"S1","lane":"L1","x":{"per_fill_fen":20000,"per_fill_fen":999}}',
    b"\xef\xbb\xbf{}",
    b"\xff\xfe",
    b"null",
    b"",
    b'{"code":"' + b"A" * 40_000 + b'","public_key":"\\ud800"}',
]
TARGETS = [
    b"/v1/prices?station=%00",
    b"/v1/prices?station=%ED%A0%80",
    b"/v1/prices?%00=1",
    b"/v1/prices?station=%1b[2J",
    b"/v1/authorisations/%00/renew",
    b"/v1/authorisations/%ff/release",
    b"/panel/%00",
    b"/station/visits/%0a",
]
HOSTS = [
    "h:80/v1/authorisations/A0/renew#",
    "h:80#",
    "a b",
    "user@h",
    "h?x",
    "h:99999",
    "h:",
    "[::1",
    "[fe80::1%25eth0]",
    "h\\x",
    "-",
    "h,h2",
    "\x9b",
    "h" * 300,
]


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> ServiceRig:
    return ServiceRig(tmp_path_factory.mktemp("door"), Guard(hasher=CHEAP))


@pytest.fixture(scope="module")
def port(rig: ServiceRig) -> Iterator[int]:
    with running(rig.app) as url:
        yield int(url.rpartition(":")[2])


def send(port: int, parcel: Parcel) -> RawAnswer:
    headers = [(name, value) for name, value in parcel.headers.items() if name.lower() != "content-length"]
    return say(port, head(parcel.method, parcel.target.encode(), headers, parcel.body))


def spoilt(rig: ServiceRig, key: object, path: str, body: bytes) -> Parcel:
    """A body that no honest client sends, signed with a key that is good."""
    import requests

    from controller.outbound.signing import Signer

    request = requests.Request("POST", f"http://testserver{path}", data=body or None).prepare()
    request.headers["Content-Type"] = "application/json"
    Signer(key, rig.clock)(request)  # type: ignore[arg-type]
    return Parcel("POST", path, dict(request.headers) | {"Host": "testserver"}, body)


@pytest.mark.slow
def test_a_body_that_is_no_text_is_malformed_on_every_route(rig: ServiceRig, port: int) -> None:
    lane = rig.enrol(DeviceKind.LANE)
    station = rig.enrol(DeviceKind.STATION, lane=None)
    for rule in RULES:
        if rule.method != "POST":
            continue
        key = lane if DeviceKind.LANE in rule.kinds else station
        for body in BODIES:
            answer = send(port, spoilt(rig, key, rule.path.replace("{id}", "a-1"), body))
            assert answer.error is not None, (rule.path, body[:60], answer)
            assert 400 <= answer.status < 500, (rule.path, body[:60], answer)
            assert answer.error["detail"].isprintable()
            assert len(answer.error["detail"]) <= LONGEST_DETAIL


def test_a_stranger_with_such_a_body_is_told_so(port: int) -> None:
    for body in BODIES:
        answer = say(port, head("POST", b"/v1/enrolments", [("Host", "h")], body))
        assert answer.error is not None
        assert answer.status in (400, 401, 413)


@pytest.mark.parametrize("target", TARGETS)
def test_paths_and_queries_are_text(port: int, target: bytes) -> None:
    for method in ("GET", "POST"):
        answer = say(port, head(method, target, [("Host", "h")]))
        assert answer.status == 400
        assert answer.error is not None
        assert answer.error["code"] == "malformed"


@pytest.mark.parametrize("host", HOSTS)
def test_a_malformed_host_is_refused_everywhere(port: int, host: str) -> None:
    assert not is_host(host)
    for target in (b"/v1/prices?station=S1", b"/healthz", b"/login", b"/nowhere"):
        answer = say(port, head("GET", target, [("Host", host.encode("latin-1"))]))
        assert answer.status == 400


def test_two_hosts_are_none(port: int) -> None:
    assert say(port, head("GET", b"/healthz", [("Host", "a"), ("Host", "a")])).status == 400


@pytest.mark.parametrize("host", ["h", "h:8080", "books.example", "10.0.0.5:8443", "[::1]:8080", "my_host.local."])
def test_an_honest_host_is_taken(port: int, host: str) -> None:
    assert say(port, head("GET", b"/healthz", [("Host", host)])).status == 200


def test_the_frameworks_own_refusals_are_the_services_too(port: int) -> None:
    for method, target, status in (
        ("GET", b"/nowhere", 404),
        ("DELETE", b"/healthz", 405),
        ("PUT", b"/login", 405),
        ("GET", b"/static/none", 404),
        ("POST", b"/static/page.css", 405),
        ("GET", b"/static/../../service/app.py", 404),
        ("GET", b"/healthz/", 404),
        ("POST", b"/v1/prices", 401),
        ("GET", b"/v1/", 401),
        ("TRACE", b"/healthz", 405),
        ("GET", b"/station", 401),
    ):
        answer = say(port, head(method, target, [("Host", "h")]))
        assert (answer.status, answer.error is not None) == (status, True), (method, target, answer)


def test_honest_neighbours_notice_nothing(rig: ServiceRig, port: int) -> None:
    """60 hostile bodies, signed by a lane of another station, among 60 honest questions."""
    honest, evil = rig.enrol(DeviceKind.LANE), rig.enrol(DeviceKind.LANE, "S2", "L2")
    asked = [rig.signed(honest, "POST", "/v1/authorisations", question(visit=f"n{rig.number()}")) for _ in range(60)]
    poisoned = [spoilt(rig, evil, "/v1/authorisations", BODIES[n % 4]) for n in range(60)]
    mixed = [one for pair in zip(poisoned, asked, strict=True) for one in pair]
    with ThreadPoolExecutor(24) as pool:
        answers = list(pool.map(lambda parcel: send(port, parcel), mixed))
    assert [answer.status for answer in answers[1::2]] == [200] * 60
    assert {answer.status for answer in answers[::2]} == {400}


class Poisoned(Books):
    """Books in which one plate makes the whole batch fail in a way that nobody planned."""

    def carry_out(self, messages: Sequence[Message]) -> list[Answer]:
        if any(isinstance(m, Ask) and m.question.lane == "EVIL" for m in messages):
            raise UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogates not allowed")
        return super().carry_out(messages)


def test_a_message_that_fails_in_an_unplanned_way_fails_alone(sqlite_url: str, tmp_path: Path) -> None:
    ServiceRig(tmp_path, url=sqlite_url)
    books = Poisoned(Database(sqlite_url), MovingClock())
    worker = BatchWorker(books)

    async def scene() -> list[object]:
        worker.start()
        asked = [Ask(decode(Question, question(visit=f"v{n}", lane="EVIL" if n % 3 == 0 else "L1"))) for n in range(9)]
        found = await asyncio.gather(*map(worker.carry_out, [*asked, Renew("none")]), return_exceptions=True)
        await asyncio.to_thread(worker.close)
        return list(found)

    found = asyncio.run(scene())
    books.database.close()
    failed = [n for n, one in enumerate(found) if isinstance(one, Exception)]
    assert failed == [0, 3, 6]
    assert sum(isinstance(one, Decision) for one in found) == 6


def test_an_item_that_fails_a_batch_fails_alone() -> None:
    def work(items: Sequence[str]) -> Sequence[str]:
        if "bad" in items:
            raise ValueError("nobody planned this")
        return items

    async def scene() -> list[object]:
        echo = Batches(work)
        return list(await asyncio.gather(*map(echo.put, ("a", "bad", "b")), return_exceptions=True))

    first, failed, last = asyncio.run(scene())
    assert (first, last) == ("a", "b")
    assert isinstance(failed, ValueError)


def call(app: object, receive: object) -> list[AsgiMessage]:
    sent: list[AsgiMessage] = []

    async def keep(message: AsgiMessage) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/x", "raw_path": b"/x", "headers": [], "query_string": b""}
    asyncio.run(app(scope, receive, keep))  # type: ignore[operator]
    return sent


def test_whatever_is_raised_is_answered_once_in_the_own_record(caplog: pytest.LogCaptureFixture) -> None:
    async def failing(*_: object) -> None:
        raise RuntimeError("a secret")

    door = Door(failing)
    for _ in range(3):
        start, body = call(door, None)
        assert start["status"] == 500
        assert json.loads(body["body"])["code"] == ErrorCode.INTERNAL
        assert "secret" not in body["body"].decode()
    assert len([record for record in caplog.records if record.name == "service.http.door"]) == 1


def test_a_client_that_goes_away_is_no_error(rig: ServiceRig, port: int, caplog: pytest.LogCaptureFixture) -> None:
    for target in (b"/v1/fuellings", b"/login", b"/logout"):
        start = b"POST %b HTTP/1.1\r\nHost: h\r\nContent-Length: 500\r\n" % target
        start += b"Content-Type: application/x-www-form-urlencoded\r\nOrigin: http://h\r\n\r\nhalf"
        with socket.create_connection(("127.0.0.1", port)) as gone:
            gone.sendall(start)
    assert say(port, head("GET", b"/healthz", [("Host", "h")])).status == 200
    exposition = rig.app.state.metrics.exposition().decode()
    assert not re.search(r'status="500"', exposition)
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []

    async def disconnected() -> AsgiMessage:
        return {"type": "http.disconnect"}

    async def reading(scope: object, receive: object, _send: object) -> None:
        with pytest.raises(ClientDisconnect):
            await Request(scope, receive).body()  # type: ignore[arg-type]
        raise ClientDisconnect

    assert call(Door(reading), disconnected) == []


def test_what_cannot_be_read_is_kept_as_printable_text(rig: ServiceRig, port: int) -> None:
    key = rig.enrol(DeviceKind.LANE)
    for body in BODIES:
        assert 400 <= send(port, spoilt(rig, key, "/v1/fuellings", body)).status < 500
    right = signed(key, rig.clock, "POST", "/v1/fuellings", fuelling(sequence=rig.number()))
    assert send(port, right).status == 200
    kept = rejected(rig.app.state.database, None, None)
    assert len(kept) >= len(BODIES) - 1
    assert all("\x00" not in one["body"] for one in kept)


def test_escaped_letters_are_text() -> None:
    said = encode(decode(Question, question()))
    escaped = json.dumps(said, ensure_ascii=True).encode()
    assert b"\\u7ca4" in escaped
    assert decode(Question, parse(escaped)) == decode(Question, said)
    assert parse(b'{"a":"\\ud83d\\ude97"}') == {"a": "\U0001f697"}
    with pytest.raises(WireError):
        parse(b'{"a":"\\ud83d"}')


@pytest.mark.slow
def test_questions_do_not_wait_for_passwords(tmp_path: Path) -> None:
    """Sixty log-ins hang in their hashing; a question passes them all. With a common pool it waited for some."""

    class Hanging(PasswordHasher):
        released = threading.Event()

        def verify(self, *_: object) -> Literal[True]:
            self.released.wait(PATIENCE_S)
            return True

    rig = ServiceRig(tmp_path, Guard(hasher=Hanging(time_cost=1, memory_cost=8, parallelism=1)))
    rig.identity.people._hashing = threading.BoundedSemaphore(100)
    lane = rig.enrol(DeviceKind.LANE)
    form = b"csrf=x&name=nobody&password=long-enough-to-be-one"
    headers = [("Host", "h"), ("Cookie", "greenlane-form=x"), ("Content-Type", "application/x-www-form-urlencoded")]
    with running(rig.app) as url, ThreadPoolExecutor(60) as pool:
        port = int(url.rpartition(":")[2])
        log_ins = [pool.submit(say, port, head("POST", b"/login", headers, form)) for _ in range(60)]
        while rig.identity.log_in_threads._waiting < 60:
            time.sleep(0.02)
        asked = rig.signed(lane, "POST", "/v1/authorisations", question(visit="between"))
        assert send(port, asked).status == 200
        assert not any(one.done() for one in log_ins), "the question came after"
        Hanging.released.set()
        assert {one.result().status for one in log_ins} <= {401, 429}


@pytest.mark.slow
def test_refused_reports_of_a_device_do_not_fill_the_disk(tmp_path: Path) -> None:
    rig = ServiceRig(tmp_path, Guard(hasher=CHEAP))
    key, other = rig.enrol(DeviceKind.LANE), rig.enrol(DeviceKind.LANE, "S2", "L2")
    with running(rig.app) as url:
        port = int(url.rpartition(":")[2])
        for number in range(MOST_A_DAY + 20):
            body = b'{"number":%d,"long":"%b"}' % (number, b"x" * 20_000)
            assert send(port, spoilt(rig, key, "/v1/fuellings", body)).status == 400
        assert send(port, spoilt(rig, other, "/v1/fuellings", b"{}")).status == 400
    kept = rejected(rig.app.state.database, None, None)
    assert len(kept) == MOST_A_DAY + 1
    assert max(len(one["body"]) for one in kept) <= LONGEST_KEPT
