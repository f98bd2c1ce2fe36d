"""What admin commands show of a card and a plate: everything that was set of it, in the words of who set it."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import closing
from datetime import datetime
from pathlib import Path

import pytest

from greenlane import cli
from greenlane.cli.admin.office import plain
from service.books.books import Books
from service.books.messages import Report
from service.http.refusal_words import in_chinese
from service.payments.worker import keep_state
from service.store.clock import SystemWallClock, to_us
from service.store.database import Database
from tests.service.identity.kit import fuelling
from tests.service.new_books import put_new_books
from wire.codec import decode
from wire.fuellings import Fuelling

Run = Callable[[str], str]


@pytest.fixture
def admin(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command as typed behind `greenlane admin`; what it said, with what it said of a failure."""

    put_new_books(tmp_path / "books.sqlite3")

    def run(words: str) -> str:
        cli.main(["admin", "--database", f"sqlite:///{tmp_path / 'books.sqlite3'}", *words.split()])
        return "".join(capsys.readouterr())

    for words in ("station set S1", "card create C1", "plate bind 粤B12345 C1"):
        run(words)
    return run


@pytest.mark.parametrize("rule", ["card", "phone", "card-then-phone", "phone-then-card"])
def test_a_plate_shows_the_rule_by_which_it_is_paid(admin: Run, rule: str) -> None:
    assert "payer  card\n" in admin("plate show 粤B12345")
    admin(f"payer rule 粤B12345 {rule}")
    assert f"payer  {rule}\n" in admin("plate show 粤B12345")
    assert f"  {rule}  " in admin("plate list")


def test_a_plate_and_a_card_show_their_own_rules_and_caps(admin: Run) -> None:
    assert "offline    the station's\ntyped      the station's\n" in admin("card show C1")
    assert "typed  the card's\n" in admin("plate show 粤B12345")
    admin("card set C1 --typed refuse")
    admin("plate set 粤B12345 --typed free")
    admin("offline card C1 50")
    assert "offline    50.00 yuan\ntyped      refuse\n" in admin("card show C1")
    assert "typed  free\n" in admin("plate show 粤B12345")


@pytest.mark.parametrize(("what", "words"), [("card preset", "preset amount"), ("offline card", "offline cap")])
def test_what_a_card_has_of_its_own_is_told_as_it_is_shown(admin: Run, what: str, words: str) -> None:
    assert f"card C1: {words} 50.00 yuan\n" == admin(f"{what} C1 50")
    assert f"card C1: {words} the station's\n" == admin(f"{what} C1 station")


def test_a_gap_says_which_one_it_has_replaced(admin: Run) -> None:
    admin("payer gap 粤B12345 8-16 card")
    said = admin("payer gap 粤B12345 7-9 owner")
    assert said == (
        "粤B12345: in 07:00-09:00, where nobody holds them: owner\n"
        "no gap is declared any more in 08:00-16:00, which overlapped\n"
    )
    assert "no gap" not in admin("payer gap 粤B12345 7-9 card"), "the same hours again lose nothing"


def test_hand_overs_are_shown_by_the_station_s_clock(admin: Run) -> None:
    admin("phone add chen")
    admin("payer set 粤B12345 chen --hours 8-16 --from 2026-12-01T00:00:00Z")
    assert "08:00-16:00  chen, from 2026-12-01 08:00:00+08:00\n" in admin("payer show 粤B12345")


def test_what_is_to_be_typed_next_can_be_typed(admin: Run) -> None:
    assert "plate bind PLATE C2, top-up C2 YUAN" in admin("card create C2")
    assert "plate bind PLATE 'C(3)', top-up 'C(3)' YUAN" in admin("card create C(3)")


def test_money_of_the_company_stands_in_the_trail_by_its_account_alone(admin: Run) -> None:
    admin("top-up C1 100")
    assert "yuan=100.00 from=clearing to=card:C1\n" in admin("trail --subject C1")


def test_a_driver_s_consent_is_shown_by_the_station_s_clock(admin: Run) -> None:
    for words in ("phone add chen", "payer set 粤B12345 chen --hours 8-16", "fleet add F", "fleet plate F 粤B12345"):
        admin(words)
    admin("track agree 粤B12345 chen")
    assert re.search(r"chen +F +\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\+08:00\n", admin("track agreed 粤B12345"))


