"""Open streams: what they are told and when, and that a connection keeps nothing of its request but what writes."""

from __future__ import annotations

import asyncio
import gc
import http.client
import itertools
import socket
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from service.http.connections import ConnectionLimits, Connections, GuardedProtocol
from service.identity.guard import EMBEDDED
from service.identity.people import Role
from service.live import streams as told
from service.live.changes import Changes, Pace, count_change
from service.live.streams import OpenStreams, Stream
from service.server import running
from service.station.stream import EventStream
from service.store.database import Database
from tests.service.identity.kit import ServiceRig
from tests.service.live.test_live import PASSWORD, count, until

ALIVE = b"event: alive\ndata: yes\n\n"
PATIENCE_S = 30.0


def changed(number: int) -> bytes:
    return b"event: changed\ndata: %d\n\n" % number


class Sink:
    """Keeps what is written."""

    def __init__(self) -> None:
        self.ended: Callable[[], None] = lambda: None
        self.is_slow = False
        self.is_over = False
        self.texts: list[bytes] = []

    def write(self, text: bytes) -> None:
        self.texts.append(text)

    def end(self) -> None:
        self.is_over = True
        self.ended()

    drop = end

    def news(self) -> list[bytes]:
        return [text for text in self.texts if text != ALIVE]


def play(url: str, scene: Callable[[Database, OpenStreams], Awaitable[None]]) -> None:
    """A process with streams of its own, that reads the counters every 20 ms."""
    database = Database(url)

    async def whole() -> None:
        changes = Changes(database, Pace(poll_s=0.02))
        await asyncio.wait_for(scene(database, OpenStreams(changes)), 60)
        changes.close()

    try:
        asyncio.run(whole())
    finally:
        database.close()


def opened(streams: OpenStreams, *topics: str) -> list[Sink]:
    sinks = [Sink() for _ in topics]
    for topic, sink in zip(topics, sinks, strict=True):
        streams.open(topic, sink)
    return sinks


def test_each_stream_is_told_of_its_own_topic_alone(sqlite_url: str) -> None:
    async def scene(database: Database, streams: OpenStreams) -> None:
        await asyncio.to_thread(count, database, "a")
        mine, other = opened(streams, "a", "b")
        await until(lambda: bool(mine.news() and other.news()))
        assert (mine.news(), other.news()) == ([changed(1)], [changed(0)])
        await asyncio.to_thread(count, database, "a")
        await until(lambda: len(mine.news()) == 2)
        assert (mine.news()[1], other.news()) == (changed(2), [changed(0)])

    play(sqlite_url, scene)


def test_a_thousand_persons_are_told_by_one_reading(sqlite_url: str) -> None:
    """More topics than SQLite takes parameters of, before they became one."""

    async def scene(database: Database, streams: OpenStreams) -> None:
        topics = [f"person:{number}" for number in range(1_000)]
        readings: list[int] = []
        fetch = streams.changes._fetch
        streams.changes._fetch = lambda names: (readings.append(len(names)), fetch(names))[1]  # type: ignore[method-assign]
        sinks = opened(streams, *topics)
        await until(lambda: all(sink.news() for sink in sinks))
        assert readings[0] == 1_000
        await asyncio.to_thread(count, database, *topics)
        await until(lambda: all(sink.news()[-1] == changed(1) for sink in sinks))

    play(sqlite_url, scene)


def test_a_page_is_not_told_twice_within_a_second(sqlite_url: str) -> None:
    async def scene(database: Database, streams: OpenStreams) -> None:
        (sink,) = opened(streams, "a")
        times = []
        write = sink.write

        def noted(text: bytes) -> None:
            if text != ALIVE:
                times.append(time.monotonic())
            write(text)

        sink.write = noted  # type: ignore[method-assign]
        for _ in range(40):
            await asyncio.to_thread(count, database, "a")
            await asyncio.sleep(0.05)
        await until(lambda: sink.news()[-1] == changed(40))
        assert len(times) >= 2
        assert all(later - before >= 0.9 for before, later in itertools.pairwise(times))

    play(sqlite_url, scene)


