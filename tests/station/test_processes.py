"""Service and station as processes, a lane unit's own client before them, all signed; the line is cut and mended."""

from __future__ import annotations

import json
import re
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests

from controller.clock import SystemClock
from controller.errors import Rejected, ServiceFault
from controller.outbound.http import HttpBalanceService
from controller.outbound.key_pair import KeyPair
from controller.outbound.signing import Signer
from greenlane.cli import main
from service.offline.visits import offline_visits
from service.reports.audit import audit
from service.reports.statement import cards
from service.store.database import Database
from tests.service.identity.served import Program, Served
from tests.service.identity.test_tls import Authority
from tests.service.world import ageless
from tests.standstill import Standstill
from tests.station.cable import Cable, Fault
from wire.fuellings import Fuelling
from wire.questions import Decision, Question
from wire.reasons import Reason, Verdict

pytestmark = pytest.mark.slow
PLATE = "粤B12345"
PATIENCE_S = 30.0
PATIENT = ("--deadline", "25")
"""A station for which a busy server is not a cut line."""


@dataclass
class Town:
    """What a test needs of the processes."""

    url: str
    station: Program
    station_port: int
    cable: Cable
    state: Path
    lane: HttpBalanceService
    key: KeyPair
    service_port: int

    def health(self, of: str = "line") -> str:
        return str(requests.get(f"http://127.0.0.1:{self.station_port}/healthz", timeout=30).json()[of])


def admin(capsys: pytest.CaptureFixture[str], url: str, *words: str) -> str:
    capsys.readouterr()
    assert main(["admin", "--database", url, *words]) == 0
    return capsys.readouterr().out


def code(capsys: pytest.CaptureFixture[str], url: str, *words: str) -> str:
    return admin(capsys, url, "enrol", "--station", "S1", *words).split()[0]


