"""Service, then station, then lane are upgraded from the version before, in the middle of their work."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests

from controller.clock import SystemClock
from controller.outbound.courier import Courier, balance_senders
from controller.outbound.http import HttpBalanceService
from controller.outbound.key_pair import KeyPair
from controller.outbound.outbox import Outbox
from controller.outbound.signing import Signer
from controller.outbound.statefile import StateFile
from service.admin.dispensers import Dispensers
from service.books.books import Books
from service.offline.visits import offline_visits
from service.reports.audit import audit
from service.reports.statement import cards, rejected
from service.store.clock import SystemWallClock
from service.store.database import Database
from tests.service.identity.served import Program
from tests.station.cable import Cable, Fault
from tests.station.test_processes import wait_for
from tests.upgrade.previous import PreviousLane, PreviousProgram, greenlane, unpacked

pytestmark = pytest.mark.slow
PLATE = "粤B12345"


@dataclass
class Town:
    """A service, a station and a lane of the version before, at work. Each piece can be replaced by this version's."""

    stack: ExitStack
    tree: Path
    url: str
    service: Program
    station: Program
    station_port: int
    cable: Cable
    folder: Path
    lane: PreviousLane

    @property
    def lane_key(self) -> Path:
        return self.folder / "lane.key"

    def upgrade_service(self) -> None:
        self.service.kill()
        self.service = _this(self.service, "service", "--database", self.url)
        self.stack.enter_context(self.service)

    def upgrade_station(self) -> None:
        self.station.kill()
        self.station = _this(self.station, "station", "--upstream", self.cable.url, "--state", str(self.folder / "st"))
        self.stack.enter_context(self.station)

    def health(self, of: str) -> str:
        return str(requests.get(f"http://127.0.0.1:{self.station_port}/healthz", timeout=30).json()[of])


def _this(old: Program, *words: str) -> Program:
    """This version's program on the old one's port."""
    new = Program(*words)
    new._port = old._port
    new._command = [*new._command[:-1], f"127.0.0.1:{old._port}"]
    return new


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return unpacked(tmp_path_factory.mktemp("previous"))


@pytest.fixture
def town(tree: Path, tmp_path: Path) -> Iterator[Town]:
    url = f"sqlite:///{tmp_path / 'service.sqlite3'}"

    def admin(words: str) -> str:
        return greenlane(tree, "admin", "--database", url, *words.split())

    for words in ("station set S1 --preset 100", "price set S1 92 8", "card create C1", f"plate bind {PLATE} C1"):
        admin(words)
    admin("top-up C1 1000")
    admin("offline station S1 400")
    with ExitStack() as stack:
        service = PreviousProgram(tree, "service", "--database", url)
        cable = Cable(stack.enter_context(service))
        stack.callback(cable.close)
        made = admin("enrol --station S1 --kind station").split()[0]
        greenlane(tree, "enrol", made, "--service", cable.url, "--state", str(tmp_path / "st"))
        station = PreviousProgram(tree, "station", "--upstream", cable.url, "--state", str(tmp_path / "st"))
        port = stack.enter_context(station)
        made = admin("enrol --station S1 --kind lane --lane L1").split()[0]
        base = f"http://127.0.0.1:{port}"
        greenlane(tree, "enrol", made, "--service", base, "--key", str(tmp_path / "lane.key"))
        lane = stack.enter_context(PreviousLane(tree, base, tmp_path / "lane.key", tmp_path / "lane.sqlite3"))
        town = Town(stack, tree, url, service, station, port, cable, tmp_path, lane)
        wait_for(lambda: town.health("offline_list") == "good")
        yield town


def question(visit: str, **changes: Any) -> dict[str, Any]:
    now = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    values = {"visit": visit, "station": "S1", "lane": "L1", "plate": PLATE, "typed": False, "captured_at": now}
    return {**values, "confidence": 0.98, "weakest": 0.97, **changes}


def fuelling(answer: dict[str, Any], sequence: int) -> dict[str, Any]:
    """Ten litres at 8 yuan, as the version before writes it."""
    now, before_ml = datetime.now(UTC), 1_000_000 + 10_000 * sequence
    return {
        "station": "S1",
        "lane": "L1",
        "dispenser": "dispenser-1",
        "sequence": sequence,
        "visit": answer["visit"],
        "authorisation": answer["authorisation"],
        "plate": PLATE,
        "started_at": (now - timedelta(seconds=60)).isoformat(),
        "ended_at": now.isoformat(),
        "volume_ml": 10_000,
        "amount_fen": 8_000,
        "unit_price_fen_per_l": 800,
        "product": "92",
        "totaliser_before_ml": before_ml,
        "totaliser_after_ml": before_ml + 10_000,
        "flags": [],
    }


def sent(lane: PreviousLane) -> None:
    """The old lane's outbox is empty and nothing of it was refused for good."""
    wait_for(lambda: lane.do("send") == {"waiting": 0, "parked": []})


