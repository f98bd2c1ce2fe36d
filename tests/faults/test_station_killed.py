"""The station's central control is killed at every write point, line cut and line up; disks fill; nothing is lost."""

from __future__ import annotations

import subprocess
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from service.books.messages import Ask, Report
from service.errors import Unavailable
from service.offline.visits import offline_visits
from service.reports.audit import audit
from service.reports.statement import cards
from service.server import running
from tests.faults.test_outbox_disk import fill
from tests.faults.test_service_killed import Lane
from tests.service.identity.kit import PLATE
from tests.service.identity.kit import ServiceRig as Server
from tests.station.cable import Cable, Fault
from tests.station.rig import StationRig, enrol
from tests.station.test_processes import wait_for
from wire.codec import encode
from wire.fuellings import Fuelling, FuellingReceipt
from wire.questions import Question

pytestmark = pytest.mark.faults
MONEY_FEN = 10**9


class Yard:
    """A server, a cable, and a lane unit before a station that is killed."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.server = Server(folder)
        self.server.clock.moment = datetime.now(UTC)
        self.server.admin.stations.set("S1", offline_fen=10**8)
        self.server.admin.stations.set_price("S1", "92", 800)
        url = stack.enter_context(running(self.server.app))
        self.cable = Cable(int(url.rpartition(":")[2]))
        stack.callback(self.cable.close)
        state = folder / "station"
        enrol(self.server, state)
        self.lane = Lane(folder, "tests.faults.station_zygote", str(state), self.cable.url)
        stack.callback(self.lane.close)
        self.sequence = 0

    @property
    def database(self) -> Any:
        return self.server.app.state.books.database

    def visit(self) -> None:
        """One vehicle: asked, allowed, fuelled for 80 yuan."""
        self.server.clock.moment = datetime.now(UTC)
        question = Question(
            visit=uuid.uuid4().hex,
            station="S1",
            lane="L1",
            plate=PLATE,
            typed=False,
            captured_at=datetime.now(UTC),
            confidence=1.0,
            weakest=1.0,
        )
        decision = self.lane.post("/v1/authorisations", encode(question))
        assert decision["decision"] == "allow", decision
        self.sequence += 1
        now, before_ml = datetime.now(UTC), 1_000_000 + 10_000 * self.sequence
        report = Fuelling(
            station="S1",
            lane="L1",
            dispenser="D1",
            sequence=self.sequence,
            visit=question.visit,
            authorisation=decision["authorisation"],
            plate=PLATE,
            started_at=now - timedelta(seconds=9),
            ended_at=now,
            volume_ml=10_000,
            amount_fen=8_000,
            unit_price_fen_per_l=800,
            product="92",
            totaliser_before_ml=before_ml,
            totaliser_after_ml=before_ml + 10_000,
        )
        assert self.lane.post("/v1/fuellings", encode(report))["charged_fen"] == 8_000

    def settled(self) -> bool:
        self.server.clock.moment = datetime.now(UTC)
        return cards(self.database, "C1")[0].balance_fen == MONEY_FEN - 8_000 * self.sequence


@pytest.fixture
def yard(tmp_path: Path) -> Iterator[Yard]:
    with ExitStack() as stack:
        yield Yard(tmp_path, stack)


@pytest.mark.parametrize("fault", [Fault.REFUSED, Fault.NONE], ids=["cut", "up"])
def test_killed_at_every_write_point(yard: Yard, fault: Fault) -> None:
    yard.lane.start(0)
    wait_for(lambda: yard.lane.get("/healthz")["offline_list"] == "good")
    yard.lane.stop()
    yard.cable.fault = fault
    yard.lane.start(0)
    yard.visit()
    last = yard.lane.points
    assert last > 12
    yard.lane.stop()
    for deadly in range(1, last + 1):
        yard.lane.start(deadly)
        yard.visit()
        yard.lane.stop()
    assert yard.lane.kills > 0.6 * last
    yard.cable.fault = Fault.NONE
    yard.lane.start(0)
    wait_for(yard.settled, 60)
    found = audit(yard.database)
    assert found.findings == ()
    assert found.fuellings == yard.sequence
    assert [v.conflicts for v in offline_visits(yard.database) if v.conflicts] == []
    print(f"{yard.lane.kills} kills over {last} write points, {yard.sequence} fuellings posted once")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 4 MB for the station's files."""
    place = tmp_path / "station"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4m,mode=700", "tmpfs", str(place)], capture_output=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip("no small disk can be mounted here")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def test_a_full_disk_is_a_clear_503_and_loses_nothing(tmp_path: Path, small_disk: Path) -> None:
    with StationRig(tmp_path).open() as rig:
        rig.step()
        rig.cut()
        taken = [rig.fuelling(None, 800) for _ in range(3)]
        for fuelling in taken:
            rig.report(fuelling)
        ballast = fill(small_disk)
        waiting = []
        for _ in range(400):
            fuelling = rig.fuelling(None, 800)
            try:
                answer = rig.answer(Report(fuelling))
            except Unavailable:
                waiting.append(fuelling)
                break
            assert isinstance(answer, FuellingReceipt)
            taken.append(fuelling)
        with pytest.raises(Unavailable, match="the disk is full"):
            rig.answer(Report(waiting[0]))
        with pytest.raises(Unavailable, match="full"):
            rig.answer(Ask(rig.question()))
        with pytest.raises(Unavailable, match="full"):
            rig.wiring.control.health()
        ballast.unlink()
        assert rig.ask().authorisation is not None
        for fuelling in waiting:
            rig.report(fuelling)
        rig.mend()
        rig.step()
        rig.step()
        found = audit(rig.server.app.state.books.database)
        assert found.findings == ()
        assert found.fuellings == len(taken) + len(waiting)