@pytest.fixture
def town(
    request: pytest.FixtureRequest, sqlite_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> Iterator[Town]:
    """Its parameter: more options of the station."""
    state, lane_key = tmp_path / "station", tmp_path / "lane.key"
    for words in (
        "station set S1 --preset 100",
        "price set S1 92 8",
        "card create C1",
        f"plate bind {PLATE} C1",
        "top-up C1 500",
        "offline station S1 200",
    ):
        admin(capsys, sqlite_url, *words.split())
    with ExitStack() as stack:
        port = stack.enter_context(Served(sqlite_url))
        cable = Cable(port)
        stack.callback(cable.close)
        made = code(capsys, sqlite_url, "--kind", "station")
        assert main(["enrol", made, "--service", cable.url, "--state", str(state)]) == 0
        options: tuple[str, ...] = getattr(request, "param", PATIENT)
        station = Program("station", "--upstream", cable.url, "--state", str(state), *options)
        station_port = stack.enter_context(station)
        base = f"http://127.0.0.1:{station_port}"
        made = code(capsys, sqlite_url, "--kind", "lane", "--lane", "L1")
        assert main(["enrol", made, "--service", base, "--key", str(lane_key)]) == 0
        key = KeyPair.load(lane_key)
        lane = HttpBalanceService(base, "S1", sign=Signer(key, SystemClock()))
        stack.callback(lane.close)
        town = Town(sqlite_url, station, station_port, cable, state, lane, key, port)
        wait_for(lambda: town.health("offline_list") == "good")
        yield town


def question(visit: str, **changes: object) -> Question:
    values: dict[str, object] = {
        "visit": visit,
        "station": "S1",
        "lane": "L1",
        "plate": PLATE,
        "typed": False,
        "captured_at": datetime.now(UTC),
        "confidence": 0.98,
        "weakest": 0.97,
    }
    return Question(**{**values, **changes})  # type: ignore[arg-type]


def fuelling(decision: Decision, sequence: int, volume_ml: int = 10_000) -> Fuelling:
    now, before_ml = datetime.now(UTC), 1_000_000 + 10_000 * sequence
    return Fuelling(
        station="S1",
        lane="L1",
        dispenser="D1",
        sequence=sequence,
        visit=decision.visit,
        authorisation=decision.authorisation,
        plate=decision.plate,
        started_at=now - timedelta(seconds=20),
        ended_at=now,
        volume_ml=volume_ml,
        amount_fen=volume_ml * 800 // 1000,
        unit_price_fen_per_l=800,
        product="92",
        totaliser_before_ml=before_ml,
        totaliser_after_ml=before_ml + volume_ml,
    )


def wait_for(true: Callable[[], bool], seconds: float = 20.0) -> None:
    ends = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < ends, "it did not come to pass"
        time.sleep(0.1)


@pytest.mark.parametrize("town", [()], indirect=True, ids=["usual options"])
def test_a_day_at_the_station(town: Town) -> None:
    """Up, cut, killed while cut, mended: each fuelling is posted once and the books are right."""
    database = Database(town.url)
    first = town.lane.ask(question("v1"), PATIENCE_S)
    assert (first.decision, first.reason) == (Verdict.ALLOW, Reason.OK)
    receipt = town.lane.report(fuelling(first, 1), PATIENCE_S)
    assert (receipt.captured_fen, receipt.flags) == (8_000, ())

    town.cable.fault = Fault.SILENT
    with Standstill() as still:
        second = town.lane.ask(question("v2"), PATIENCE_S)
        assert still.took_s < 2.5, "inside the lane unit's own deadline"
    assert (second.reason, second.limit_fen) == (Reason.OFFLINE_ALLOWED, 20_000)
    report = fuelling(second, 2)
    receipt = town.lane.report(report, PATIENCE_S)
    assert receipt.flags == ("provisional",)
    assert town.health() == "down"

    town.station.kill()
    with Program.again(town.station):
        wait_for(lambda: town.health() == "down")
        again = town.lane.ask(question("v2", captured_at=second_asked(town)), PATIENCE_S)
        assert ageless(again) == ageless(second)
        assert again.expires_in_s == 0.0, "it is spent: nothing is left of its time"
        assert town.lane.report(report, PATIENCE_S).flags == ("provisional",)
        assert town.lane.ask(question("v3"), PATIENCE_S).limit_fen == 12_000
        town.cable.fault = Fault.NONE
        wait_for(lambda: bool(offline_visits(database)) and cards(database, "C1")[0].balance_fen == 50_000 - 16_000)
        final = town.lane.report(report, PATIENCE_S)
        assert final.flags == ("offline",)
        assert audit(database).findings == ()
        assert [v.conflicts for v in offline_visits(database) if v.amount_fen] == [()]
    database.close()


def second_asked(town: Town) -> datetime:
    """When the second visit was asked about, as the station has kept it."""
    with closing(sqlite3.connect(town.state / "station.sqlite3")) as kept:
        (text,) = kept.execute("SELECT question FROM answer WHERE visit = 'v2'").fetchone()
    return datetime.fromisoformat(json.loads(text)["captured_at"])


def test_revocation_reaches_the_station_and_lasts_through_a_cut(town: Town, capsys: pytest.CaptureFixture[str]) -> None:
    assert town.lane.ask(question("v1"), PATIENCE_S).reason is Reason.OK
    shown = admin(capsys, town.url, "device", "list", "--station", "S1")
    device = re.search(r"^(d-\w+) +lane", shown, re.MULTILINE)
    assert device is not None
    admin(capsys, town.url, "device", "revoke", device[1])

    def refused() -> bool:
        try:
            town.lane.prices(PATIENCE_S)
        except Rejected as error:
            return "revoked" in error.detail
        return False

    wait_for(refused)
    town.cable.fault = Fault.REFUSED
    town.station.kill()
    with Program.again(town.station):
        wait_for(refused)


def test_a_new_key_through_the_station(town: Town, tmp_path: Path) -> None:
    base = f"http://127.0.0.1:{town.station_port}"
    key_file = tmp_path / "lane.key"
    assert main(["enrol", "--rotate", "--service", base, "--key", str(key_file)]) == 0
    new = KeyPair.load(key_file)
    assert new.key_id != town.key.key_id
    renewed = HttpBalanceService(base, "S1", sign=Signer(new, SystemClock()))
    assert renewed.ask(question("v1"), PATIENCE_S).reason is Reason.OK
    with pytest.raises(Rejected, match="revoked"):
        town.lane.ask(question("v2"), PATIENCE_S)
    renewed.close()


def test_the_line_down_and_nobody_on_the_list(town: Town) -> None:
    town.cable.fault = Fault.REFUSED
    with pytest.raises(ServiceFault, match="503"):
        town.lane.ask(question("v1", plate="粤B99999"), PATIENCE_S)


def test_a_folder_that_is_not_enrolled(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["station", "--upstream", "http://127.0.0.1:1", "--state", str(tmp_path)]) == 1
    assert "greenlane admin enrol --kind station" in capsys.readouterr().err
    assert main(["station", "--upstream", "books", "--state", str(tmp_path)]) == 1
    assert "--upstream books" in capsys.readouterr().err
    options = ["--upstream", "http://127.0.0.1:1", "--state", str(tmp_path)]
    for wrong in (["--list-key", "abc"], ["--cap", "much"], ["--listen", "8080"]):
        assert main(["station", *options, *wrong]) == 1
        assert "greenlane station: " in capsys.readouterr().err


def test_both_lines_over_tls(sqlite_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Company's and station's certificates by authorities of their own; no other is believed."""
    state, lane_key = tmp_path / "station", tmp_path / "lane.key"
    state.mkdir(mode=0o700)
    admin(capsys, sqlite_url, "station", "set", "S1")
    admin(capsys, sqlite_url, "price", "set", "S1", "92", "8")
    company, own = Authority(tmp_path, "company"), Authority(tmp_path, "own")
    books_cert, books_key = (str(path) for path in company.issue("books"))
    own_cert, own_key = (str(path) for path in own.issue("station"))
    with Served(sqlite_url, "--tls-cert", books_cert, "--tls-key", books_key) as port:
        upstream, ca = f"https://127.0.0.1:{port}", str(company.ca_file)
        made = code(capsys, sqlite_url, "--kind", "station")
        assert main(["enrol", made, "--service", upstream, "--ca", ca, "--state", str(state)]) == 0
        options = ("--tls-cert", own_cert, "--tls-key", own_key)
        with Program("station", "--upstream", upstream, "--ca", ca, "--state", str(state), *options) as at:
            base, trusted = f"https://127.0.0.1:{at}", str(own.ca_file)
            made = code(capsys, sqlite_url, "--kind", "lane", "--lane", "L1")
            assert main(["enrol", made, "--service", base, "--ca", trusted, "--key", str(lane_key)]) == 0
            sign = Signer(KeyPair.load(lane_key), SystemClock())
            for ca_file, believed in ((trusted, True), (ca, False)):
                lane = HttpBalanceService(base, "S1", sign=sign, ca_file=ca_file)
                if believed:
                    assert [p.product for p in lane.prices(PATIENCE_S)] == ["92"]
                else:
                    with pytest.raises(ServiceFault, match="certificate"):
                        lane.prices(PATIENCE_S)
                lane.close()
        with Program("station", "--upstream", upstream, "--ca", trusted, "--state", str(state)) as at:
            health = requests.get(f"http://127.0.0.1:{at}/healthz", timeout=30)
            wait_for(lambda: requests.get(health.url, timeout=30).json()["line"] == "down")
