"""`greenlane admin` as an operator types it: results, errors, exit status, JSON and CSV."""

from __future__ import annotations

import csv
import getpass
import io
import json
import re
import shutil
from collections.abc import Callable
from datetime import datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from greenlane.cli import main
from service.books.messages import Ask, Report
from service.reports.cells import harmless
from service.store.clock import SystemWallClock
from service.store.database import Database
from tests.service.world import PLATE, ManualClock, Pump, World

Admin = Callable[..., tuple[int, str, str]]


@pytest.fixture
def admin(sqlite_url: str, capsys: pytest.CaptureFixture[str]) -> Admin:
    """Runs one admin command; exit status, standard output, standard error."""

    def run(*words: str) -> tuple[int, str, str]:
        status = main(["admin", "--database", sqlite_url, *words])
        printed = capsys.readouterr()
        return status, printed.out, printed.err

    return run


@pytest.fixture(scope="module")
def stocked_file(migrated_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A station and a card of 500 yuan with a plate, made by commands, to be copied."""
    path = Path(shutil.copy(migrated_file, tmp_path_factory.mktemp("stocked")))
    for words in (
        ("station", "set", "S1", "--preset", "100"),
        ("price", "set", "S1", "92", "8"),
        ("card", "create", "C1", "--name", "王"),
        ("plate", "bind", "粤b·12345", "C1"),
        ("top-up", "C1", "500"),
    ):
        assert main(["admin", "--database", f"sqlite:///{path}", *words]) == 0
    return path


@pytest.fixture
def ready(stocked_file: Path, sqlite_url: str) -> World:
    """The stocked books."""
    shutil.copy(stocked_file, sqlite_url.removeprefix("sqlite:///"))
    return World(Database(sqlite_url), clock=ManualClock(SystemWallClock().now()))


def fuel(world: World, volume_ml: int = 10_000) -> None:
    question = world.question()
    decision: Any = world.send(Ask(question))
    pump = Pump("D1")
    world.send(Report(pump.fuelling(world.clock, volume_ml, authorisation=decision.authorisation)))


def test_a_card_from_creation_to_statement(admin: Admin, ready: World) -> None:
    fuel(ready)
    status, out, _ = admin("card", "show", "C1")
    assert status == 0
    assert "balance    420.00 yuan" in out
    assert PLATE in out
    status, out, _ = admin("statement", "C1", "--csv")
    rows = list(csv.reader(io.StringIO(out)))
    assert [(r[1], r[2], r[3]) for r in rows[1:]] == [("top_up", "500.00", "500.00"), ("fuelling", "-80.00", "420.00")]
    assert rows[2][4] == f"S1 D1 1 {PLATE}"
    assert "balance 420.00 yuan" in admin("statement", "C1")[1]
    assert admin("statement", "C1", "--until", "2020-01-01")[1].splitlines()[-1] == "balance 0.00 yuan"


def test_json_is_in_fen(admin: Admin, ready: World) -> None:
    card = json.loads(admin("card", "show", "C1", "--json")[1])
    assert (card["balance_fen"], card["plates"], card["state"]) == (50_000, [PLATE], "active")
    assert json.loads(admin("--json", "card", "list")[1]) == [card]
    assert [line["amount_fen"] for line in json.loads(admin("statement", "C1", "--json")[1])] == [50_000]


def test_money_commands(admin: Admin, ready: World) -> None:
    assert "balance 512.50" in admin("correct", "C1", "+12.50", "--note", "goodwill")[1]
    assert "balance 509.50" in admin("correct", "C1", "-3", "--note", "typing error")[1]
    assert "balance 500.00" in admin("refund", "C1", "9.50")[1]
    status, _, err = admin("refund", "C1", "500.01")
    assert (status, err) == (1, "greenlane admin: card C1 has 500.00 yuan free, not 500.01\n")
    assert "balance 600.00" in admin("top-up", "C1", "100", "--key", "till-1")[1]
    assert "nothing done now" in admin("top-up", "C1", "100", "--key", "till-1")[1]
    assert admin("top-up", "C1", "200", "--key", "till-1")[0] == 1


@pytest.mark.sample(3)
@pytest.mark.parametrize(
    ("words", "part"),
    [
        (("plate", "bind", "hello", "C1"), "'hello' is not a plate"),
        (("plate", "bind", PLATE, "C9"), "no card C9"),
        (("plate", "unbind", "粤B00000"), "not bound"),
        (("card", "create", "C1"), "exists already"),
        (("card", "create", " "), "name has 1 to 40"),
        (("card", "show", "C9"), "no card C9"),
        (("card", "preset", "C9", "5"), "no card C9"),
        (("card", "preset", "C1", "0"), "above 0"),
        (("top-up", "C1", "ten"), "'ten' is not an amount in yuan"),
        (("top-up", "C1", "-5"), "above 0"),
        (("top-up", "C9", "5"), "no card C9"),
        (("statement", "C9"), "no card C9"),
        (("reconcile", "S9", "2026-01-01"), "no station S9"),
        (("station", "set", "S1", "--zone", "Mars"), "not a time zone"),
        (("station", "set", "S1", "--zone", "localtime"), "not a time zone"),
        (("price", "set", "S9", "92", "8"), "no station S9"),
        (("price", "set", "S1", "92 ", "8"), "no blanks at its ends"),
        (("price", "list", "S9"), "no station S9"),
        (("claim", "D1", "1", "C1"), "no fuelling D1 1"),
        (("explain-gap", "D1", "1", "--note", "x"), "no fuelling D1 1"),
    ],
)
def test_errors_say_what_is_wrong(admin: Admin, ready: World, words: tuple[str, ...], part: str) -> None:
    status, out, err = admin(*words)
    assert (status, out) == (1, "")
    assert part in err


@pytest.mark.parametrize(
    ("words", "plain"),
    [
        (("card", "create", "C１"), "'C1'"),
        (("phone", "add", "e\u0301"), "'\u00e9'"),
        (("station", "set", "Ｓ1"), "'S1'"),
        (("price", "set", "S1", "9２", "8"), "'92'"),
        (("dispenser", "bind", "S1", "d１", "L1"), "'d1'"),
        (("enrol", "--kind", "lane", "--station", "S1", "--lane", "Ｌ1"), "'L1'"),
        (("vehicle", "set", PLATE, "--product", "９2"), "'92'"),
        (("card", "create", "С1"), "'C1'"),
        (("card", "create", "Ν1"), "'N1'"),
        (("phone", "add", "Wаng"), "'Wang'"),
        (("dispenser", "bind", "S1", "d－1", "L1"), "'d-1'"),
        (("enrol", "--kind", "lane", "--station", "S1", "--lane", "L١"), "'L1'"),
        (("station", "set", "⼀号站"), "'一号站'"),
    ],
)
def test_no_two_names_look_alike_by_their_letters(
    admin: Admin, ready: World, words: tuple[str, ...], plain: str
) -> None:
    """As an input method in its full-width mode writes them, a file of another system, or who means to deceive."""
    status, out, err = admin(*words)
    assert (status, out, err.count("\n")) == (1, "", 1)
    assert f"of another width, form or alphabet: write {plain}" in err


@pytest.mark.parametrize("unseen", ["\ufe0f", "\u3164", "\u115f", "\uffa0", "\u2800", "\u034f", "\U000e0100"])
@pytest.mark.parametrize("words", [("card", "create", "C1{}"), ("dispenser", "bind", "S1", "C1{}", "L1")])
def test_no_character_of_a_name_is_unseen(admin: Admin, ready: World, words: tuple[str, ...], unseen: str) -> None:
    """Python calls them printable, and no page or terminal shows them: one card would be two."""
    status, out, err = admin(*(word.format(unseen) for word in words))
    assert (status, out, err.count("\n")) == (1, "", 1)
    assert "characters of the name cannot be seen: write 'C1'" in err


def test_the_lane_of_a_panels_account_is_spelt_as_the_lane(
    admin: Admin, ready: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", StringIO("correct horse battery\n" * 2))
    words = ("person", "add", "pump", "--role", "panel", "--station", "S1", "--lane")
    assert "write 'L1'" in admin(*words, "Ｌ1")[2]


def test_a_name_mixes_no_alphabets(admin: Admin, ready: World) -> None:
    assert "mixes letters of several alphabets" in admin("card", "create", "C1д")[2]
    assert admin("phone", "add", "Ольга 陈")[0] == 0


def test_brackets_and_signs_of_a_name_stay_as_they_are(admin: Admin, ready: World) -> None:
    assert admin("phone", "add", "陈（司机）é №…")[0] == 0


def test_fuel_without_an_authorisation_waits_for_an_operator(admin: Admin, ready: World) -> None:
    assert admin("station", "set", "S1", "--unauthorised-cap", "20.50")[0] == 0
    assert "20.50" in admin("station", "list")[1]
    admin("station", "set", "S2")
    for station in ("S1", "S2"):
        ready.send(Report(Pump("dispenser-1").fuelling(ready.clock, 10_000, station=station)))
    listed = admin("suspense")[1].splitlines()
    assert len(listed) == 2
    assert all(word in listed[1] for word in ("S1 ", "dispenser-1", PLATE, "C1", "80.00", "59.50", "uncovered capped"))
    assert [s["suspended_fen"] for s in json.loads(admin("suspense", "--json")[1])] == [5_950]
    day = ready.clock.now().astimezone(LOCAL).date().isoformat()
    assert json.loads(admin("reconcile", "S1", day, "--json")[1])["unclaimed_fen"] == 5_950
    status, _, err = admin("claim", "dispenser-1", "1", "C1")
    assert (status, "exists at S1, S2: name one with --station" in err) == (1, True)
    assert "is not in suspense" in admin("claim", "dispenser-1", "1", "C1", "--station", "S2")[2]
    assert admin("write-off", "dispenser-1", "1", "--station", "S1", "--note", "test of the pump")[0] == 0
    assert "written off already" in admin("claim", "dispenser-1", "1", "C1", "--station", "S1")[2]
    assert admin("suspense")[1] == "nothing is in suspense\n"
    assert json.loads(admin("reconcile", "S1", day, "--json")[1])["unclaimed_fen"] == 0, "it was written off"
    assert "balance    399.50 yuan" in admin("card", "show", "C1")[1]
    assert admin("station", "set", "S1", "--unauthorised-cap", "preset")[0] == 0
    assert admin("audit")[0] == 0


def test_blocking(admin: Admin, ready: World) -> None:
    admin("plate", "block", PLATE)
    assert f"{PLATE} (blocked)" in admin("card", "show", "C1")[1]
    admin("plate", "unblock", PLATE)
    admin("card", "block", "C1")
    assert "C1 (王): blocked" in admin("card", "show", "C1")[1]
    admin("card", "unblock", "C1")
    admin("card", "preset", "C1", "20", "--whole-balance")
    assert "20.00 yuan, holds the whole balance" in admin("card", "show", "C1")[1]
    admin("card", "preset", "C1", "station")
    assert "the station's" in admin("card", "show", "C1")[1]


def test_reconciling_a_day(admin: Admin, ready: World) -> None:
    fuel(ready)
    day = ready.clock.now().astimezone(ZoneInfo("Asia/Shanghai")).date()
    status, out, _ = admin("reconcile", "S1", day.isoformat())
    assert status == 0
    assert "reported 80.00, posted 80.00, difference 0.00 yuan" in out
    assert out.rstrip().endswith("balanced")
    assert json.loads(admin("reconcile", "S1", day.isoformat(), "--json")[1])["captured_fen"] == 8_000
    assert json.loads(admin("reconcile", "S1", "2020-01-01", "--json")[1])["reported_fen"] == 0


@pytest.mark.slow
def test_audit_and_lists(admin: Admin, ready: World) -> None:
    fuel(ready)
    status, out, _ = admin("audit")
    assert (status, out.endswith("the books are right\n")) == (0, True)
    assert json.loads(admin("audit", "--json")[1])["clean"] is True
    assert "80.00" in admin("station", "list")[1]
    assert "8.00" in admin("price", "list", "S1")[1]
    assert admin("rejected")[0] == 0


def test_help_teaches(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["admin", "--help"])
    assert "greenlane admin top-up C1001 500" in capsys.readouterr().out


LOCAL = ZoneInfo("Asia/Shanghai")


def shown_times(out: str) -> list[datetime]:
    """The times with an offset that stand at the beginning of lines."""
    found = re.findall(r"^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d[+-]\d\d:\d\d)\b", out, re.MULTILINE)
    return [datetime.fromisoformat(text) for text in found]


def test_times_are_the_stations_own_with_their_offset(admin: Admin, ready: World) -> None:
    fuel(ready)
    now = ready.clock.now()
    for words in (("statement", "C1"), ("statement", "C1", "--csv"), ("trail",)):
        times = shown_times(admin(*words)[1])
        assert times, words
        assert {moment.utcoffset() for moment in times} == {timedelta(hours=8)}
        assert all(abs(moment - now) < timedelta(minutes=5) for moment in times)
    admin("station", "set", "S1", "--zone", "Asia/Kathmandu")
    assert {t.utcoffset() for t in shown_times(admin("statement", "C1")[1])} == {timedelta(hours=5, minutes=45)}


def test_a_day_without_an_offset_is_the_stations_day(admin: Admin, ready: World) -> None:
    """Fuelled the next day at six in the morning, by UTC on the day before, whatever hour it is now."""
    ended = (ready.clock.now().astimezone(LOCAL) + timedelta(days=1)).replace(hour=6, minute=0, second=0, microsecond=0)
    ready.clock.moment = ended
    fuel(ready)

    def fuelled(*words: str) -> bool:
        return "fuelling" in [line["kind"] for line in json.loads(admin("statement", "C1", *words, "--json")[1])]

    assert fuelled("--since", f"{ended:%Y-%m-%d}")
    assert not fuelled("--since", f"{ended + timedelta(days=1):%Y-%m-%d}")
    assert not fuelled("--until", f"{ended:%Y-%m-%d}")
    assert fuelled("--until", f"{ended + timedelta(minutes=1):%Y-%m-%dT%H:%M}")
    assert not fuelled("--until", f"{ended - timedelta(hours=7):%Y-%m-%dT%H:%M}")


@pytest.mark.parametrize("number", ["1000000000000000000000000000000", "0", "-1", "１", "1e3"])
def test_an_absurd_number_of_a_fuelling_is_refused_in_words(
    admin: Admin, ready: World, number: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for words in (("claim", "D1", number, "C1"), ("write-off", "D1", number, "--note", "x")):
        with pytest.raises(SystemExit):
            admin(*words)
        assert "is not a fuelling's number" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [
        ("reconcile", "S1", "9999-12-31"),
        ("reconcile", "S1", "0001-01-01"),
        ("statement", "C1", "--since", "0001-01-01"),
        ("statement", "C1", "--until", "9999-12-31T23:59:59+00:00"),
        ("rejected", "--since", "0001-01-01"),
    ],
)
def test_absurd_days_are_one_clear_line(admin: Admin, ready: World, words: tuple[str, ...]) -> None:
    status, out, err = admin(*words)
    assert (status, out, err.count("\n")) == (1, "", 1)
    assert "write one from 1970 to 9998" in err


def test_excel_gets_its_byte_order_mark_only_when_asked(admin: Admin, ready: World) -> None:
    assert admin("statement", "C1", "--csv", "--bom")[1].encode().startswith(b"\xef\xbb\xbftime,what,")
    assert admin("statement", "C1", "--csv")[1].startswith("time,what,")


def test_the_trail_has_every_movement_of_money_with_its_actor(admin: Admin, ready: World) -> None:
    fuel(ready)
    admin("refund", "C1", "20", "--note", "cash back")
    admin("correct", "C1", "-3", "--note", "typing error")
    deeds = json.loads(admin("trail", "--json")[1])
    assert [deed["at"] for deed in deeds] == sorted((deed["at"] for deed in deeds), reverse=True)
    moved = {deed["action"]: deed for deed in deeds if "yuan" in deed["detail"]}
    assert set(moved) == {"top_up", "fuelling", "refund", "correction"}
    assert {deed["subject"] for deed in moved.values()} == {"C1"}
    assert moved["fuelling"]["actor"] == "lane:S1/L1"
    assert moved["fuelling"]["detail"] == {
        "yuan": "80.00",
        "from": "card:C1",
        "to": "revenue:S1",
        "fuelling": "S1/D1/1",
        "plate": PLATE,
    }
    assert moved["refund"]["detail"]["note"] == "cash back"
    assert moved["refund"]["actor"] == moved["top_up"]["actor"] == getpass.getuser()
    shown = admin("trail", "--subject", "C1", "--limit", "3")[1]
    assert len(shown.splitlines()) == 4
    assert "correction" in shown.splitlines()[1]


def test_what_was_left_out_has_no_text_in_the_trail(admin: Admin) -> None:
    assert admin("station", "set", "S9")[0] == 0
    (deed,) = json.loads(admin("trail", "--subject", "S9", "--json")[1])
    assert deed["detail"]["zone"] is None
    assert "None" not in {value for value in deed["detail"].values() if isinstance(value, str)}


@pytest.mark.slow
def test_plates_are_shown_and_listed_and_lead_to_their_card(admin: Admin, ready: World) -> None:
    assert admin("card", "show", "粤b·12345")[1] == admin("card", "show", "C1")[1]
    shown = admin("plate", "show", PLATE)[1]
    assert "card   C1 (王): active" in shown
    admin("plate", "bind", "粤B00001", "C1")
    admin("plate", "block", "粤B00001")
    rows = [line.split()[:3] for line in admin("plate", "list")[1].splitlines()[1:]]
    assert rows == [["粤B00001", "C1", "blocked"], [PLATE, "C1", "active"]]
    assert [p["plate"] for p in json.loads(admin("plate", "list", "--card", "C1", "--json")[1])] == ["粤B00001", PLATE]
    for words in (("plate", "show", "粤B99999"), ("plate", "list", "--card", "C9"), ("card", "show", "粤B99999")):
        assert admin(*words)[0] == 1


@pytest.mark.slow
def test_a_plate_is_moved_only_when_somebody_says_yes(
    admin: Admin, ready: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    admin("card", "create", "C2")
    status, out, err = admin("plate", "bind", PLATE, "C2")
    assert (status, out) == (1, "")
    assert f"plate {PLATE} is bound to card C1; say --yes" in err
    assert admin("plate", "bind", PLATE, "C1")[0] == 0, "bound there already"
    monkeypatch.setattr("sys.stdin", Terminal("n\n"))
    assert "stays with card C1" in admin("plate", "bind", PLATE, "C2")[2]
    monkeypatch.setattr("sys.stdin", Terminal("y\n"))
    assert f"plate {PLATE} is bound to card C2, no longer to C1" in admin("plate", "bind", PLATE, "C2")[1]
    assert "bound to card C1, no longer to C2" in admin("plate", "bind", PLATE, "C1", "--yes")[1]
    moves = json.loads(admin("trail", "--subject", PLATE, "--json")[1])
    assert moves[0]["detail"] == {"card": "C1", "from": "C2"}


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_price_change_says_both_prices(admin: Admin, ready: World) -> None:
    """A point forgotten is seen at once."""
    admin("price", "set", "S1", "92", "7.8")
    assert admin("price", "set", "S1", "92", "785")[1] == "92 costs 785.00 yuan a litre now, 7.80 before\n"
    assert admin("price", "set", "S1", "9Z", "7")[1] == "9Z costs 7.00 yuan a litre now\n"


def test_the_day_to_reconcile_is_today_unless_another_is_named(admin: Admin, ready: World) -> None:
    """Today is the station's day, which in the east begins before that of the machine."""
    for zone in ("Pacific/Kiritimati", "Pacific/Niue"):
        admin("station", "set", "S1", "--zone", zone)
        days = {f"{datetime.now(ZoneInfo(zone)):%F}"}
        found = json.loads(admin("reconcile", "S1", "--json")[1])
        assert found["day"] in days | {f"{datetime.now(ZoneInfo(zone)):%F}"}


def test_reconciling_says_why_and_what_to_do(admin: Admin, ready: World) -> None:
    pump = Pump("D1")
    for lost in (False, True, False):
        fuelling = pump.fuelling(ready.clock, 1_000)
        if not lost:
            ready.send(Report(fuelling))
    day = ready.clock.now().astimezone(LOCAL).date().isoformat()
    status, out, _ = admin("reconcile", "S1", day)
    assert status == 1
    why = out.split("NOT balanced:\n")[1].splitlines()
    assert why[0].startswith("- D1: 1 of the numbers 1 to 3 were never reported: on its lane unit see")
    assert why[1].startswith("- D1: its totaliser moved 1.000 L that no fuelling accounts for")
    assert len(json.loads(admin("reconcile", "S1", day, "--json")[1])["troubles"]) == 2


@pytest.mark.parametrize(
    ("cell", "shown"),
    [
        ("=1+1", "'=1+1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("+cmd", "'+cmd"),
        ("-x", "'-x"),
        ("-80.00", "-80.00"),
        ("+3", "+3"),
        ("\t=1", "'\t=1"),
        ("＝1", "'＝1"),
        ("＋cmd", "'＋cmd"),
        ("－x", "'－x"),
        ("＠SUM(A1)", "'＠SUM(A1)"),
        ("王", "王"),
        ("", ""),
    ],
)
def test_no_cell_is_a_formula(cell: str, shown: str) -> None:
    assert harmless(cell) == shown


def test_a_note_that_is_a_formula_is_text_in_the_csv(admin: Admin, ready: World) -> None:
    admin("correct", "C1", "-3", "--note", "=HYPERLINK(1)")
    rows = list(csv.reader(io.StringIO(admin("statement", "C1", "--csv")[1])))
    assert rows[-1][2] == "-3.00"
    assert any(cell == "'=HYPERLINK(1)" for cell in rows[-1])


def test_a_plate_is_given_back_for_a_lane_that_died(admin: Admin, ready: World) -> None:
    decision: Any = ready.send(Ask(ready.question()))
    assert decision.authorisation is not None
    status, _, err = admin("plate", "release", PLATE, "--why", "lane unit is being replaced")
    assert (status, err) == (0, "")
    assert "held       0.00 yuan" in admin("card", "show", "C1")[1]
    assert "lane unit is being replaced" in admin("trail", "--limit", "1")[1]


@pytest.mark.slow
def test_whose_plate_it_is_and_which_vehicles_there_are(admin: Admin, ready: World) -> None:
    assert admin("phone", "add", "Chen")[0] == 0
    assert admin("payer", "owner", PLATE, "Chen")[0] == 0
    assert "Chen" in admin("payer", "show", PLATE)[1]
    assert admin("vehicle", "set", PLATE, "--tank", "55")[0] == 0
    assert PLATE in admin("vehicle", "list")[1]


@pytest.mark.slow
def test_an_explained_gap_closes_the_day_and_stays_visible(admin: Admin, ready: World) -> None:
    pump, day = Pump("D1"), ready.clock.now().astimezone(LOCAL).date().isoformat()
    first, _lost, third = (pump.fuelling(ready.clock, 1_000, plate=None) for _ in range(3))
    for fuelling in (first, third):
        ready.send(Report(fuelling))
    status, out, _ = admin("reconcile", "S1", day)
    assert (status, "explain-gap" in out) == (1, True)
    assert admin("explain-gap", "D1", "3", "--note", "report lost with the card of the unit")[0] == 0
    assert admin("reconcile", "S1", day)[0] == 0
    out = admin("reconcile", "S1", day)[1]
    assert "1 number, 1.000 L" in out
    (shown,) = json.loads(admin("reconcile", "S1", day, "--json")[1])["dispensers"]
    assert (shown["missing_sequences"], shown["unreported_ml"]) == (0, 0)
    assert (shown["explained_sequences"], shown["explained_ml"]) == (1, 1_000)


@pytest.mark.slow
def test_what_is_set_of_a_station_is_shown_and_the_trail_reads_well(admin: Admin, ready: World) -> None:
    admin("station", "set", "S1", "--second-person", "none", "--at", "22.5431,114.0579", "--typed", "pin")
    shown = admin("station", "show", "S1")[1]
    assert all(words in shown for words in ("100.00 yuan: below it", "never needed", "22.5431000,114.0579000 (wgs84)"))
    assert "no station S9" in admin("station", "show", "S9")[2]
    assert "S1, S1" not in shown, "a station without a title has one name"
    admin("card", "preset", "C1", "12.50", "--whole-balance")
    trail = admin("trail")[1]
    assert "preset=12.50 yuan whole=yes" in trail
    admin("price", "set", "S1", "92", "7.9")
    trail = admin("trail")[1]
    assert "price=7.90 yuan product=92" in trail
    assert not re.search(r"None|True|_fen|fen_", trail)
