"""P1 to P7, the founding document's first half: plate, card, balance, lamp and fuelling, one named test each."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from greenlane.cli import main
from service.errors import AdminError
from service.identity.guard import Guard
from service.reports.statement import cards, statement
from service.store import schema
from service.store.clock import from_us
from service.store.database import Database
from tests.service.identity.kit import CHEAP, ServiceRig, question
from tests.service.new_books import put_new_books
from tests.service.world import PLATE, Pump, World
from tests.simulation.clips import LevelReader, write_clip
from wire.devices import DeviceKind
from wire.fuellings import FuellingReceipt
from wire.reasons import Reason, Verdict

CAR, OTHER = "沪A8K526", "浙B72915"
PRESET_FEN = 10_000


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    database = Database(put_new_books(tmp_path / "service.sqlite3"))
    yield World(database)
    database.close()


@pytest.fixture
def clip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Two vehicles, one after the other; the reader knows each by its grey."""
    plates = {30: (CAR, 0.999), 200: (OTHER, 0.999)}
    monkeypatch.setattr("models.build.build_reader", lambda engine: LevelReader(plates))
    return str(write_clip(tmp_path / "two.mp4", [30, 200], stands_s=7.5))


def played(capsys: pytest.CaptureFixture[str], *words: str) -> list[dict[str, Any]]:
    assert main(["simulate", "--json", *words]) == 0
    visits: list[dict[str, Any]] = json.loads(capsys.readouterr().out)["visits"]
    return visits


def colours(visit: dict[str, Any]) -> list[str]:
    return [colour for _, colour in visit["lamp"]]


def held_fen(world: World) -> tuple[int, int]:
    """After one more question: what is held of C1 and of C2."""
    assert world.ask().decision is Verdict.ALLOW
    return cards(world.database, "C1")[0].held_fen, cards(world.database, "C2")[0].held_fen


def test_P1_the_server_takes_the_plate_from_the_camera_that_signs_for_its_own_lane(tmp_path: Path) -> None:
    """Signed yes; unsigned, forged, replayed and another lane's no, and nothing of them stays."""
    rig = ServiceRig(tmp_path, Guard(hasher=CHEAP))
    lane, other = rig.enrol(DeviceKind.LANE), rig.enrol(DeviceKind.LANE, lane="L2")
    with TestClient(rig.app) as client:
        asked = rig.signed(lane, "POST", "/v1/authorisations", question())
        answer = asked.send(client)
        assert (answer.status_code, answer.json()["decision"]) == (200, "allow")
        changed = rig.signed(lane, "POST", "/v1/authorisations", question(visit="v2"))
        forged = {**changed.headers, "Signature": asked.headers["Signature"]}
        refused = [
            asked.send(client),
            client.post("/v1/authorisations", json=question(visit="v3")),
            client.request(changed.method, changed.target, headers=forged, content=changed.body),
            rig.signed(other, "POST", "/v1/authorisations", question(visit="v4")).send(client),
        ]
        assert [one.status_code for one in refused] == [401, 401, 401, 403]
        with rig.app.state.books.database.reading() as connection:
            visits = connection.exec_driver_sql("select visit from authorisations").scalars().all()
    assert visits == ["v1"]


def test_P2_a_plate_is_bound_to_a_fuel_card(world: World) -> None:
    """Bound, moved, unbound, blocked; never to two cards."""
    world.card("C1", 50_000)
    world.card("C2", 50_000, plate=None)
    assert held_fen(world) == (PRESET_FEN, 0)
    with pytest.raises(AdminError, match="bound to card C1"):
        world.admin.plates.bind(PLATE, "C2", moved_from=None)
    world.admin.plates.bind(PLATE, "C2", moved_from="C1")
    assert held_fen(world) == (PRESET_FEN, PRESET_FEN)
    world.admin.plates.block(PLATE, True)
    assert world.ask().reason is Reason.PLATE_BLOCKED
    world.admin.plates.block(PLATE, False)
    assert world.ask().reason is Reason.OK
    world.admin.plates.unbind(PLATE)
    assert world.ask().reason is Reason.UNKNOWN_PLATE


