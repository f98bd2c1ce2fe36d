"""A dispenser is its lane's: no other lane of the station reports under it until an operator says so."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from sqlalchemy import text

from greenlane.cli import main
from service.admin.dispensers import Dispensers
from service.books.books import Books
from service.books.messages import Refused, Report
from service.errors import AdminError
from service.http.refusal_words import in_chinese
from service.identity.trail import last
from service.reports.audit import audit
from service.reports.statement import cards, rejected
from service.store import schema
from service.store.database import Database
from tests.service.books.test_races import one_by_one
from tests.service.world import Pump, World
from wire.fuellings import Fuelling, FuellingReceipt
from wire.reasons import ErrorCode


def dispensers(world: World) -> Dispensers:
    return Dispensers(world.books, "tester")


def foreign(world: World, fuelling: Fuelling) -> None:
    """Refused as another lane's, and nothing of the card was touched."""
    before = cards(world.database, "C1")[0]
    refused = world.refused(Report(fuelling))
    assert refused.code is ErrorCode.OTHER_LANES_DISPENSER
    assert cards(world.database, "C1")[0] == before


def test_another_lane_neither_takes_money_nor_the_sequence(world: World) -> None:
    world.card(fen=100_000)
    pump = Pump("D1")
    world.report(pump.fuelling(world.clock, 1_000, authorisation=world.allowed()))
    theft = replace(pump, sequence=pump.sequence).fuelling(world.clock, 90_000, lane="L2")
    foreign(world, theft)
    honest = world.report(pump.fuelling(world.clock, 2_000, authorisation=world.allowed()))
    assert (honest.sequence, honest.charged_fen, honest.flags) == (2, 1_600, ())
    foreign(world, theft)
    kept = rejected(world.database, "S1", None)
    assert [(r["code"], r["dispenser"], r["sequence"]) for r in kept] == [("other_lanes_dispenser", "D1", 2)]
    assert kept[0]["detail"] == "dispenser D1 belongs to lane L1, not to L2"
    assert audit(world.database).findings == ()


def test_in_one_batch_the_first_report_binds_and_the_second_is_another_lanes(world: World) -> None:
    world.card(fen=100_000)
    pump = Pump("D1")
    first, second = pump.fuelling(world.clock, 1_000), pump.fuelling(world.clock, 1_000, lane="L2")
    taken, refused = world.books.carry_out([Report(first), Report(second)])
    assert isinstance(taken, FuellingReceipt)
    assert isinstance(refused, Refused)
    assert refused.code is ErrorCode.OTHER_LANES_DISPENSER


@pytest.mark.parametrize("name", ["D１", "D\u200b1", "Ⅾ1", "D1\ufe0f", " D1", "加油机１"])
def test_a_first_report_makes_no_dispenser_that_looks_like_another(world: World, name: str) -> None:
    """One that is known by such a name, as from before this was asked, goes on."""
    world.card(fen=100_000)
    world.report(Pump("D1").fuelling(world.clock, 1_000))
    refused = world.refused(Report(Pump(name).fuelling(world.clock, 1_000)))
    assert refused.code is ErrorCode.MALFORMED
    assert in_chinese(refused.detail) != refused.detail
    assert [one.dispenser for one in dispensers(world).list()] == ["D1"]
    with world.database.writing() as connection:
        known = {"station": "S1", "id": name, "last_sequence": 0, "totaliser_ml": 0}
        connection.execute(schema.dispensers.insert().values(known))
    assert world.report(Pump(name).fuelling(world.clock, 1_000)).dispenser == name
    assert audit(world.database).findings == ()


def test_an_operator_binds_before_the_first_report(world: World) -> None:
    world.card(fen=100_000)
    pump = Pump("D1", sequence=41)
    assert dispensers(world).bind("S1", "D1", "L1") == ()
    foreign(world, replace(pump).fuelling(world.clock, 1_000, lane="L2"))
    assert world.report(pump.fuelling(world.clock, 1_000, authorisation=world.allowed())).flags == ()
    assert audit(world.database).findings == ()
    (one,) = dispensers(world).list()
    assert (one.lanes, one.by_operator, one.last_sequence, one.last_lane) == (("L1",), True, 42, "L1")


