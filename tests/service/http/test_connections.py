"""Connections within their bounds: half-open ones shut nobody out, heads end in time and size, devices keep theirs."""

from __future__ import annotations

import asyncio
import http.client
import re
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import httpx
import pytest
from starlette.types import Receive, Scope, Send
from uvicorn import Config
from uvicorn.server import ServerState

from service.http.connections import ConnectionLimits, Connections, GuardedProtocol, source_of
from service.identity.guard import Guard
from service.server import running
from tests.service.identity.kit import CHEAP, ServiceRig, question
from tests.service.phone.kit import person
from tests.service.raw_http import head, say
from wire.devices import DeviceKind

PATIENCE_S = 30.0
SHORT = ConnectionLimits(head_s=0.5, body_s=0.5)
HEALTHY = head("GET", b"/healthz", [("Host", "h")])


@pytest.fixture
def rig(tmp_path: Path) -> ServiceRig:
    return ServiceRig(tmp_path, Guard(hasher=CHEAP))


@contextmanager
def served(rig: ServiceRig, limits: ConnectionLimits) -> Iterator[int]:
    rig.app.state.connections = Connections(limits, (), rig.app.state.metrics.count_refused_connection)
    with running(rig.app) as url:
        yield int(url.rpartition(":")[2])


def refused(rig: ServiceRig) -> dict[str, float]:
    text = rig.app.state.metrics.exposition().decode()
    return {why: float(n) for why, n in re.findall(r'greenlane_refused_connections_total{why="(\w+)"} (\S+)', text)}


def open_to(port: int, source: str = "127.0.0.1") -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), PATIENCE_S, source_address=(source, 0))


def answered(connection: socket.socket) -> bool:
    """Whether /healthz says that all is well; read to its end."""
    received = b""
    while b"}" not in received and (more := connection.recv(65536)):
        received += more
    return received.startswith(b"HTTP/1.1 200")


def is_dropped(connection: socket.socket) -> bool:
    """Whether the other end goes away without a word."""
    try:
        return connection.recv(4096) == b""
    except ConnectionError:
        return True


@pytest.mark.parametrize("start", [b"", b"GET /healthz HT", b"GET /healthz HTTP/1.1\r\nHost: h\r\nX-A: b"])
def test_a_head_that_is_not_whole_in_time_is_dropped(rig: ServiceRig, start: bytes) -> None:
    with served(rig, SHORT) as port, open_to(port) as connection:
        connection.sendall(start)
        assert is_dropped(connection)
    assert refused(rig) == {"slow_head": 1}


@pytest.mark.parametrize("trickle", [b"GET /" + 300 * b"a", 150 * b"\r\n"])
def test_a_byte_now_and_then_is_no_excuse(rig: ServiceRig, trickle: bytes) -> None:
    """After an answer too: a byte takes back uvicorn's own time for the next request."""
    with served(rig, SHORT) as port, open_to(port) as connection:
        connection.sendall(HEALTHY.replace(b"Connection: close", b"Connection: keep-alive"))
        assert answered(connection)
        with suppress(ConnectionError):
            for byte in trickle:
                connection.sendall(bytes([byte]))
                time.sleep(0.1)
        assert is_dropped(connection)
    assert refused(rig)["slow_head"] == 1


def test_a_body_that_does_not_come_is_dropped(rig: ServiceRig) -> None:
    with served(rig, SHORT) as port, open_to(port) as connection:
        connection.sendall(
            b"POST /login HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n"
            b"Content-Type: application/x-www-form-urlencoded\r\n\r\nna"
        )
        assert is_dropped(connection)
    assert refused(rig) == {"slow_body": 1}


