"""`greenlane admin phone` and `payer` as an operator types them, on a real database file."""

from __future__ import annotations

import io
import itertools
import json
import re
import time
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from greenlane.cli import main
from service.books.books import Books
from service.errors import AdminError
from service.payers.simulated_phone import SimulatedPhone
from service.store.clock import SystemWallClock
from service.store.database import Database

PLATE = "粤B12345"
Admin = Callable[..., Any]


@pytest.fixture
def admin(sqlite_url: str) -> Admin:
    """Runs `greenlane admin ...`; the parsed JSON where --json is given, else what was printed."""

    def run(*words: str, fails: bool = False) -> Any:
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            status = main(["admin", "--database", sqlite_url, *words])
        assert (status != 0) == fails, err.getvalue()
        return err.getvalue() if fails else json.loads(out.getvalue()) if "--json" in words else out.getvalue()

    return run


def payer_at(admin: Admin, text: str, *more: str, plate: str = PLATE) -> tuple[str, str | None, str | None]:
    found = admin("payer", "at", plate, text, "--json", *more)
    return found["payer"]["kind"], found["payer"]["id"], found["reason"]


def test_without_a_time_it_is_whose_hour_it_is_now(admin: Admin) -> None:
    admin("phone", "add", "A")
    admin("payer", "set", PLATE, "A", "--hours", "0-24")
    before = SystemWallClock().now()
    found = admin("payer", "at", PLATE, "--json")
    assert found["payer"]["id"] == "A"
    assert before <= datetime.fromisoformat(found["at"]) <= SystemWallClock().now()


@pytest.mark.slow
def test_the_default_periods_and_who_pays_at_their_edges(admin: Admin) -> None:
    for name, hours in (("A", "0-8"), ("B", "8-16"), ("C", "16-24")):
        admin("phone", "add", name)
        admin("payer", "set", PLATE, name, "--hours", hours)
    edges = {
        "00:00:00": "A",
        "07:59:59.999999": "A",
        "08:00:00": "B",
        "15:59:59": "B",
        "16:00:00": "C",
        "23:59:59": "C",
    }
    assert {at: payer_at(admin, f"2026-05-04T{at}+08:00")[1] for at in edges} == edges


@pytest.mark.slow
def test_the_answer_has_every_field_of_its_contract(admin: Admin) -> None:
    admin("phone", "add", "A")
    admin("payer", "set", PLATE, "A", "--hours", "16-24")
    assert admin("payer", "at", PLATE, "2026-05-04T15:00:00Z", "--json") == {
        "plate": PLATE,
        "at": "2026-05-04T15:00:00+00:00",
        "local": "2026-05-04T23:00:00+08:00",
        "payer": {"kind": "phone", "id": "A"},
        "then": None,
        "period": {"from": "16:00", "to": "24:00"},
        "reason": None,
    }


def test_a_station_has_its_own_zone(admin: Admin) -> None:
    admin("station", "set", "U1", "--zone", "Asia/Urumqi")
    admin("phone", "add", "A")
    admin("payer", "set", PLATE, "A", "--hours", "0-8")
    assert payer_at(admin, "2026-05-04T09:00:00+08:00")[1] is None
    assert payer_at(admin, "2026-05-04T09:00:00+08:00", "--station", "U1")[1] == "A"
    assert "no station X" in admin("payer", "at", PLATE, "2026-05-04T09:00:00Z", "--station", "X", fails=True)


def test_every_well_formed_plate_is_answered(admin: Admin) -> None:
    assert payer_at(admin, "2026-05-04T09:00:00Z", plate="粤B99999") == ("none", None, "unknown_plate")
    assert "is not a plate" in admin("payer", "at", "粤B1", "2026-05-04T09:00:00Z", fails=True)


