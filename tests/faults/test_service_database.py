"""The database under the running service is full, locked or restarted: clear errors, nothing lost, no hand needed."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests

from service.app import create_app
from service.identity.guard import EMBEDDED
from service.reports.audit import audit
from service.reports.statement import cards
from service.server import running
from service.store.clock import SystemWallClock
from service.store.database import Database
from tests.service.postgres import Cluster, free_port, programs
from tests.service.world import ManualClock, Pump, World
from tests.standstill import Standstill
from wire.codec import encode

pytestmark = pytest.mark.faults
LANES = 4
_COMMAND = "import sys; from greenlane.cli import main; sys.exit(main())"


class Lane:
    """A lane unit with its own card and pump that repeats each message until it is answered with 200."""

    def __init__(self, url: str, world: World, number: int) -> None:
        self._url = url
        self.card, self.plate = f"C{number}", f"粤B0000{number}"
        self.pump = Pump(f"D{number}")
        self.receipts: dict[int, Any] = {}
        self.faults: set[str] = set()
        self._world = world
        world.card(self.card, 10**8, self.plate)

    def visit(self) -> None:
        clock = ManualClock(SystemWallClock().now())
        question = self._world.question(self.plate, visit=uuid.uuid4().hex, captured_at=clock.now())
        decision = self.post("/v1/authorisations", encode(question))
        report = self.pump.fuelling(clock, 1_000, authorisation=decision["authorisation"], plate=self.plate)
        self.receipts[report.sequence] = (encode(report), self.post("/v1/fuellings", encode(report)))

    def post(self, path: str, body: object) -> dict[str, Any]:
        while True:
            try:
                answer = requests.post(self._url + path, json=body, timeout=30)
            except requests.RequestException as error:
                self.faults.add(type(error).__name__)
                continue
            if answer.status_code == 200:
                return dict(answer.json())
            assert answer.status_code == 503, answer.text
            self.faults.add(answer.json()["detail"])
            time.sleep(0.05)

    def was_told(self, word: str) -> bool:
        return any(word in fault for fault in tuple(self.faults))

    def check(self, database: Database) -> None:
        """Every acknowledged fuelling is there once, with the receipt that was given."""
        for report, receipt in self.receipts.values():
            assert self.post("/v1/fuellings", report) == receipt
        view = cards(database, self.card)[0]
        assert view.balance_fen == 10**8 - sum(r["charged_fen"] for _, r in self.receipts.values())
        assert view.held_fen == 0


@contextmanager
def small_disk(folder: Path, size_kib: int) -> Iterator[Path]:
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size_kib}k", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("a small tmpfs cannot be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def test_disk_full(migrated_file: Path, tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 16384) as disk:
        url = f"sqlite:///{shutil.copy(migrated_file, disk / 'service.sqlite3')}"
        world = World(Database(url))
        with running(create_app(url, guard=EMBEDDED)) as base:
            unit = Lane(base, world, 1)
            unit.visit()
            filler = disk / "filler"
            _fill(filler)
            refused = requests.get(f"{base}/healthz", timeout=30)
            threading.Thread(target=_make_room, args=(filler, unit), daemon=True).start()
            for _ in range(40):
                unit.visit()
            assert unit.was_told("full"), (unit.faults, refused.text)
            unit.check(world.database)
        assert audit(world.database).findings == ()
        world.database.close()


def _make_room(filler: Path, unit: Lane) -> None:
    """Once the lane unit was told that there is none."""
    while not unit.was_told("full"):
        time.sleep(0.05)
    filler.unlink()


def _fill(path: Path) -> None:
    with path.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while file.write(b"\0" * 4096):
            pass


def test_database_locked(sqlite_url: str) -> None:
    world = World(Database(sqlite_url))
    with running(create_app(sqlite_url, guard=EMBEDDED)) as base:
        unit = Lane(base, world, 1)
        unit.visit()
        with world.database.writing(), Standstill() as still:
            answer = requests.post(
                f"{base}/v1/authorisations",
                json=encode(world.question(unit.plate, captured_at=SystemWallClock().now())),
                timeout=30,
            )
            assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
            assert "locked" in answer.json()["detail"]
            assert still.took_s < 15
            assert requests.get(f"{base}/healthz", timeout=30).status_code == 503, "nothing can be written"
        unit.visit()
        assert requests.get(f"{base}/healthz", timeout=30).status_code == 200
        unit.check(world.database)
    assert audit(world.database).findings == ()
    world.database.close()


@pytest.mark.database
def test_postgresql_is_restarted_under_load() -> None:
    cluster = Cluster(programs())
    cluster.start()
    try:
        url = cluster.database()
        database = Database(url)
        database.migrate()
        world = World(database)
        with running(create_app(url, guard=EMBEDDED)) as base:
            units = [Lane(base, world, n) for n in range(1, LANES + 1)]
            over = threading.Event()
            with ThreadPoolExecutor(LANES) as pool:
                work = [pool.submit(_until, over, unit) for unit in units]
                for mode in ("immediate", "fast", "immediate"):
                    time.sleep(1.5)
                    cluster.stop(mode)
                    away = requests.get(f"{base}/healthz", timeout=30)
                    assert (away.status_code, away.json()["code"]) == (503, "unavailable")
                    cluster.start()
                time.sleep(1.5)
                over.set()
                for done in work:
                    done.result(60)
            assert all(unit.receipts for unit in units)
            assert any(unit.faults for unit in units)
            database.engine.dispose()
            for unit in units:
                unit.check(database)
        assert audit(database).findings == ()
        database.close()
    finally:
        cluster.remove()


def _until(over: threading.Event, unit: Lane) -> None:
    while not over.is_set():
        unit.visit()


@pytest.mark.database
def test_several_workers_share_one_balance(cluster: Cluster, migrated_template: str) -> None:
    """`greenlane service --workers 3`: the vehicles of one card race for its money through all workers."""
    url = cluster.database(migrated_template)
    database = Database(url)
    world = World(database)
    world.card(fen=55_000)
    plates = world.fleet(16)
    with _service(url, workers=3) as base, ThreadPoolExecutor(16) as pool:
        for _ in range(20):
            questions = [
                encode(world.question(plate, captured_at=SystemWallClock().now(), visit=uuid.uuid4().hex))
                for plate in plates
            ]
            answers = list(
                pool.map(lambda q: requests.post(f"{base}/v1/authorisations", json=q, timeout=30).json(), questions)
            )
            allowed = [a["authorisation"] for a in answers if a["decision"] == "allow"]
            assert len(allowed) == 5
            for name in allowed:
                assert requests.post(f"{base}/v1/authorisations/{name}/release", timeout=30).status_code == 204
    assert audit(database).findings == ()
    database.close()


@contextmanager
def _service(url: str, workers: int) -> Iterator[str]:
    base = f"http://127.0.0.1:{free_port()}"
    command = [sys.executable, "-c", _COMMAND, "service", "--database", url, "--listen", base[7:]]
    process = subprocess.Popen([*command, "--workers", str(workers), "--allow-unsigned"], stderr=subprocess.DEVNULL)
    try:
        for _ in range(600):
            try:
                if requests.get(f"{base}/healthz", timeout=30).status_code == 200:
                    break
            except requests.RequestException:
                time.sleep(0.1)
        yield base
    finally:
        process.terminate()
        process.wait(30)
