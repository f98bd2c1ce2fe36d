"""P9 and P10: a plate typed at the panel is judged as one that was read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from service.admin.typed_plates import TypedPlates
from service.books.messages import Release
from service.identity.people import Role
from service.store.database import Database
from tests.service.identity.kit import PLATE as BOUND
from tests.service.identity.kit import lane_status
from tests.service.identity.test_pages import PASSWORD, csrf, log_in
from tests.service.new_books import put_new_books
from tests.service.world import PLATE, World
from tests.station.rig import StationRig
from wire.codec import decode
from wire.live import LampState, LaneStatus, OrderKind
from wire.reasons import Reason, Verdict
from wire.typed import TypedRule


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    database = Database(put_new_books(tmp_path / "service.sqlite3"))
    yield World(database)
    database.close()


@pytest.mark.sample(3)
@pytest.mark.parametrize("fen", [9_999, 10_000, 10_001])
@pytest.mark.parametrize("bound", [True, False])
def test_P10_typed_and_read_plates_are_judged_alike(world: World, fen: int, bound: bool) -> None:
    TypedPlates(world.books, "tester").set_rule("station", "S1", TypedRule.FREE)
    world.card(fen=fen, plate=PLATE if bound else None)
    read = world.ask()
    if read.authorisation is not None:
        world.send(Release(read.authorisation))
    typed = world.ask(typed=True, confidence=1.0, weakest=1.0)
    assert (typed.decision, typed.reason, typed.limit_fen) == (read.decision, read.reason, read.limit_fen)
    assert read.reason is (Reason.UNKNOWN_PLATE if not bound else Reason.OK if fen >= 10_000 else Reason.BELOW_PRESET)


@pytest.mark.slow
@pytest.mark.parametrize("is_cut", [False, True])
def test_P9_a_plate_typed_at_the_panel_goes_through_the_central_control_to_the_server(
    tmp_path: Path, is_cut: bool
) -> None:
    """Panel, control, lane, control, server; with the line cut by the station's own list, and told later."""
    with StationRig(tmp_path).open() as rig:
        TypedPlates(rig.server.app.state.books, "tester").set_rule("station", "S1", TypedRule.FREE)
        rig.step()
        rig.wiring.app.state.identity.people.add("pump", PASSWORD, Role.PANEL, "S1", "test", lane="L1")
        status = replace(decode(LaneStatus, lane_status()), at=rig.clock.now(), phase="red", lamp=LampState.RED)
        rig.wiring.app.state.station.lanes.take([status])
        if is_cut:
            rig.cut()
        with TestClient(rig.wiring.app, client=("10.1.0.9", 4711), follow_redirects=False) as panel:
            log_in(panel, "pump")
            form = {"csrf": csrf(panel), "plate": BOUND}
            answer = panel.post("/panel/L1/typed", data=form, headers={"Accept": "application/json"})
        assert answer.status_code == 202, answer.text
        (order,) = rig.wiring.app.state.station.orders.waiting("S1", "L1")
        assert (order.kind, order.plate) == (OrderKind.TYPED, BOUND)
        decision = rig.ask(order.plate, typed=True, confidence=1.0, weakest=1.0)
        assert (decision.decision, decision.plate) == (Verdict.ALLOW, BOUND)
        rig.mend()
        rig.report(rig.fuelling(decision, 7_200))
        for _ in range(3):
            rig.step()
        with rig.server.app.state.books.database.reading() as connection:
            asked = connection.exec_driver_sql("select plate, typed from authorisations").all()
            grants = connection.exec_driver_sql("select plate, typed from offline_grants").all()
            fuelled = connection.exec_driver_sql("select plate, amount_fen from fuellings").all()
        assert ([tuple(row) for row in asked], [tuple(row) for row in grants]) == (
            ([], [(BOUND, 1)]) if is_cut else ([(BOUND, 1)], [])
        )
        assert [tuple(row) for row in fuelled] == [(BOUND, 7_200)]
