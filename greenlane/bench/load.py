"""Load for the bench: lanes on raw sockets in one loop, so that the load costs little beside the service it measures.

The bodies are text with places for what differs between two messages; all else is made once per lane.
"""

from __future__ import annotations

import json
import re
import selectors
import socket
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from service.errors import ServiceError
from wire.codec import encode
from wire.fuellings import Fuelling
from wire.questions import Question

VOLUME_ML = 1_000
PRICE_FEN_PER_L = 800
AMOUNT_FEN = 800
FUELLING_TIME = timedelta(seconds=60)
PATIENCE_S = 60.0
"""An answer that takes longer ends the bench."""
_LENGTH = re.compile(rb"content-length: *([0-9]+)", re.IGNORECASE)


@dataclass(slots=True)
class Timings:
    """Seconds per answered message, by kind, and how long the run took."""

    asked_s: list[float] = field(default_factory=list)
    fuelled_s: list[float] = field(default_factory=list)
    wall_s: float = 0.0

    @property
    def rate(self) -> float:
        """Messages per second."""
        return (len(self.asked_s) + len(self.fuelled_s)) / self.wall_s


class LoadLane:
    """One client with a card, plate and dispenser of its own on one kept connection: question, fuelling, again."""

    def __init__(self, port: int, plate: str, dispenser: str) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.asks = True
        """Whether the next message is a question, else the fuelling that follows one."""
        self._question = _request("/v1/authorisations", _question(plate, dispenser), ("visit", "captured_at"))
        self._fuelling = _request(
            "/v1/fuellings",
            _fuelling(plate, dispenser),
            ("sequence", "authorisation", "started_at", "ended_at", "totaliser_before_ml", "totaliser_after_ml"),
        )
        self._sequence = 0
        self._authorisation = ""
        self._received = b""

    def send(self) -> None:
        """The next message."""
        now = datetime.now(UTC)
        if self.asks:
            words = [json.dumps(uuid.uuid4().hex), _time(now)]
            self.socket.sendall(_filled(self._question, words))
            return
        before_ml = self._sequence * VOLUME_ML
        self._sequence += 1
        words = [str(self._sequence), json.dumps(self._authorisation), _time(now - FUELLING_TIME), _time(now)]
        self.socket.sendall(_filled(self._fuelling, [*words, str(before_ml), str(before_ml + VOLUME_ML)]))

    def receive(self) -> bool:
        """Take what came; whether the answer is whole. Raises ServiceError unless it is the one hoped for."""
        part = self.socket.recv(65536)
        if not part:
            raise ServiceError("the service closed the connection")
        self._received += part
        head, blank, content = self._received.partition(b"\r\n\r\n")
        length = _LENGTH.search(head) if blank else None
        if length is None or len(content) < int(length[1]):
            return False
        self._received = b""
        if not head.startswith(b"HTTP/1.1 200"):
            raise ServiceError(f"the service answered {head[:40]!r}: {content!r}")
        if self.asks:
            self._authorisation = json.loads(content)["authorisation"]
        self.asks = not self.asks
        return True

    def close(self) -> None:
        self.socket.close()


def _question(plate: str, lane: str) -> dict[str, Any]:
    return encode(
        Question(
            visit="-",
            station="bench",
            lane=lane,
            plate=plate,
            typed=False,
            captured_at=datetime.now(UTC),
            confidence=0.98,
            weakest=0.97,
        )
    )


def _fuelling(plate: str, dispenser: str) -> dict[str, Any]:
    now = datetime.now(UTC)
    return encode(
        Fuelling(
            station="bench",
            lane=dispenser,
            dispenser=dispenser,
            sequence=1,
            visit=None,
            authorisation="-",
            plate=plate,
            started_at=now,
            ended_at=now,
            volume_ml=VOLUME_ML,
            amount_fen=AMOUNT_FEN,
            unit_price_fen_per_l=PRICE_FEN_PER_L,
            product="92",
            totaliser_before_ml=0,
            totaliser_after_ml=VOLUME_ML,
        )
    )