def test_a_dispenser_moves_by_an_operators_word(world: World) -> None:
    world.card(fen=100_000)
    pump, operator = Pump("D1"), dispensers(world)
    earlier = pump.fuelling(world.clock, 1_000)
    receipt = world.report(earlier)
    assert operator.bind("S1", "D1", "L7") == ("L1",)
    assert world.report(earlier) == receipt, "a repeat of what was taken"
    foreign(world, replace(pump).fuelling(world.clock, 1_000))
    moved = pump.fuelling(world.clock, 1_000, lane="L7")
    assert world.report(moved).flags == ("uncovered",)
    with world.database.reading() as connection:
        (deed,) = [deed for deed in last(connection, 9) if deed.action == "bind_dispenser"]
    assert (deed.actor, deed.subject) == ("tester", "D1")
    assert deed.detail == {"station": "S1", "from": '["L1"]', "lanes": '["L7"]'}
    assert operator.bind("S1", "D1", "L7") == ("L7",), "no second line in the trail"
    assert audit(world.database).findings == ()


def test_two_lanes_share_one_and_one_is_taken_from_it_again(world: World) -> None:
    world.card(fen=100_000)
    pump, operator = Pump("D1"), dispensers(world)
    world.report(pump.fuelling(world.clock, 1_000))
    operator.bind("S1", "D1", "L2", also=True)
    for lane in ("L2", "L1", "L2"):
        world.report(pump.fuelling(world.clock, 1_000, lane=lane))
    assert operator.release("S1", "D1", "L1") == ("L2",)
    foreign(world, replace(pump).fuelling(world.clock, 1_000))
    assert operator.release("S1", "D1", "L2") == ()
    assert audit(world.database).findings == ()
    world.report(pump.fuelling(world.clock, 1_000, lane="L3"))
    (one,) = operator.list("S1")
    assert (one.lanes, one.by_operator) == (("L3",), False)
    assert audit(world.database).findings == ()


def test_a_dispenser_of_the_same_name_elsewhere_is_another(world: World) -> None:
    world.card(fen=100_000)
    world.admin.stations.set("S2")
    world.report(Pump("dispenser-1").fuelling(world.clock, 1_000))
    world.report(Pump("dispenser-1").fuelling(world.clock, 1_000, station="S2", lane="L8"))
    assert [(d.station, d.lanes) for d in dispensers(world).list()] == [("S1", ("L1",)), ("S2", ("L8",))]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda operator: operator.bind("S9", "D1", "L1"), "no station S9"),
        (lambda operator: operator.bind("S1", "", "L1"), "a dispenser's name"),
        (lambda operator: operator.bind("S1", "D1", "L" * 41), "a lane's name"),
        (lambda operator: operator.release("S1", "D1", "L1"), "does not belong to lane L1"),
    ],
)
def test_what_cannot_be_bound(world: World, change: Callable[[Dispensers], object], words: str) -> None:
    with pytest.raises(AdminError, match=words):
        change(dispensers(world))
    assert audit(world.database).findings == ()


def test_of_two_lanes_that_begin_at_once_one_gets_it(world: World, database_url: str) -> None:
    """And an operator who binds meanwhile has the last word."""
    world.card(fen=1_000_000)
    begin = threading.Barrier(3)
    databases = [Database(database_url) for _ in range(2)]

    def told(database: Database, fuelling: Fuelling) -> object:
        begin.wait(30)
        return one_by_one(Books(database, world.clock), Report(fuelling))

    def bound(name: str) -> object:
        begin.wait(30)
        return dispensers(world).bind("S1", name, "L2")

    with ThreadPoolExecutor(3) as pool:
        for number in range(24):
            pump = Pump(f"D{number}")
            reports = [replace(pump).fuelling(world.clock, 1_000, lane=lane) for lane in ("L1", "L2")]
            told_ones = [pool.submit(told, *both) for both in zip(databases, reports, strict=True)]
            operator = pool.submit(bound, pump.name)
            answers = [one.result(60) for one in told_ones]
            operator.result(60)
            (one,) = [d for d in dispensers(world).list() if d.dispenser == pump.name]
            assert one.lanes == ("L2",)
            assert sum(isinstance(answer, FuellingReceipt) for answer in answers) == 1
    for database in databases:
        database.close()
    assert audit(world.database).findings == ()


