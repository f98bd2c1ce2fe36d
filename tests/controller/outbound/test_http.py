"""The client against a real server that lies, stalls, cuts and babbles."""

from __future__ import annotations

import json
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from controller.errors import ClientError, Rejected, ServiceFault, ServiceSilent, SettingsError
from controller.outbound.http import Answer, HttpBalanceService, understood
from tests.controller.hostile import Connection, HostileServer, serving
from tests.standstill import Standstill
from wire.codec import encode
from wire.fuellings import Fuelling, FuellingReceipt, Price
from wire.questions import Decision, Question
from wire.reasons import Reason, Verdict

WHEN = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)
QUESTION = Question(
    visit="v1", station="s", lane="1", plate="粤B12345", typed=False, captured_at=WHEN, confidence=0.99, weakest=0.98
)
ALLOWED = Decision(
    visit="v1",
    plate="粤B12345",
    decision=Verdict.ALLOW,
    reason=Reason.OK,
    authorisation="a/1",
    limit_fen=20000,
    expires_at=WHEN,
)
FUELLING = Fuelling(
    station="s",
    lane="1",
    dispenser="d1",
    sequence=7,
    visit="v1",
    authorisation="a/1",
    plate="粤B12345",
    started_at=WHEN,
    ended_at=WHEN,
    volume_ml=1000,
    amount_fen=800,
    unit_price_fen_per_l=800,
    product="92",
    totaliser_before_ml=0,
    totaliser_after_ml=1000,
)
RECEIPT = FuellingReceipt(
    dispenser="d1", sequence=7, charged_fen=800, captured_fen=800, overrun_fen=0, released_fen=19200, balance_fen=1
)
PRICE = Price(product="92", unit_price_fen_per_l=800)
DEADLINE_S = 30.0
GRACE_S = 0.25
"""What a busy machine may add to a deadline."""


def answering(body: Any, **how: Any) -> Callable[[Connection], None]:
    """Behaves: the same answer to every request of a connection that stays open."""

    def behave(connection: Connection) -> None:
        while connection.request() is not None:
            connection.answer(body, **how)

    return behave


def saying(raw: bytes) -> Callable[[Connection], None]:
    """Sends these bytes after the request and closes."""

    def behave(connection: Connection) -> None:
        connection.request()
        connection.send(raw)

    return behave


@pytest.fixture
def client() -> Iterator[Callable[[HostileServer], HttpBalanceService]]:
    made: list[HttpBalanceService] = []

    def make(server: HostileServer, **options: Any) -> HttpBalanceService:
        made.append(HttpBalanceService(server.url, "s", **options))
        return made[-1]

    yield make
    for one in made:
        one.close()


def ask(server: HostileServer, deadline_s: float = DEADLINE_S) -> Decision:
    service = HttpBalanceService(server.url, "s")
    try:
        return service.ask(QUESTION, deadline_s)
    finally:
        service.close()


def test_every_call_goes_where_the_service_expects_it(client: Any) -> None:
    def behave(connection: Connection) -> None:
        while (request := connection.request()) is not None:
            bodies = {
                "/v1/authorisations": encode(ALLOWED),
                "/v1/authorisations/a%2F1/renew": encode(ALLOWED),
                "/v1/fuellings": encode(RECEIPT),
                "/v1/prices?station=s": [encode(PRICE)],
            }
            if request[1].endswith("/release"):
                connection.send(b"HTTP/1.1 204 No Content\r\n\r\n")
            else:
                connection.answer(bodies[request[1]], content_type="application/json; charset=utf-8")

    with serving(behave) as server:
        service = client(server)
        assert service.ask(QUESTION, DEADLINE_S) == ALLOWED
        assert service.renew("a/1", DEADLINE_S) == ALLOWED
        service.release("a/1", DEADLINE_S)
        assert service.report(FUELLING, DEADLINE_S) == RECEIPT
        assert service.prices(DEADLINE_S) == (PRICE,)
    assert len(server.connections) == 1, "one connection is kept and used again"
    assert [r[0] for r in server.connections[0].requests] == ["POST", "POST", "POST", "POST", "GET"]