def _request(path: str, body: dict[str, Any], open_fields: Sequence[str]) -> tuple[str, str]:
    """Head and body, with places for the body's length and for the fields that differ, in that order."""
    fixed = {name: value for name, value in body.items() if name not in open_fields}
    text = json.dumps(fixed).replace("%", "%%")[:-1]
    text += "".join(f', "{name}": %s' for name in open_fields) + "}"
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    return head, text


def _filled(request: tuple[str, str], words: Sequence[str]) -> bytes:
    body = request[1] % tuple(words)
    return (request[0] % len(body) + body).encode()


def _time(moment: datetime) -> str:
    return f'"{moment.isoformat()}"'


def closed_loop(lanes: Sequence[LoadLane], seconds: float, most_visits: int | None = None) -> Timings:
    """Every lane asks again as soon as it is answered, until the time is over; its last visit is finished."""
    end_s = time.perf_counter() + seconds
    left = dict.fromkeys(lanes, 2**62 if most_visits is None else most_visits // len(lanes))

    def next_due(lane: LoadLane) -> float | None:
        now_s = time.perf_counter()
        if lane.asks:
            left[lane] -= 1
            if now_s >= end_s or left[lane] < 0:
                return None
        return now_s

    return _run(lanes, next_due)


def paced(lanes: Sequence[LoadLane], seconds: float, rate: float) -> Timings:
    """`rate` messages per second over all lanes, however slow the answers; a late answer delays no measured start."""
    gap_s = len(lanes) / rate
    begin_s = time.perf_counter() + 0.1
    messages = int(seconds / gap_s / 2) * 2
    dues = {
        lane: iter([begin_s + gap_s * (number / len(lanes) + message) for message in range(messages)])
        for number, lane in enumerate(lanes)
    }
    return _run(lanes, lambda lane: next(dues[lane], None))


class _Run:
    """Sends what is due and times what comes back, until no lane has anything left to do."""

    def __init__(self, lanes: Sequence[LoadLane], next_due: Callable[[LoadLane], float | None]) -> None:
        self.timings = Timings()
        self._next_due = next_due
        self._selector = selectors.DefaultSelector()
        self._resting: dict[LoadLane, float] = {}
        """When the next message of a lane is due."""
        self._asking: dict[LoadLane, float] = {}
        """When the message that a lane waits for was due."""
        for lane in lanes:
            self._selector.register(lane.socket, selectors.EVENT_READ, lane)
            self._plan(lane)

    def work(self) -> None:
        while self._resting or self._asking:
            self._send_due()
            wait_s = min(self._resting.values(), default=2**62) - time.perf_counter()
            ready = self._selector.select(max(0.0, min(wait_s, PATIENCE_S)))
            for key, _ in ready:
                self._take(key.data)
            if not ready and wait_s > PATIENCE_S:
                raise ServiceError(f"no answer within {PATIENCE_S:g} s")

    def close(self) -> None:
        self._selector.close()

    def _send_due(self) -> None:
        now_s = time.perf_counter()
        for lane, due_s in list(self._resting.items()):
            if due_s <= now_s:
                del self._resting[lane]
                self._asking[lane] = due_s
                lane.send()

    def _take(self, lane: LoadLane) -> None:
        was_question = lane.asks
        if lane.receive():
            took_s = time.perf_counter() - self._asking.pop(lane)
            (self.timings.asked_s if was_question else self.timings.fuelled_s).append(took_s)
            self._plan(lane)

    def _plan(self, lane: LoadLane) -> None:
        due_s = self._next_due(lane)
        if due_s is not None:
            self._resting[lane] = due_s


def _run(lanes: Sequence[LoadLane], next_due: Callable[[LoadLane], float | None]) -> Timings:
    start_s = time.perf_counter()
    run = _Run(lanes, next_due)
    try:
        run.work()
    except OSError as error:
        raise ServiceError(f"bench: {error}") from error
    finally:
        run.close()
    run.timings.wall_s = time.perf_counter() - start_s
    return run.timings