@pytest.mark.slow
@pytest.mark.parametrize("pieces", [1, 40])
def test_a_head_beyond_64_kb_is_dropped(rig: ServiceRig, pieces: int) -> None:
    """One that never ends took memory until the process died."""
    long = b"GET /healthz HTTP/1.1\r\nHost: h\r\n" + b"X-Long: " + b"x" * 80_000
    long += b"\r\n\r\n" if pieces == 1 else b""
    with served(rig, ConnectionLimits()) as port:
        with open_to(port) as connection:
            step = -(-len(long) // pieces)
            with suppress(ConnectionError):
                for at in range(0, len(long), step):
                    connection.sendall(long[at : at + step])
            assert is_dropped(connection)
        many = [(f"X-{n}", "x" * 1000) for n in range(60)]
        assert say(port, head("GET", b"/healthz", [("Host", "h"), *many])).status == 200
    assert refused(rig) == {"large_head": 1}


def test_a_body_may_be_as_long_as_a_head(rig: ServiceRig) -> None:
    lane = rig.enrol(DeviceKind.LANE)
    with served(rig, ConnectionLimits()) as port:
        parcel = rig.signed(lane, "POST", "/v1/authorisations", {**question(), "visit": "x" * 60_000})
        data = head(parcel.method, parcel.target.encode(), list(parcel.headers.items())[:-1], parcel.body)
        assert say(port, data.replace(b"Content-Length: 0", b"")).status in (400, 401)


def test_half_open_connections_shut_nobody_out(rig: ServiceRig) -> None:
    """Neither others nor honest ones behind the same address: the oldest that said nothing makes room."""
    with served(rig, ConnectionLimits(in_all=60, per_address=20, head_s=PATIENCE_S)) as port, ExitStack() as stack:
        for source in ("127.0.0.1", "127.0.0.3", "127.0.0.4", "127.0.0.5"):
            for _ in range(30):
                stack.enter_context(open_to(port, source)).sendall(b"GET ")
        for source in ("127.0.0.1", "127.0.0.2"):
            with open_to(port, source) as honest:
                honest.sendall(HEALTHY)
                assert answered(honest)
        assert len(rig.app.state.connections) <= 60
    assert refused(rig)["half_open"] >= 60


def test_strangers_that_wait_are_limited_by_address_and_told(rig: ServiceRig) -> None:
    idle = HEALTHY.replace(b"Connection: close", b"Connection: keep-alive")
    with served(rig, ConnectionLimits(per_address=5, idle_s=PATIENCE_S)) as port, ExitStack() as stack:
        for _ in range(5):
            waiting = stack.enter_context(open_to(port))
            waiting.sendall(idle)
            assert answered(waiting)
        answer = say(port, b"")
        assert answer.status == 503
        assert answer.error == {"code": "unavailable", "detail": "too many connections; try again in 10 s"}
        with open_to(port, "127.0.0.2") as other:
            other.sendall(HEALTHY)
            assert answered(other)
    assert refused(rig) == {"address": 1}


@pytest.mark.slow
def test_a_good_signature_counts_against_its_device(rig: ServiceRig) -> None:
    """Twelve lanes keep two connections each open behind an address that has room for four strangers."""
    with served(rig, ConnectionLimits(per_address=4, per_device=2, idle_s=PATIENCE_S)) as port, ExitStack() as stack:
        for number in range(12):
            lane = rig.enrol(DeviceKind.LANE, lane=f"L{number}")
            for _ in range(2):
                kept = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
                stack.callback(kept.close)
                parcel = rig.signed(lane, "GET", "/v1/prices?station=S1")
                kept.request("GET", parcel.target, headers=dict(parcel.headers))
                answer = kept.getresponse()
                assert (answer.status, answer.read()[:1]) == (200, b"[")
        assert len(rig.app.state.connections) == 24
        assert say(port, HEALTHY).status == 200
    assert refused(rig) == {}


@pytest.mark.slow
def test_phones_behind_one_address_are_limited_each_by_its_own_key(rig: ServiceRig) -> None:
    """A mobile network shows thousands of phones as one address."""
    with served(rig, ConnectionLimits(per_address=4, idle_s=PATIENCE_S)) as port, ExitStack() as stack:
        for number in range(9):
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=PATIENCE_S) as client:
                phone = person(rig, client, f"N{number}", hours=None)
            kept = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
            stack.callback(kept.close)
            kept.request("GET", "/v1/phone/events", headers=phone.headers("GET", "/v1/phone/events", b""))
            answer = kept.getresponse()
            assert (answer.status, answer.read(7)) == (200, b"retry: ")
        assert len(rig.app.state.streams) == 9
    assert refused(rig) == {}