@pytest.mark.slow
@pytest.mark.parametrize("order", list(itertools.permutations(range(4)))[::5])
def test_the_order_of_the_commands_never_matters(admin: Admin, order: tuple[int, ...]) -> None:
    admin("phone", "add", "A")
    admin("phone", "add", "B")
    admin("card", "create", "C1")
    commands = [
        ("payer", "set", PLATE, "A", "--hours", "0-8", "--order", "2"),
        ("payer", "set", PLATE, "B", "--hours", "6-12", "--order", "1"),
        ("payer", "gap", PLATE, "12-24", "card"),
        ("plate", "bind", PLATE, "C1"),
    ]
    for number in order:
        admin(*commands[number])
    assert payer_at(admin, "2026-05-04T05:00:00+08:00") == ("card", "C1", None)
    admin("payer", "rule", PLATE, "card-then-phone")
    found = admin("payer", "at", PLATE, "2026-05-04T07:00:00+08:00", "--json")
    assert (found["payer"], found["then"]) == ({"kind": "card", "id": "C1"}, {"kind": "phone", "id": "B"})
    assert found["period"] == {"from": "06:00", "to": "12:00"}


@pytest.mark.slow
def test_the_same_person_and_overlapping_hours_replace_the_old_binding(admin: Admin) -> None:
    admin("phone", "add", "A")
    admin("payer", "set", PLATE, "A", "--hours", "0-8")
    admin("payer", "set", PLATE, "A", "--hours", "6-14")
    assert [b["hours"] for b in admin("payer", "show", PLATE, "--json")["bindings"]] == ["06:00-14:00"]
    assert payer_at(admin, "2026-05-04T03:00:00+08:00") == ("none", None, "no_payer")
    assert payer_at(admin, "2026-05-04T09:00:00+08:00")[1] == "A"
    admin("payer", "set", PLATE, "A", "--hours", "14-20")
    assert len(admin("payer", "show", PLATE, "--json")["bindings"]) == 2


@pytest.mark.slow
def test_unset_takes_hours_back(admin: Admin) -> None:
    admin("phone", "add", "A")
    admin("payer", "set", PLATE, "A", "--hours", "0-8")
    admin("payer", "set", PLATE, "A", "--hours", "8-16")
    admin("payer", "unset", PLATE, "A", "--hours", "0-1")
    assert payer_at(admin, "2099-05-04T03:00:00+08:00")[2] == "no_payer"
    assert payer_at(admin, "2099-05-04T09:00:00+08:00")[1] == "A"
    admin("payer", "unset", PLATE, "A")
    assert payer_at(admin, "2099-05-04T09:00:00+08:00")[2] == "no_payer"
    assert "has no such hours" in admin("payer", "unset", PLATE, "A", fails=True)


@pytest.mark.slow
def test_a_plate_paid_by_phone_survives_losing_its_card(admin: Admin) -> None:
    admin("card", "create", "C1")
    admin("plate", "bind", PLATE, "C1")
    admin("phone", "add", "A")
    admin("payer", "set", PLATE, "A", "--hours", "0-24")
    assert payer_at(admin, "2026-05-04T09:00:00+08:00") == ("card", "C1", None)
    admin("plate", "unbind", PLATE)
    assert payer_at(admin, "2026-05-04T09:00:00+08:00") == ("phone", "A", None)
    assert "is not bound" in admin("plate", "unbind", PLATE, fails=True)


@pytest.mark.slow
def test_a_wallet_is_filled_and_paid_out_without_a_phone(admin: Admin) -> None:
    added = admin("phone", "add", "A", "--wallet", "500", "--json")
    assert len(added["code"].replace("-", "")) == 12
    assert admin("phone", "top-up", "A", "20", "--key", "k1", "--json")["balance_fen"] == 52_000
    assert admin("phone", "top-up", "A", "20", "--key", "k1", "--json") == {
        "posted": False,
        "amount_fen": 2000,
        "balance_fen": 52_000,
    }
    assert "used before" in admin("phone", "top-up", "A", "21", "--key", "k1", fails=True)
    assert "520.00 yuan are free" in admin("phone", "refund", "A", "520.01", fails=True)
    assert admin("phone", "refund", "A", "520", "--json")["balance_fen"] == 0
    assert "there is a A already" in admin("phone", "add", "A", fails=True)
    assert admin("audit")


