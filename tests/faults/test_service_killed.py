"""The service is killed at every write point of an authorisation and of a fuelling, while a lane unit retries."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from service.reports.audit import audit
from service.reports.statement import cards
from service.store.clock import SystemWallClock
from service.store.database import Database
from tests.service.world import ManualClock, Pump, World
from wire.codec import encode

pytestmark = pytest.mark.faults
ROUNDS = max(1, settings().max_examples // 100)
"""How often each write point of a visit dies: once in the CI, ten times with HYPOTHESIS_PROFILE=thorough."""
MONEY_FEN = 10**9


class Lane:
    """A lane unit that repeats each message, word for word, until it is answered; the service is started as needed.

    words: the zygote's module and its arguments before the file that counts.
    """

    def __init__(self, folder: Path, *words: str) -> None:
        self._count_file = folder / "points"
        command = [sys.executable, "-m", *words, str(self._count_file)]
        self._zygote = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._port = int(self._line())
        self._child = 0
        self.kills = 0

    def start(self, deadly: int) -> None:
        assert self._zygote.stdin is not None
        self._zygote.stdin.write(f"{deadly}\n")
        self._zygote.stdin.flush()
        self._child = int(self._line().split()[1])

    def stop(self) -> None:
        if self._child:
            os.kill(self._child, signal.SIGTERM)
            assert self._line() == "gone"
            self._child = 0

    def close(self) -> None:
        self.stop()
        assert self._zygote.stdin is not None
        self._zygote.stdin.close()
        self._zygote.wait(30)

    @property
    def points(self) -> int:
        """Write points passed by the newest child."""
        return int(self._count_file.read_text())

    def get(self, path: str) -> dict[str, Any]:
        """An answer of a service that nobody kills now."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
        try:
            connection.request("GET", path)
            return dict(json.loads(connection.getresponse().read()))
        finally:
            connection.close()

    def post(self, path: str, body: object) -> dict[str, Any]:
        while True:
            try:
                return self._once(path, body)
            except (OSError, http.client.HTTPException):
                assert self._line() == "gone", "the answer was cut, but the service lives"
                self.kills += 1
                self.start(0)

    def _once(self, path: str, body: object) -> dict[str, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
        try:
            connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
            answer = connection.getresponse()
            content = answer.read()
            assert answer.status == 200, content
            return dict(json.loads(content))
        finally:
            connection.close()

    def _line(self) -> str:
        assert self._zygote.stdout is not None
        return self._zygote.stdout.readline().strip()


@contextmanager
def lane(url: str, folder: Path) -> Iterator[Lane]:
    made = Lane(folder, "tests.faults.service_zygote", url)
    try:
        yield made
    finally:
        made.close()


def test_killed_at_every_write_point(database_url: str, tmp_path: Path) -> None:
    database = Database(database_url)
    world = World(database, clock=ManualClock(SystemWallClock().now()))
    world.card(fen=MONEY_FEN)
    pump, spent_fen, receipts = Pump("D1"), 0, {}
    with lane(database_url, tmp_path) as unit:
        for _ in ("the first start writes more than later ones", "what a visit writes from now on"):
            unit.start(0)
            _visit(unit, pump, world)
            last = unit.points
            unit.stop()
            spent_fen += 8_000
        assert last > 20
        deaths = [*range(1, last + 1)] * ROUNDS
        for deadly in deaths:
            unit.start(deadly)
            report, receipt = _visit(unit, pump, world)
            receipts[report["sequence"]] = (report, receipt)
            spent_fen += 8_000
            unit.stop()
        assert unit.kills > 0.9 * len(deaths)
        _check(database, spent_fen, pump.sequence)
        unit.start(0)
        for report, receipt in receipts.values():
            assert unit.post("/v1/fuellings", report) == receipt
    _check(database, spent_fen, pump.sequence)
    database.close()
    print(f"{unit.kills} kills over {last} write points")


def _visit(unit: Lane, pump: Pump, world: World) -> tuple[dict[str, Any], dict[str, Any]]:
    """One vehicle: asked, allowed, fuelled; the report and its receipt."""
    world.clock.moment = SystemWallClock().now()
    question = world.question(visit=uuid.uuid4().hex)
    decision = unit.post("/v1/authorisations", encode(question))
    assert decision["decision"] == "allow"
    world.clock.moment = SystemWallClock().now()
    report = encode(pump.fuelling(world.clock, 10_000, authorisation=decision["authorisation"], visit=question.visit))
    receipt = unit.post("/v1/fuellings", report)
    assert (receipt["captured_fen"], receipt["released_fen"], receipt["flags"]) == (8_000, 2_000, [])
    return report, receipt


def _check(database: Database, spent_fen: int, fuellings: int) -> None:
    found = audit(database)
    assert found.findings == ()
    assert found.fuellings == fuellings
    view = cards(database, "C1")[0]
    assert (view.balance_fen, view.held_fen) == (MONEY_FEN - spent_fen, 0)
