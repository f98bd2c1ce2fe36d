"""Only the plate's owner may agree beforehand to what escalates: signed, up to a limit, as long as the key stands."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta

import pytest
from sqlalchemy import text

from greenlane.cli import main
from service.payers import mandates
from service.payers.charging import Charging
from service.payers.phones import Phones
from service.payers.plate_payers import PlatePayers
from service.reports.audit import audit
from service.store.clock import to_us
from service.store.database import Database
from service.store.zones import HOME_ZONE
from tests.service.books.test_races import lanes
from tests.service.payers.phone import Phone, payer, person, wallet_fen
from tests.service.payers.test_charges import clean, listed, report
from tests.service.payers.test_races import at_once
from tests.service.world import PLATE, World

DAY_S = 86_400


def owned(world: World, agreed_fen: int = 8_000, **limits: object) -> tuple[Phone, Phone]:
    """The driver, and the owner with an agreement."""
    driver, owner = payer(world, "A"), person(world, "Boss", hours=None)
    PlatePayers(world.books, "tester").set_owner(PLATE, "Boss")
    owner.mandate(agreed_fen=agreed_fen, **limits)
    return driver, owner


def escalated(world: World, fen: int = 8_000) -> str:
    """A charge that nobody paid until it was the owner's; its state then."""
    report(world, fen)
    for _ in range(2):
        world.clock.advance(DAY_S // 2)
        Charging(world.books).hand_on_due()
    return listed(world)[-1].state


def test_what_reaches_the_owner_is_paid_at_once_up_to_what_they_agreed_to(world: World) -> None:
    owned(world, 8_000)
    report(world, 8_000)
    world.clock.advance(1_800)
    Charging(world.books).hand_on_due()
    assert wallet_fen(world, "Boss") == (50_000, 0, 0)  # it is not the owner's yet
    world.clock.advance(DAY_S)
    Charging(world.books).hand_on_due()
    assert (listed(world)[0].state, wallet_fen(world, "Boss"), wallet_fen(world, "A")) == (
        "paid",
        (42_000, 0, 0),
        (50_000, 0, 0),
    )
    assert escalated(world, 8_008) == "created"  # one step beyond: asked for, as ever
    assert wallet_fen(world, "Boss")[0] == 42_000
    clean(world)


def _revoke(world: World, _: Phone) -> None:
    Phones(world.books, "tester").revoke("Boss")


def _sell(world: World, _: Phone) -> None:
    person(world, "Other", hours=None)
    PlatePayers(world.books, "tester").set_owner(PLATE, "Other")


def _sign_without(_: World, owner: Phone) -> None:
    owner.mandate()


def _spend(world: World, _: Phone) -> None:
    Phones(world.books, "tester").refund("Boss", 42_008)


@pytest.mark.sample(3)
@pytest.mark.parametrize("end", [_revoke, _sell, _sign_without, _spend])
def test_it_ends_with_key_ownership_mandate_and_money(world: World, end: Callable[[World, Phone], None]) -> None:
    _, owner = owned(world)
    end(world, owner)
    before = wallet_fen(world, "Boss")
    assert escalated(world) == "created"
    assert wallet_fen(world, "Boss") == before
    clean(world)


def test_the_day_and_the_stations_of_the_mandate_hold(world: World) -> None:
    _, owner = owned(world, per_day_fen=12_000)
    for _ in range(2):
        report(world, 8_000)
    world.clock.advance(DAY_S)
    Charging(world.books).hand_on_due()
    assert sorted(c.state for c in listed(world)) == ["created", "paid"]
    owner.mandate(agreed_fen=8_000, stations=("S2",))
    assert escalated(world) == "created"
    clean(world)


@pytest.mark.sample(3)
@pytest.mark.parametrize(
    ("hours", "at", "state"),
    [
        ("8-16", time(8), "paid"),
        ("8-16", time(15, 59, 59, 999_999), "paid"),
        ("8-16", time(16), "created"),
        ("8-16", time(7, 59, 59, 999_999), "created"),
        ("22-6", time(23, 59, 59, 999_999), "paid"),
        ("22-6", time(0), "paid"),
        ("22-6", time(6), "created"),
        (None, time(3), "paid"),
    ],
)
def test_the_hours_of_the_mandate_are_those_of_the_fuelling(
    world: World, hours: str | None, at: time, state: str
) -> None:
    """In the station's zone, at the fuelling's own time; when the charge reaches the owner is another hour."""
    owned(world, hours=hours)
    world.clock.moment = datetime.combine(world.clock.now().date() + timedelta(days=1), at, HOME_ZONE).astimezone(UTC)
    begun = world.clock.now()
    world.clock.advance(60)
    report(world, 8_000, started_at=begun)
    world.clock.advance(DAY_S + 5 * 3_600)
    Charging(world.books).hand_on_due()
    (charge,) = listed(world)
    assert charge.state == state
    assert wallet_fen(world, "Boss") == (42_000 if state == "paid" else 50_000, 0, 0)
    clean(world)


def test_while_it_is_paused_the_owner_is_asked_and_afterwards_only_what_comes_then_is_paid(world: World) -> None:
    _, owner = owned(world)
    mandate = owner.mandate(agreed_fen=8_000)

    def rest(since_us: int | None) -> None:
        with world.database.writing() as connection:
            assert mandates.rest(connection, owner.person, mandate, since_us)

    rest(to_us(world.clock.now()))
    assert escalated(world) == "created"
    rest(None)
    Charging(world.books).hand_on_due()
    assert (listed(world)[0].state, wallet_fen(world, "Boss")) == ("created", (50_000, 0, 0))
    assert escalated(world) == "paid"
    assert [c.state for c in listed(world)] == ["created", "paid"]
    clean(world)


def test_another_driver_s_agreement_pays_nothing(world: World) -> None:
    """B shares the hour and has signed the same words, but does not own the plate."""
    payer(world, "A")
    payer(world, "B", agreed_fen=50_000)
    report(world, 8_000)
    world.clock.advance(1_800)
    assert Charging(world.books).hand_on_due() == 1
    assert listed(world)[0].state == "created"
    assert wallet_fen(world, "B") == (50_000, 0, 0)
    clean(world)


def test_a_late_payment_against_the_owner_s_agreement_is_taken_once(world: World, database_url: str) -> None:
    driver, _ = owned(world)
    with lanes(database_url, 2, world) as (one, other):
        for _ in range(5):
            report(world, 8_000)
            charge = listed(world)[-1].id
            world.clock.advance(DAY_S)
            before = wallet_fen(world, "A")[0] + wallet_fen(world, "Boss")[0]
            word = driver.word(charge, 8_000)
            at_once(lambda w=word: Charging(one).hear(w), lambda: Charging(other).hand_on_due())  # type: ignore[misc]
            assert listed(world)[-1].state == "paid"
            assert before - wallet_fen(world, "A")[0] - wallet_fen(world, "Boss")[0] == 8_000
            for name in ("A", "Boss"):
                Phones(world.books, "tester").top_up(name, 8_000)
    clean(world)


@pytest.mark.sample(3)
@pytest.mark.parametrize(
    ("spoilt", "words"),
    [
        (
            "update mandates set ended_us = 1, text = replace(text, '8000', '9000') where text like '%agreed%'",
            "not agreed",
        ),
        ("update mandates set text = json_set(text, '$.hours', '0-1') where text like '%agreed%'", "not agreed"),
        ("update mandates set text = json_set(text, '$.stations', json('[\"S9\"]'))", "not agreed"),
        (
            "update charge_events set actor = 'mandate m-0' where detail = 'agreed beforehand'",
            "by somebody who had not agreed",
        ),
    ],
)
def test_the_audit_names_what_was_not_agreed(sqlite_url: str, spoilt: str, words: str) -> None:
    world = World(Database(sqlite_url))
    owned(world)
    assert escalated(world) == "paid"
    with world.database.writing() as connection:
        guards = text("select name from sqlite_master where type = 'trigger'")
        for trigger in connection.execute(guards).scalars().all():
            connection.execute(text(f"drop trigger {trigger}"))
        connection.execute(text(spoilt))
    found = audit(world.database).findings
    world.database.close()
    assert any(words in one.words for one in found if one.check == "mandates"), found


def test_the_command_shows_it(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    where = ["--database", world.database.url.render_as_string(hide_password=False), "--json"]
    owned(world)
    for agreed in (True, False):
        assert main(["admin", "payer", "agreed", PLATE, *where]) == 0
        shown = json.loads(capsys.readouterr().out)["agreed"]
        assert (shown or {}).get("each_fen") == (8_000 if agreed else None)
        Phones(world.books, "tester").revoke("Boss")