def test_a_lane_with_more_than_its_share_counts_as_a_stranger(rig: ServiceRig) -> None:
    lane = rig.enrol(DeviceKind.LANE)
    statuses = []
    with served(rig, ConnectionLimits(per_address=3, per_device=2, idle_s=PATIENCE_S)) as port, ExitStack() as stack:
        for _ in range(7):
            kept = stack.enter_context(open_to(port))
            parcel = rig.signed(lane, "GET", "/v1/prices?station=S1")
            lines = "".join(f"{n}: {v}\r\n" for n, v in parcel.headers.items())
            kept.sendall(f"GET {parcel.target} HTTP/1.1\r\n{lines}\r\n".encode())
            statuses.append(int(kept.recv(65536).split(b" ")[1]))
    assert statuses == [200] * 5 + [503] * 2


@pytest.mark.parametrize(
    "data",
    [b"\x16\x03\x01\x02\x00", b"GET / HTTP/9.9\r\n\r\n", b"NONSENSE\r\n\r\n", b"GET / HTTP/1.1\r\nA\x00: b\r\n\r\n"],
)
def test_what_is_no_http_gets_the_record_too(rig: ServiceRig, data: bytes) -> None:
    with served(rig, ConnectionLimits()) as port:
        answer = say(port, data)
    assert answer.status == 400
    assert answer.error is not None
    assert answer.error["code"] == "malformed"


def test_who_counts_as_one() -> None:
    assert source_of("2001:db8:1:2:3:4:5:6") == source_of("2001:db8:1:2::9") == "2001:db8:1:2::/64"
    assert source_of("::ffff:10.0.0.1") == "10.0.0.1"
    assert source_of("10.0.0.1") != source_of("10.0.0.2")


class ClosedTransport(asyncio.Transport):
    """As that of a connection whose other end speaks no more: nothing can be written to it."""

    def is_closing(self) -> bool:
        return True

    def write(self, data: bytes | bytearray | memoryview) -> None:
        raise RuntimeError("the handler is closed")

    def close(self) -> None:
        """It is."""


class OpenTransport(ClosedTransport):
    def is_closing(self) -> bool:
        return False


def test_who_leaves_before_the_answer_is_no_fault() -> None:
    """The loop closes the transport at once, and says that the connection is lost one turn later."""
    failed: list[Exception] = []

    async def leaves() -> None:
        asked, gone, over = asyncio.Event(), asyncio.Event(), asyncio.Event()

        async def application(scope: Scope, receive: Receive, send: Send) -> None:
            asked.set()
            await gone.wait()
            try:
                await send({"type": "http.response.start", "status": 204, "headers": []})
                await send({"type": "http.response.body"})
            except RuntimeError as error:
                failed.append(error)
            over.set()

        config = Config(application, log_config=None)
        config.load()
        protocol = GuardedProtocol(config, ServerState(), {})
        protocol.connection_made(OpenTransport())
        protocol.data_received(HEALTHY)
        await asyncio.wait_for(asked.wait(), PATIENCE_S)
        protocol.eof_received()
        protocol.transport = protocol.cycle.transport = ClosedTransport()
        gone.set()
        await asyncio.wait_for(over.wait(), PATIENCE_S)
        protocol.connection_lost(None)

    asyncio.run(leaves())
    assert failed == []
