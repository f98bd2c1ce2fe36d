"""Load for the bench: lanes as threads on raw sockets, so that the load costs little beside the service it measures."""

from __future__ import annotations

import json
import socket
import threading
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from service.errors import ServiceError
from service.wire import Fuelling, Question, encode

VOLUME_ML = 1_000
PRICE_FEN_PER_L = 800
AMOUNT_FEN = 800


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


class Lane:
    """One client with its own card, plate and dispenser, on one kept connection."""

    def __init__(self, port: int, plate: str, dispenser: str) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._plate = plate
        self._dispenser = dispenser
        self._sequence = 0

    def visit(self, timings: Timings, due_s: Sequence[float] = ()) -> None:
        """One question and its fuelling; due_s: when each was due, for load at a fixed rate."""
        start_s = _wait(due_s[0]) if due_s else time.perf_counter()
        decision = self._post("/v1/authorisations", encode(self._question()))
        timings.asked_s.append(time.perf_counter() - start_s)
        start_s = _wait(due_s[1]) if due_s else time.perf_counter()
        self._post("/v1/fuellings", encode(self._fuelling(decision["authorisation"])))
        timings.fuelled_s.append(time.perf_counter() - start_s)

    def close(self) -> None:
        self._socket.close()

    def _question(self) -> Question:
        return Question(
            visit=uuid.uuid4().hex, station="bench", lane=self._dispenser, plate=self._plate, typed=False,
            captured_at=datetime.now(UTC), confidence=0.98, weakest=0.97,
        )  # fmt: skip

    def _fuelling(self, authorisation: str) -> Fuelling:
        before_ml, now = self._sequence * VOLUME_ML, datetime.now(UTC)
        self._sequence += 1
        return Fuelling(
            station="bench", lane=self._dispenser, dispenser=self._dispenser, sequence=self._sequence, visit=None,
            authorisation=authorisation, plate=self._plate, started_at=now - timedelta(seconds=60), ended_at=now,
            volume_ml=VOLUME_ML, amount_fen=AMOUNT_FEN, unit_price_fen_per_l=PRICE_FEN_PER_L, product="92",
            totaliser_before_ml=before_ml, totaliser_after_ml=before_ml + VOLUME_ML,
        )  # fmt: skip

    def _post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        content = json.dumps(body).encode()
        head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        self._socket.sendall(f"{head}Content-Length: {len(content)}\r\n\r\n".encode() + content)
        status, answer = self._receive()
        if status != 200:
            raise ServiceError(f"{path} answered {status}: {answer!r}")
        return dict(json.loads(answer))

    def _receive(self) -> tuple[int, bytes]:
        data = b""
        while b"\r\n\r\n" not in data:
            data += self._more()
        head, _, content = data.partition(b"\r\n\r\n")
        lines = head.lower().split(b"\r\n")
        length = next(int(line.split(b":")[1]) for line in lines if line.startswith(b"content-length:"))
        while len(content) < length:
            content += self._more()
        return int(lines[0].split()[1]), content

    def _more(self) -> bytes:
        part = self._socket.recv(65536)
        if not part:
            raise ServiceError("the service closed the connection")
        return part


def closed_loop(lanes: Sequence[Lane], seconds: float, most_visits: int | None = None) -> Timings:
    """Every lane asks again as soon as it is answered."""
    end_s = time.perf_counter() + seconds
    share = None if most_visits is None else most_visits // len(lanes)

    def work(lane: Lane, timings: Timings) -> None:
        done = 0
        while time.perf_counter() < end_s and (share is None or done < share):
            lane.visit(timings)
            done += 1

    return _run(lanes, work)


def paced(lanes: Sequence[Lane], seconds: float, rate: float) -> Timings:
    """`rate` messages per second over all lanes, however slow the answers; a late answer delays no measured start."""
    gap_s = len(lanes) / rate
    begin_s = time.perf_counter() + 0.1

    def work(lane: Lane, timings: Timings) -> None:
        first_s = begin_s + gap_s * lanes.index(lane) / len(lanes)
        for visit in range(int(seconds / gap_s / 2)):
            lane.visit(timings, [first_s + 2 * visit * gap_s, first_s + (2 * visit + 1) * gap_s])

    return _run(lanes, work)


def _run(lanes: Sequence[Lane], work: Any) -> Timings:
    found = [Timings() for _ in lanes]
    faults: list[BaseException] = []

    def guarded(lane: Lane, timings: Timings) -> None:
        try:
            work(lane, timings)
        except (OSError, ServiceError) as error:
            faults.append(error)

    threads = [threading.Thread(target=guarded, args=pair) for pair in zip(lanes, found, strict=True)]
    start_s = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if faults:
        raise ServiceError(f"bench: {faults[0]}")
    total = Timings(wall_s=time.perf_counter() - start_s)
    for timings in found:
        total.asked_s += timings.asked_s
        total.fuelled_s += timings.fuelled_s
    return total


def _wait(due_s: float) -> float:
    """Sleep until a moment is due; the moment itself."""
    time.sleep(max(0.0, due_s - time.perf_counter()))
    return due_s