JSON_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
CUT = JSON_HEAD + b'Content-Length: 500\r\n\r\n{"visit": "v1"'
LONG = JSON_HEAD + b"\r\n[" + b"1," * 40_000 + b"1]"
WRONG = {
    "500": answering(encode(ALLOWED), status="500 Internal Server Error"),
    "503 with a code": answering({"code": "malformed", "detail": "x"}, status="503 Busy"),
    "a cut body": saying(CUT),
    "an empty 200": saying(JSON_HEAD + b"\r\n"),
    "204 to a question": saying(b"HTTP/1.1 204 No Content\r\n\r\n"),
    "a cut chunk": saying(JSON_HEAD + b"Transfer-Encoding: chunked\r\n\r\nff\r\n{"),
    "garbage": saying(bytes(range(256)) * 4),
    "HTML": answering(b"<html>log in</html>", content_type="text/html"),
    "JSON named HTML": answering(encode(ALLOWED), content_type="text/html"),
    "no content type": saying(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"),
    "broken JSON": answering(b'{"visit": '),
    "deep JSON": answering(b"[" * 60_000),
    "a huge number": answering(b'{"visit": ' + b"9" * 6000 + b"}"),
    "not UTF-8": answering(b'{"visit": "\xff"}'),
    "a key twice": answering(b'{"decision": "refuse", "decision": "allow"}'),
    "an unknown field": answering({**encode(ALLOWED), "more": 1}),
    "allowed without a limit": answering({**encode(ALLOWED), "limit_fen": None}),
    "too long": saying(LONG),
    "compressed": answering(b"\x1f\x8b", Content_Encoding="gzip"),
    "another visit": answering(encode(replace(ALLOWED, visit="v2"))),
    "another plate": answering(encode(replace(ALLOWED, plate="粤B54321"))),
    "a redirect": answering(b"", status="302 Found", Location="/v1/authorisations"),
    "a stranger's 404": answering(b"<html>404</html>", status="404 Not Found", content_type="text/html"),
    "a 404 without our codes": answering({"detail": "Not Found"}, status="404 Not Found"),
    "429": answering({"detail": "slow down"}, status="429 Too Many Requests"),
}


@pytest.mark.parametrize("behave", WRONG.values(), ids=WRONG.keys())
def test_a_wrong_answer_is_a_fault(behave: Callable[[Connection], None]) -> None:
    with serving(behave) as server, pytest.raises(ServiceFault):
        ask(server)


def test_a_redirect_is_not_followed() -> None:
    with serving(WRONG["a redirect"]) as server:
        with pytest.raises(ServiceFault):
            ask(server)
        assert sum(len(c.requests) for c in server.connections) == 1


def hang(connection: Connection) -> None:
    connection.request()
    connection.stop.wait(30)


def hang_at_accept(connection: Connection) -> None:
    connection.stop.wait(30)


def trickle_head(connection: Connection) -> None:
    connection.request()
    connection.trickle(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}", 0.2)


def trickle_body(connection: Connection) -> None:
    connection.request()
    connection.send(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 200\r\n\r\n")
    connection.trickle(b" " * 200, 0.2)


def endless_interim_answers(connection: Connection) -> None:
    connection.request()
    while not connection.stop.wait(0.05):
        connection.socket.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")


@pytest.mark.parametrize("behave", [hang, hang_at_accept, trickle_head, trickle_body, endless_interim_answers])
def test_the_deadline_holds_for_the_whole_call(behave: Callable[[Connection], None]) -> None:
    with serving(behave) as server:
        began_s = time.monotonic()
        with Standstill() as still, pytest.raises(ServiceSilent):
            ask(server, 0.6)
        assert time.monotonic() - began_s > 0.55
        assert still.took_s < 0.6 + GRACE_S


def test_an_overdue_call_ends_its_thread_and_its_connection(client: Any) -> None:
    """Though the server goes on trickling, each byte well within any time-out of the socket."""
    with serving(trickle_head) as server:
        before = set(threading.enumerate())
        with pytest.raises(ServiceSilent):
            client(server).ask(QUESTION, 0.5)
        calls = [t for t in threading.enumerate() if t not in before and t.name == "balance-call"]
        for thread in calls:
            thread.join(30)
        assert not any(thread.is_alive() for thread in calls)


@pytest.mark.parametrize("url", ["http://127.0.0.1:9", "http://nowhere.invalid"])
def test_no_connection_is_silence(url: str) -> None:
    service = HttpBalanceService(url, "s")
    with pytest.raises(ServiceSilent):
        service.ask(QUESTION, 2.0)


def test_a_server_that_closes_at_accept_is_silence() -> None:
    with serving(lambda connection: None) as server, pytest.raises(ServiceSilent):
        ask(server)


def test_a_hanging_name_server_cannot_pile_up_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    release = threading.Event()

    def hanging(*arguments: Any, **options: Any) -> Any:
        release.wait(30)
        raise socket.gaierror("no name")

    monkeypatch.setattr(socket, "getaddrinfo", hanging)
    service = HttpBalanceService("http://station.example", "s")
    messages = []
    for _ in range(12):
        with pytest.raises(ServiceSilent) as caught:
            service.ask(QUESTION, 0.02)
        messages.append(str(caught.value))
    assert sum("no complete answer" in m for m in messages) == 8
    assert sum("still hanging" in m for m in messages) == 4
    release.set()


def test_a_kept_connection_that_died_is_replaced_at_once(client: Any) -> None:
    """The server reads the second request of its first connection, then closes without an answer."""

    def behave(connection: Connection) -> None:
        connection.request()
        connection.answer(encode(ALLOWED))
        if connection.number > 1:
            connection.request()
            connection.answer(encode(ALLOWED))
        connection.request()

    with serving(behave) as server:
        service = client(server)
        assert [service.ask(QUESTION, DEADLINE_S) for _ in range(3)] == [ALLOWED] * 3
        assert len(server.connections) == 2


def test_a_new_connection_that_dies_is_not_tried_twice() -> None:
    with serving(saying(b"")) as server:
        with pytest.raises(ServiceSilent):
            ask(server)
        assert len(server.connections) == 1


def test_a_refusal_with_its_code_is_rejected() -> None:
    with serving(answering({"code": "key_reused", "detail": "other content"}, status="409 Conflict")) as server:
        with pytest.raises(Rejected) as caught:
            ask(server)
        assert (caught.value.reason, caught.value.detail) == ("key_reused", "other content")


def test_a_receipt_for_another_fuelling_is_a_fault(client: Any) -> None:
    with serving(answering(encode(replace(RECEIPT, sequence=8)))) as server, pytest.raises(ServiceFault):
        client(server).report(FUELLING, DEADLINE_S)


def test_a_renewal_of_another_authorisation_is_a_fault(client: Any) -> None:
    with serving(answering(encode(replace(ALLOWED, authorisation="a2")))) as server, pytest.raises(ServiceFault):
        client(server).renew("a/1", DEADLINE_S)


def test_each_attempt_is_signed_anew(client: Any) -> None:
    signed: list[str] = []

    def sign(request: Any) -> None:
        signed.append(request.url)
        request.headers["Signature"] = str(len(signed))

    def behave(connection: Connection) -> None:
        connection.request()
        connection.answer(encode(ALLOWED))
        connection.request()

    with serving(behave) as server:
        service = client(server, sign=sign)
        service.ask(QUESTION, DEADLINE_S)
        service.ask(QUESTION, DEADLINE_S)
        got = [r[2]["signature"] for c in server.connections for r in c.requests]
    assert sorted(got) == ["1", "2", "3"]


def test_a_proxy_of_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    with serving(answering(encode(ALLOWED))) as server:
        assert ask(server) == ALLOWED


def test_many_threads_share_one_client(client: Any) -> None:
    """Each gets the answer to its own question."""

    def behave(connection: Connection) -> None:
        while (request := connection.request()) is not None:
            connection.answer(encode(replace(ALLOWED, visit=json.loads(request[3])["visit"])))

    with serving(behave) as server:
        service = client(server)
        wrong: list[object] = []

        def work(number: int) -> None:
            for turn in range(20):
                question = replace(QUESTION, visit=f"v{number}-{turn}")
                try:
                    service.ask(question, DEADLINE_S)
                except ClientError as error:
                    wrong.append(error)

        threads = [threading.Thread(target=work, args=(n,)) for n in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert not wrong
    assert len(server.connections) <= 6


@pytest.mark.parametrize("url", ["ftp://x", "station:8080", "http://", "http://u:p@x", "http://x/?a=1", ""])
def test_a_url_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(SettingsError):
        HttpBalanceService(url, "s")


def test_a_missing_certificate_file_is_named_at_once(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"no file .*ca\.pem"):
        HttpBalanceService("https://127.0.0.1:1", "s", ca_file=str(tmp_path / "ca.pem"))


def test_a_closed_client_says_so(client: Any) -> None:
    with serving(answering(encode(ALLOWED))) as server:
        service = client(server)
        service.ask(QUESTION, DEADLINE_S)
        service.close()
        service.close()
        with pytest.raises(ServiceSilent):
            service.ask(QUESTION, DEADLINE_S)


def test_understood_names_what_came() -> None:
    with pytest.raises(ServiceFault, match="status 502 and 3 bytes of text/plain: bad"):
        understood(Answer(502, "text/plain", b"bad"))


@pytest.mark.parametrize("behave", [hang_at_accept, trickle_head])
def test_a_handshake_that_never_ends_is_silence_in_time(behave: Callable[[Connection], None]) -> None:
    with serving(behave) as server:
        service = HttpBalanceService(server.url.replace("http:", "https:"), "s")
        with Standstill() as still, pytest.raises(ServiceSilent):
            service.ask(QUESTION, 0.5)
        assert still.took_s < 0.5 + GRACE_S
        service.close()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A key and a certificate for 127.0.0.1 that signs itself."""
    if shutil.which("openssl") is None:
        pytest.skip("needs openssl to make a certificate")
    folder = tmp_path_factory.mktemp("tls")
    key, certificate = folder / "key.pem", folder / "cert.pem"
    words = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=127.0.0.1"
    subprocess.run(
        ["openssl", *words.split(), "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate],
        check=True,
        capture_output=True,
    )
    return key, certificate


def test_only_a_trusted_certificate_is_believed(certificate: tuple[Path, Path]) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate[1], certificate[0])

    def behave(connection: Connection) -> None:
        with context.wrap_socket(connection.socket, server_side=True) as secure:
            connection.socket = secure
            while connection.request() is not None:
                connection.answer(encode(ALLOWED))

    with serving(behave) as server:
        url = server.url.replace("http:", "https:")
        trusting = HttpBalanceService(url, "s", ca_file=str(certificate[1]))
        assert [trusting.ask(QUESTION, DEADLINE_S) for _ in range(2)] == [ALLOWED] * 2
        assert len(server.connections) == 1
        trusting.close()
        wary = HttpBalanceService(url, "s")
        with pytest.raises(ServiceFault, match="certificate is not to be trusted"):
            wary.ask(QUESTION, DEADLINE_S)
        wary.close()