@pytest.mark.sample(3)
@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("update dispenser_lanes set lane = 'L2'", "belongs to lane L2 by a report of another"),
        ("delete from dispenser_lanes", "belongs to lane -, the trail says its first report"),
        ("update dispenser_lanes set fuelling = null", "by no report and no operator"),
        ("insert into dispenser_lanes select station, dispenser, 'L2', 0, 1, null from dispenser_lanes", "L1, L2"),
        ("update dispenser_lanes set after_sequence = 9", "after sequence 9, it has come to 1"),
    ],
)
def test_the_audit_names_what_was_done_by_hand(world: World, statement: str, words: str) -> None:
    world.card(fen=100_000)
    world.report(Pump("D1").fuelling(world.clock, 1_000))
    assert audit(world.database).findings == ()
    with world.database.writing() as connection:
        connection.execute(text(statement))
    found = [f for f in audit(world.database).findings if f.check == "dispensers"]
    assert any(words in finding.words for finding in found), found


def test_the_audit_names_reports_of_lanes_that_it_did_not_belong_to(world: World) -> None:
    world.card(fen=100_000)
    pump, operator = Pump("D1"), dispensers(world)
    operator.bind("S1", "D1", "L1")
    world.report(pump.fuelling(world.clock, 1_000))
    with world.database.writing() as connection:
        connection.execute(text("update dispenser_lanes set lane = 'L2'"))
    world.report(pump.fuelling(world.clock, 1_000, lane="L2"))
    with world.database.writing() as connection:
        connection.execute(text("update dispenser_lanes set lane = 'L1'"))
    (found,) = audit(world.database).findings
    assert found.words == "fuelling D1 2 at S1 came from lane L2, which its dispenser does not belong to"


def test_an_enrolment_binds_the_lanes_dispenser(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.card(fen=100_000)
    url = world.database.url.render_as_string(hide_password=False)

    def enrol(kind: str, *place: str) -> tuple[int, str]:
        named = ["--kind", kind, "--station", "S1", *place, "--dispenser", "D1", "--database", url]
        return main(["admin", "enrol", *named]), capsys.readouterr().err

    assert enrol("lane", "--lane", "L1") == (0, "")
    assert enrol("lane", "--lane", "L1") == (0, ""), "another code for the same place"
    foreign(world, Pump("D1").fuelling(world.clock, 1_000, lane="L2"))
    refused = "greenlane admin: dispenser D1 belongs to lane L1; `dispenser bind` moves it\n"
    assert enrol("lane", "--lane", "L2") == (1, refused)
    assert enrol("station")[0] == 1
    assert world.report(Pump("D1").fuelling(world.clock, 1_000)).sequence == 1
    assert audit(world.database).findings == ()


def command(world: World, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    url = world.database.url.render_as_string(hide_password=False)
    status = main(["admin", "dispenser", *words, "--database", url])
    out, err = capsys.readouterr()
    return status, out, err


@pytest.mark.slow
def test_the_command_as_an_operator_types_it(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.card(fen=100_000)
    world.report(Pump("D1").fuelling(world.clock, 1_000))
    status, out, _ = command(world, capsys, "list")
    assert status == 0
    assert out.splitlines()[1].split()[:3] == ["S1", "D1", "L1"]
    assert "its first report" in out
    status, _, err = command(world, capsys, "bind", "S1", "D1", "L2")
    assert (status, err) == (
        1,
        "greenlane admin: dispenser D1 belongs to lane L1; say --yes to move it to L2\n",
    )
    status, out, _ = command(world, capsys, "bind", "S1", "D1", "L2", "--yes")
    assert (status, out) == (0, "dispenser D1 belongs to lane L2 of station S1\n")
    status, out, _ = command(world, capsys, "bind", "S1", "D1", "L3", "--also", "--json")
    assert (status, json.loads(out)["lanes"]) == (0, ["L2", "L3"])
    status, out, _ = command(world, capsys, "release", "S1", "D1", "L2")
    assert (status, out) == (0, "dispenser D1 belongs to lane L3 of station S1\n")
    status, out, _ = command(world, capsys, "release", "S1", "D1", "L3")
    assert (status, out) == (0, "dispenser D1 belongs to no lane: the next one that reports under it gets it\n")
    status, out, _ = command(world, capsys, "list", "S1", "--json")
    (one,) = json.loads(out)
    assert (one["lanes"], one["last_lane"], one["bound_at"]) == ([], "L1", None)
    assert audit(world.database).findings == ()
