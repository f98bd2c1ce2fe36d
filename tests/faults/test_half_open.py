"""1,100 half-open connections on a service and on a station at once: the honest lane is answered, and they all go."""

from __future__ import annotations

import resource
import selectors
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress

import pytest
import requests

from tests.service.raw_http import head, say
from tests.station.test_processes import Town, question, town
from wire.reasons import Reason

__all__ = ["town"]
pytestmark = pytest.mark.faults
HALF_OPEN = 1_100
ADDRESSES = [f"127.0.0.{number}" for number in range(11, 16)]
"""220 of each, so that all stay open at once: one address may have 256."""
STARTS = (b"", b"G", b"GET /healthz HT", b"POST /v1/authorisations HTTP/1.1\r\nHost: h\r\nX-A: b")
HEAD_S, SLACK_S = 10.0, 20.0
LONGEST_HEAD = 64 * 1024
HEALTHY = head("GET", b"/healthz", [("Host", "h")])


@pytest.fixture
def many_files() -> Iterator[None]:
    """Room for both ends' sockets in this process; the servers raise their own bound."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = 2 * HALF_OPEN + 300
    if hard != resource.RLIM_INFINITY and hard < needed:
        pytest.skip(f"this test opens {needed} files, and the system allows {hard}")
    if soft != resource.RLIM_INFINITY and soft < needed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def half_open(stack: ExitStack, port: int, source: str, start: bytes) -> socket.socket:
    made = stack.enter_context(socket.create_connection(("127.0.0.1", port), 30.0, source_address=(source, 0)))
    made.sendall(start)
    made.setblocking(False)
    return made


def closed_among(waiting: selectors.BaseSelector, seconds: float) -> int:
    """How many of them the other end has dropped within this time; they are waited for no more."""
    gone = 0
    for key, _ in waiting.select(seconds):
        connection = key.fileobj
        assert isinstance(connection, socket.socket)
        with suppress(ConnectionError):
            assert connection.recv(65536) == b"", "nothing is said to who has not spoken"
        waiting.unregister(connection)
        gone += 1
    return gone


def refused(town: Town, visit: str) -> bool:
    """Whether the lane hears anything but a green for the plate of its own card."""
    decision = town.lane.ask(question(visit), 30.0)
    return decision.reason is not Reason.OK


def test_the_honest_lane_is_answered_meanwhile_and_all_of_them_are_dropped(town: Town, many_files: None) -> None:
    ports = (town.service_port, town.station_port)
    with ExitStack() as stack, selectors.DefaultSelector() as waiting:
        began_s = time.monotonic()
        for number in range(HALF_OPEN):
            for port in ports:
                made = half_open(stack, port, ADDRESSES[number % 5], STARTS[number % 4])
                waiting.register(made, selectors.EVENT_READ)
        opened_s = time.monotonic() - began_s
        assert not any(refused(town, f"meanwhile-{number}") for number in range(5))
        for port in ports:
            assert say(port, HEALTHY).status == 200, "nor is a stranger shut out"
        answered_s, gone = time.monotonic() - began_s, closed_among(waiting, 0)
        if answered_s < HEAD_S:
            assert gone == 0, "all of them were open while the lane was answered"
        while waiting.get_map() and time.monotonic() - began_s < opened_s + HEAD_S + SLACK_S:
            closed_among(waiting, 0.2)
        assert not waiting.get_map(), "what is half-open after 10 s is dropped"
    assert not refused(town, "afterwards")


def test_heads_without_an_end_are_dropped_at_64_kb(town: Town) -> None:
    for port in (town.service_port, town.station_port):
        for _ in range(20):
            with socket.create_connection(("127.0.0.1", port), 30.0) as connection:
                sent = 0
                try:
                    connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: h\r\nX-Long: ")
                    while sent < 100 * LONGEST_HEAD:
                        sent += connection.send(b"x" * 8192)
                    raise AssertionError("a head of 6 MB was listened to")
                except ConnectionError:
                    pass
        metrics = requests.get(f"http://127.0.0.1:{port}/healthz", timeout=30)
        assert metrics.status_code == 200
    assert not refused(town, "after-long-heads")