def test_streams_beat_and_end_with_their_time(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(told, "HEARTBEAT_S", 0.06)

    async def scene(_database: Database, streams: OpenStreams) -> None:
        lasting = opened(streams, "a", "a")
        await until(lambda: all(sink.texts.count(ALIVE) >= 2 for sink in lasting))
        monkeypatch.setattr(told, "LONGEST_S", 0.1)
        brief = opened(streams, "a", "b")
        await until(lambda: all(sink.is_over for sink in brief))
        assert [sink.is_over for sink in lasting] == [False, False], "each has its own time"
        assert (len(streams), streams.changes.waiters) == (2, 2)

    play(sqlite_url, scene)


def test_who_does_not_read_is_dropped_at_the_next_beat(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(told, "HEARTBEAT_S", 0.06)

    async def scene(_database: Database, streams: OpenStreams) -> None:
        slow, other = opened(streams, "a", "a")
        slow.is_slow = True
        await until(lambda: slow.is_over)
        assert (other.is_over, len(streams)) == (False, 1)

    play(sqlite_url, scene)


def test_streams_end_with_the_process_and_none_opens_afterwards(sqlite_url: str) -> None:
    async def scene(_database: Database, streams: OpenStreams) -> None:
        (sink,) = opened(streams, "a")
        streams.changes.close()
        (late,) = opened(streams, "a")
        assert (sink.is_over, late.is_over, len(streams)) == (True, True, 0)

    play(sqlite_url, scene)


def test_a_server_that_keeps_its_connections_streams_by_a_task(sqlite_url: str) -> None:
    async def scene(database: Database, streams: OpenStreams) -> None:
        sent: list[bytes] = []
        gone = asyncio.Event()

        async def send(message: dict[str, object]) -> None:
            sent.append(bytes(message.get("body", b"")))  # type: ignore[call-overload]

        async def receive() -> dict[str, str]:
            await gone.wait()
            return {"type": "http.disconnect"}

        answer = EventStream("a", streams)
        task = asyncio.create_task(answer({"type": "http", "asgi": {}}, receive, send))  # type: ignore[arg-type]
        await until(lambda: changed(0) in sent)
        await asyncio.to_thread(count, database, "a")
        await until(lambda: changed(1) in sent)
        gone.set()
        await task
        assert (len(streams), streams.changes.waiters) == (0, 0)

    play(sqlite_url, scene)


@pytest.fixture
def rig(tmp_path: Path) -> ServiceRig:
    made = ServiceRig(tmp_path, guard=EMBEDDED)
    made.identity.people.add("li", PASSWORD, Role.ATTENDANT, "S1", "test")
    return made


@contextmanager
def stream(port: int, cookie: str, more: bytes = b"") -> Iterator[socket.socket]:
    """The station's stream on a socket of its own, after its first word."""
    with socket.create_connection(("127.0.0.1", port), PATIENCE_S) as connection:
        lines = f"GET /station/events HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nCookie: {cookie}\r\n\r\n".encode()
        connection.sendall(lines + more)
        received = b""
        while b"event: changed" not in received:
            received += connection.recv(65536)
        assert received.startswith(b"HTTP/1.1 200 OK\r\n"), received
        assert b"text/event-stream" in received
        assert b"no-store" in received, "the headers of every answer are on this one too"
        yield connection


def cookie_of(port: int) -> str:
    """Of a person who has logged in."""
    browser = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
    browser.request("GET", "/login")
    form = browser.getresponse()
    first, secret = form.getheader("Set-Cookie", ""), form.read().decode().split('name="csrf" value="', 1)[1]
    body = f"name=li&password={PASSWORD.replace(' ', '+')}&csrf={secret.partition(chr(34))[0]}&next=%2F"
    headers = {
        "Cookie": first.partition(";")[0],
        "Content-Type": "application/x-www-form-urlencoded",
        "Origin": f"http://127.0.0.1:{port}",
    }
    browser.request("POST", "/login", body, headers)
    answer = browser.getresponse()
    answer.read()
    assert answer.status == 303
    cookies = [value.partition(";")[0] for name, value in answer.getheaders() if name.lower() == "set-cookie"]
    browser.close()
    return "; ".join(one for one in cookies if not one.endswith("="))


def wait(what: Callable[[], bool]) -> None:
    ends_s = time.monotonic() + PATIENCE_S
    while not what():
        assert time.monotonic() < ends_s, "it did not come to pass"
        time.sleep(0.02)


@contextmanager
def served(rig: ServiceRig) -> Iterator[tuple[int, str]]:
    rig.app.state.connections = Connections(ConnectionLimits(), (), rig.app.state.metrics.count_refused_connection)
    with running(rig.app) as url:
        port = int(url.rpartition(":")[2])
        yield port, cookie_of(port)


def kept(kind: type) -> int:
    gc.collect()
    return sum(isinstance(one, kind) for one in gc.get_objects())


@pytest.mark.slow
def test_an_open_stream_keeps_neither_request_nor_parser(rig: ServiceRig) -> None:
    with served(rig) as (port, cookie), ExitStack() as stack:
        before = kept(GuardedProtocol)
        for _ in range(20):
            stack.enter_context(stream(port, cookie))
        wait(lambda: kept(GuardedProtocol) <= before)
        assert kept(Stream) == len(rig.app.state.streams) == 20
        assert len(rig.app.state.connections) >= 20


@pytest.mark.slow
def test_a_client_that_leaves_is_forgotten(rig: ServiceRig) -> None:
    with served(rig) as (port, cookie):
        for _ in range(3):
            with stream(port, cookie):
                assert len(rig.app.state.streams) >= 1
        wait(lambda: len(rig.app.state.streams) == 0 and len(rig.app.state.connections) == 0)
        assert rig.app.state.changes.waiters == 0


@pytest.mark.slow
@pytest.mark.parametrize("more", [b"", b"GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n"])
def test_a_client_that_leaves_before_the_answer_is_forgotten(rig: ServiceRig, more: bytes) -> None:
    with served(rig) as (port, cookie):
        lines = f"GET /station/events HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nCookie: {cookie}\r\n\r\n".encode()
        for _ in range(30):
            with socket.create_connection(("127.0.0.1", port), PATIENCE_S) as connection:
                connection.sendall(lines + more)
        with stream(port, cookie):
            wait(lambda: len(rig.app.state.streams) == 1 and len(rig.app.state.connections) == 1)


def test_what_a_client_sends_after_its_request_is_not_heard(rig: ServiceRig) -> None:
    """Neither a second request that came with the first, nor later ones; and that it leaves is noticed all the same."""
    second = b"GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n"
    with served(rig) as (port, cookie):
        with stream(port, cookie, second) as connection:
            connection.sendall(second * 100)
            received = b""
            while ALIVE not in received:
                received += connection.recv(65536)
            assert b"HTTP/1.1" not in received
        wait(lambda: len(rig.app.state.connections) == 0)


def test_a_stop_ends_the_answer_as_a_whole_one(rig: ServiceRig) -> None:
    with ExitStack() as stack:
        with served(rig) as (port, cookie):
            connection = stack.enter_context(stream(port, cookie))
        received = b""
        while chunk := connection.recv(65536):
            received += chunk
        assert received.endswith(b"0\r\n\r\n")


def test_changes_reach_the_socket_in_chunks(rig: ServiceRig) -> None:
    with served(rig) as (port, cookie), stream(port, cookie) as connection:
        with rig.app.state.books.database.writing() as written:
            count_change(written, "station:S1")
        received = b""
        while changed(1) not in received:
            received += connection.recv(65536)
        assert b"\r\n%x\r\n%b\r\n" % (len(changed(1)), changed(1)) in b"\r\n" + received