def test_a_statement_of_later_days_ends_with_what_is_there(admin: Run) -> None:
    admin("top-up C1 100")
    assert admin("statement C1 --since 2099-01-01").endswith("balance 100.00 yuan\n"), "nothing moved, and it is there"
    assert admin("statement C1 --until 2020-01-01").endswith("balance 0.00 yuan\n")


def test_a_statement_says_what_of_a_wallet_is_owed(admin: Run, tmp_path: Path) -> None:
    for words in ("phone add chen --wallet 300", "payer rule 粤B12345 phone", "payer set 粤B12345 chen --hours 0-24"):
        admin(words)
    assert admin("statement chen").endswith("balance 300.00 yuan\n")
    books = Books(Database(f"sqlite:///{tmp_path / 'books.sqlite3'}"), SystemWallClock())
    books.carry_out_one(Report(decode(Fuelling, fuelling() | {"plate": "粤B12345"})))
    assert admin("statement chen").endswith("balance 221.00 yuan: 300.00 in the wallet, 79.00 to be paid\n")


def test_a_correction_is_called_one(admin: Run) -> None:
    admin("top-up C1 100")
    assert admin("correct C1 -3.20 --note twice") == "correction of -3.20 yuan: posted; balance 96.80 yuan\n"


def test_charges_of_a_person_whom_nobody_knows_are_no_empty_list(admin: Run) -> None:
    assert "no phone chen; `phone add chen` makes one" in admin("charge list --phone chen")
    admin("phone add chen")
    assert "none" in admin("charge list --phone chen")


SHOWN = ("trail", "statement C1", "plate show 粤B12345", "plate list", "payer show 粤B12345", "phone code chen")


def test_every_time_in_json_has_its_offset(admin: Run) -> None:
    for words in ("phone add chen", "payer set 粤B12345 chen --hours 8-16 --from 2026-12-01T00:00:00Z", "top-up C1 1"):
        admin(words)
    shown = "".join(admin(f"{words} --json") for words in SHOWN)
    found = re.findall(r'"(\d{4}-\d\d-\d\dT[^"]*)"', shown)
    assert len(found) > 8
    assert [time for time in found if not re.search(r"[+-]\d\d:\d\d$", time)] == []
    with pytest.raises(ValueError, match="2026-05-04 08:00:00"):
        plain({"at": datetime(2026, 5, 4, 8, 0)})


def test_a_card_is_not_named_like_another_vehicles_plate(admin: Run) -> None:
    """Who types the plate at the counter would find the wrong card's money."""
    for name in ("粤B12345", "粤B·12345"):
        assert admin(f"card create {name}") == (
            f"greenlane admin: {name} is the plate of a vehicle with card C1: name the new card otherwise\n"
        )
    assert in_chinese("粤B12345 is the plate of a vehicle with card C1: name it").startswith("粤B12345 是加油卡 C1 的")
    assert "card 粤B54321 is there" in admin("card create 粤B54321"), "a card may bear its own plate"
    assert admin("plate bind 粤B54321 粤B54321") == "plate 粤B54321 is bound to card 粤B54321\n"
    moved = admin("plate bind 粤B54321 C1 --yes")
    assert "there is a card 粤B54321 too, which is not this plate's: take care at the counter" in moved


def test_a_way_of_paying_that_may_not_be_set_up_is_warned_of(admin: Run, tmp_path: Path) -> None:
    """Only a running service reads which providers are; one that is has said of some plate whether it pays."""
    question = "wechatpay has not said a word of any plate: is it set up (greenlane service --payments)?"
    admin("phone add Chen")
    said = admin("phone pay-by Chen wechatpay")
    assert "Chen pays by wechatpay from now on" in said
    assert f"{question} until it has, the wallet pays" in said
    database = Database(f"sqlite:///{tmp_path / 'books.sqlite3'}")
    with closing(database), database.writing() as connection:
        keep_state(connection, "wechatpay", "粤B54321", "NORMAL", to_us(SystemWallClock().now()))
    assert admin("phone pay-by Chen wechatpay") == "Chen pays by wechatpay from now on\n"
    assert admin("phone pay-by Chen wallet") == "Chen pays by wallet from now on\n"