def test_the_code_is_shown_as_a_qr_for_the_service_s_address(admin: Admin, tmp_path: Path) -> None:
    admin("phone", "add", "A")
    shown = admin("phone", "code", "A", "--url", "https://pay.example/")
    assert shown.count("█") > 100
    assert admin("phone", "code", "A", "--json")["code"] not in shown


def test_a_new_code_voids_the_ones_before(admin: Admin, sqlite_url: str) -> None:
    """A code that lies about must not put a stranger's key in the place of the one that is in use."""
    admin("phone", "add", "A")
    old, new = (admin("phone", "code", "A", "--json")["code"] for _ in range(2))
    books = Books(Database(sqlite_url), SystemWallClock())
    with pytest.raises(AdminError, match="code"):
        SimulatedPhone(books, old)
    SimulatedPhone(books, new)
    books.database.close()


@pytest.mark.parametrize(
    "words",
    [
        ("phone", "top-up", "A", "1", "--key", "k\nforged"),
        ("phone", "correct", "A", "1", "--note", "x\n2026-05-04 09:00:00+08:00  person:adm  refund"),
        ("phone", "correct", "A", "1", "--note", "right\u202eleft"),
        ("station", "set", "S1", "--title", "a\x00b"),
        ("phone", "correct", "A", "1", "--note", "x" * 5000),
    ],
)
def test_a_note_cannot_forge_a_line_of_the_trail(admin: Admin, words: tuple[str, ...]) -> None:
    admin("phone", "add", "A")
    assert "without line breaks and hidden ones" in admin(*words, fails=True)


@pytest.mark.parametrize("at", ["9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:59"])
def test_an_instant_that_cannot_be_shown_again_is_refused(admin: Admin, at: str) -> None:
    admin("phone", "add", "A")
    for words in (("payer", "at", PLATE, at), ("payer", "set", PLATE, "A", "--hours", "8-9", "--until", at)):
        with pytest.raises(SystemExit):
            admin(*words)


def test_not_me_and_lift(admin: Admin) -> None:
    admin("phone", "add", "A")
    admin("payer", "set", PLATE, "A", "--hours", "0-8")
    assert admin("payer", "not-me", PLATE, "A", "--json")["revoked"] == []
    assert admin("payer", "show", PLATE, "--json")["blocked"] == ["A"]
    assert "no longer blocked for A" in admin("payer", "lift", PLATE, "A")
    assert admin("payer", "show", PLATE, "--json")["blocked"] == []
    assert "not blocked" in admin("payer", "lift", PLATE, "A", fails=True)
    assert "no phone X" in admin("payer", "not-me", PLATE, "X", fails=True)


@pytest.mark.slow
def test_corrections_of_a_wallet(admin: Admin) -> None:
    admin("phone", "add", "A", "--wallet", "100")
    assert admin("phone", "correct", "A", "+12.50", "--note", "gift", "--key", "k1", "--json")["balance_fen"] == 11_250
    assert admin("phone", "correct", "A", "+12.50", "--note", "gift", "--key", "k1", "--json")["posted"] is False
    assert admin("phone", "correct", "A", "-3", "--note", "counted twice", "--json")["balance_fen"] == 10_950
    assert "109.50 yuan are free" in admin("phone", "correct", "A", "-110", "--note", "x", fails=True)
    assert "above 0" in admin("phone", "correct", "A", "0", "--note", "x", fails=True)
    assert admin("audit", "--json")["findings"] == []


def test_a_code_s_end_is_told_by_the_station_s_clock_as_every_list_is(
    admin: Admin, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "UTC")
        time.tzset()
        words = admin("phone", "add", "Chen")
        received = re.search(r"until (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\+08:00)", words)
        assert received is not None, words
        again = admin("phone", "code", "Chen", "--json")
    time.tzset()
    later = datetime.fromisoformat(again["expires_at"]) - datetime.fromisoformat(received[1])
    assert timedelta(0) <= later < timedelta(minutes=5)