def balance(url: str) -> int:
    database = Database(url)
    try:
        return cards(database, "C1")[0].balance_fen
    finally:
        database.close()


def test_an_open_authorisation_and_a_full_outbox_live_through_all_three_upgrades(town: Town) -> None:
    first = town.lane.do("ask", question=question("v1"))
    assert (first["decision"], first["reason"]) == ("allow", "ok")
    before = fuelling(first, 1)
    town.lane.do("put", key="dispenser-1/1", fuelling=before)

    town.upgrade_service()
    wait_for(lambda: town.health("line") == "up")
    assert town.lane.do("renew", authorisation=first["authorisation"])["decision"] == "allow"
    sent(town.lane)
    assert balance(town.url) == 100_000 - 8_000

    town.upgrade_station()
    wait_for(lambda: town.health("line") == "up")
    second = town.lane.do("ask", question=question("v2"))
    assert (second["decision"], second["reason"]) == ("allow", "ok")
    assert town.lane.do("prices") == [{"product": "92", "unit_price_fen_per_l": 800}]
    town.lane.do("put", key="dispenser-1/2", fuelling=fuelling(second, 2))
    town.lane.do("put", key="again/1", fuelling=before)
    sent(town.lane)
    assert balance(town.url) == 100_000 - 16_000, "the repeat of the first is booked once"

    third = town.lane.do("ask", question=question("v3"))
    town.lane.do("put", key="dispenser-1/3", fuelling=fuelling(third, 3))
    _new_lane_sends(town)
    assert balance(town.url) == 100_000 - 24_000
    database = Database(town.url)
    assert audit(database).findings == ()
    database.close()


def _new_lane_sends(town: Town) -> None:
    """This version's lane unit opens the old one's state file and sends what waits there."""
    clock = SystemClock()
    base = f"http://127.0.0.1:{town.station_port}"
    service = HttpBalanceService(base, "S1", sign=Signer(KeyPair.load(town.lane_key), clock))
    with StateFile(town.folder / "lane.sqlite3", clock) as state:
        outbox = Outbox(state, clock)
        courier = Courier(outbox, balance_senders(service), clock, random.Random(2))
        assert len(outbox.waiting()) == 1
        courier.step()
        assert outbox.waiting() == outbox.parked() == ()
    service.close()


def test_offline_grants_under_way_are_settled_by_the_upgraded_service_and_station(town: Town) -> None:
    town.cable.fault = Fault.REFUSED
    wait_for(lambda: town.lane.do("ask", question=question("o1", plate="粤B00000"))["error"] == "ServiceFault")
    granted = town.lane.do("ask", question=question("o2"))
    assert granted["reason"] == "offline_allowed"
    town.lane.do("put", key="dispenser-1/1", fuelling=fuelling(granted, 1))
    sent(town.lane)

    town.upgrade_service()
    town.upgrade_station()
    again = town.lane.do("ask", question=question("o3"))
    assert again["reason"] == "offline_allowed", "the list of the version before is still good"
    town.lane.do("put", key="dispenser-1/2", fuelling=fuelling(again, 2))
    sent(town.lane)

    town.cable.fault = Fault.NONE
    wait_for(lambda: balance(town.url) == 100_000 - 16_000)
    database = Database(town.url)
    assert [v.conflicts for v in offline_visits(database) if v.amount_fen] == [(), ()]
    assert audit(database).findings == ()
    database.close()


def test_an_old_lane_is_refused_with_reasons_that_it_knows(town: Town) -> None:
    town.upgrade_service()
    town.upgrade_station()
    wait_for(lambda: town.health("line") == "up")
    for visit, values in (
        ("r1", {"plate": "粤B99999"}),
        ("r2", {"typed": True}),
        ("r3", {"lane": "L1", "weakest": 0.1}),
    ):
        answer = town.lane.do("ask", question=question(visit, **values))
        assert "error" not in answer, answer


def test_a_report_under_another_lanes_dispenser_is_parked_by_a_lane_of_the_version_before(town: Town) -> None:
    """Its client knows no code for that, and would send what it does not understand again for ever."""
    town.upgrade_service()
    wait_for(lambda: town.health("line") == "up")
    database = Database(town.url)
    Dispensers(Books(database, SystemWallClock()), "test").bind("S1", "dispenser-1", "L2")
    answer = town.lane.do("ask", question=question("v1"))
    town.lane.do("put", key="dispenser-1/1", fuelling=fuelling(answer, 1))
    town.lane.do("put", key="dispenser-9/1", fuelling={**fuelling(answer, 1), "dispenser": "dispenser-9"})
    wait_for(lambda: town.lane.do("send") == {"waiting": 0, "parked": ["key_reused"]})
    assert balance(town.url) == 100_000 - 8_000
    assert [r["code"] for r in rejected(database, "S1", None)] == ["other_lanes_dispenser"]
    assert audit(database).findings == ()
    database.close()