def test_P3_below_the_preset_amount_the_refusal_is_sent_and_the_lamp_is_red(
    clip: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One fen below; red from the answer on, and the report of the visit says why."""
    words = ["--card", f"{CAR}=99.99", "--preset", "100", "--report", str(tmp_path / "report")]
    visit = played(capsys, clip, *words)[0]
    assert (visit["plate"], visit["decision"], visit["reason"]) == (CAR, "refuse", "below_preset")
    assert "green" not in colours(visit)
    assert [colour for at_s, colour in visit["lamp"] if at_s <= visit["decided_s"]][-1] == "red"
    assert "below_preset" in (tmp_path / "report" / "index.html").read_text(encoding="utf-8")


def test_P4_above_the_preset_amount_it_may_refuel_and_the_lamp_is_green(
    clip: str, capsys: pytest.CaptureFixture[str]
) -> None:
    visit = played(capsys, clip, "--card", f"{CAR}=100.01", "--preset", "100")[0]
    assert (visit["plate"], visit["decision"], visit["reason"], visit["limit_fen"]) == (CAR, "allow", "ok", PRESET_FEN)
    (green_s,) = (at_s for at_s, colour in visit["lamp"] if colour == "green")
    assert green_s >= visit["decided_s"]


@pytest.mark.parametrize(
    ("fen", "decision"),
    [(PRESET_FEN - 1, Verdict.REFUSE), (PRESET_FEN, Verdict.ALLOW), (PRESET_FEN + 1, Verdict.ALLOW)],
)
def test_P5_exactly_the_preset_amount_is_enough(world: World, fen: int, decision: Verdict) -> None:
    world.card(fen=fen)
    assert world.ask().decision is decision
    assert "exactly the preset amount is enough" in Path("docs/money.md").read_text(encoding="utf-8")


def test_P6_time_and_quantity_come_from_the_dispenser_to_the_server(world: World) -> None:
    """Start, end, volume, amount, price and both totalisers are kept as they were sent, and listed."""
    world.card(fen=50_000)
    sent = Pump("D1").fuelling(world.clock, 10_000, authorisation=world.allowed())
    assert isinstance(world.report(sent), FuellingReceipt)
    with world.database.reading() as connection:
        kept = connection.execute(select(schema.fuellings)).one()
    for name in ("dispenser", "sequence", "volume_ml", "amount_fen", "unit_price_fen_per_l"):
        assert getattr(kept, name) == getattr(sent, name), name
    assert (from_us(kept.started_us), from_us(kept.ended_us)) == (sent.started_at, sent.ended_at)
    totaliser = kept.totaliser_before_ml, kept.totaliser_after_ml
    assert totaliser == (sent.totaliser_before_ml, sent.totaliser_after_ml)
    line = statement(world.database, "C1", None, None)[-1]
    assert (line.dispenser, line.sequence, line.volume_ml) == ("D1", 1, 10_000)
    assert (line.amount_fen, line.plate) == (-8_000, PLATE)


@pytest.mark.slow
def test_P7_one_unit_drives_both_lamps_and_they_follow_this_visit_alone(
    clip: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Green for the first vehicle ends before the second comes, which has no card and stays red."""
    first, second = played(capsys, clip, "--card", f"{CAR}=500")
    assert (first["plate"], second["plate"]) == (CAR, OTHER)
    assert "green" in colours(first)
    assert "green" not in colours(second)
    assert "red" in colours(second)
    greens = [index for index, (_, colour) in enumerate(first["lamp"]) if colour == "green"]
    after = [at_s for at_s, _ in first["lamp"][greens[-1] + 1 :]]
    assert after, "green ends with the visit"
    assert after[0] <= second["first_seen_s"]
