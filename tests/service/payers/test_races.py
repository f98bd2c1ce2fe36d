"""Workers race for a mandate's day, for a payer's word and for a charge's hand-over: each has one outcome, not two."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from service.books.books import Books
from service.books.messages import Ask, Release
from service.errors import AdminError, Unavailable
from service.payer_rules.periods import Hours
from service.payers.charging import Charging
from service.payers.plate_payers import NewBinding, PlatePayers
from service.reports.audit import audit
from service.station.blocks import PlateBlocks
from service.station.store import StationStore
from tests.service.books.test_races import lanes, one_by_one
from tests.service.payers.phone import Phone, payer, person, wallet_fen
from tests.service.world import PLATE, Pump, World
from wire.payers import ChargeState
from wire.questions import Decision
from wire.reasons import Reason, Verdict

SECOND = "粤B54321"
ROUNDS = 8


def at_once(*deeds: Callable[[], object]) -> list[object]:
    """What each gave, or the AdminError that it raised; all begin together."""
    start = threading.Barrier(len(deeds))

    def do(deed: Callable[[], object]) -> object:
        start.wait()
        while True:
            try:
                return deed()
            except Unavailable:
                continue
            except AdminError as error:
                return error

    with ThreadPoolExecutor(len(deeds)) as pool:
        return list(pool.map(do, deeds))


def test_two_pumps_cannot_spend_one_day(world: World, database_url: str) -> None:
    """The day has room for one preset amount; the wallet for five."""
    a = person(world, "A", "0-24")
    PlatePayers(world.books, "t").set(SECOND, "A", NewBinding(hours=Hours.parse("0-24")))
    a.mandate(PLATE, SECOND, per_day_fen=15_000)
    with lanes(database_url, 2, world) as (one, other):
        for _ in range(ROUNDS):
            questions = [world.question(plate, lane=lane) for plate, lane in ((PLATE, "L1"), (SECOND, "L2"))]
            given = at_once(
                lambda q=questions[0]: one_by_one(one, Ask(q)),  # type: ignore[misc]
                lambda q=questions[1]: one_by_one(other, Ask(q)),  # type: ignore[misc]
            )
            answers = [answer for answer in given if isinstance(answer, Decision)]
            assert sorted(answer.reason for answer in answers) == [Reason.BELOW_PRESET, Reason.OK]
            assert wallet_fen(world, "A")[1] == 10_000
            for answer in answers:
                if answer.authorisation is not None:
                    one_by_one(world.books, Release(answer.authorisation))
    assert audit(world.database).findings == ()


def test_not_me_against_the_next_question(world: World, database_url: str) -> None:
    """Whichever comes first: after both nothing is held, and nobody is green."""
    a = payer(world, "A")
    with lanes(database_url, 2, world) as (one, other):
        for _ in range(ROUNDS):
            blocks = PlateBlocks(other, StationStore(other.database, world.clock.now), "t")
            question = world.question()
            asked, _ = at_once(
                lambda q=question: one_by_one(one, Ask(q)),  # type: ignore[misc]
                lambda b=blocks: b.not_me(PLATE, a.person),  # type: ignore[misc]
            )
            assert isinstance(asked, Decision)
            assert asked.decision is Verdict.ALLOW or asked.reason is Reason.PLATE_BLOCKED
            assert wallet_fen(world, "A")[1] == 0, "a green that came first was taken away"
            blocks.lift(PLATE, a.person)
    assert audit(world.database).findings == ()


def _open_charge(world: World, pump: Pump) -> str:
    before = {charge.id for charge in Charging(world.books).list()}
    world.report(pump.fuelling(world.clock, 1_000))
    (made,) = {charge.id for charge in Charging(world.books).list()} - before
    return made


def test_a_payment_against_the_hand_over_wins_or_is_refused(world: World, database_url: str) -> None:
    """The first payer's phone pays while the clock hands the charge to the next, who pays as well."""
    a, b = payer(world, "A"), payer(world, "B")
    pump = Pump("D1")
    with lanes(database_url, 3, world) as workers:
        for _ in range(ROUNDS):
            charge = _open_charge(world, pump)
            world.clock.advance(timedelta(minutes=31).total_seconds())
            before = wallet_fen(world, "A")[0] + wallet_fen(world, "B")[0]
            words = [a.word(charge, 800), b.word(charge, 800)]
            payers: list[tuple[Phone, Books]] = [(a, workers[0]), (b, workers[1])]
            paid = at_once(
                *(lambda w=word, k=books: Charging(k).hear(w) for word, (_, books) in zip(words, payers, strict=True)),  # type: ignore[misc]
                lambda: Charging(workers[2]).hand_on_due(),
            )[:2]
            assert sum(result is ChargeState.PAID for result in paid) <= 1
            (now,) = (c for c in Charging(world.books).list() if c.id == charge)
            spent = before - wallet_fen(world, "A")[0] - wallet_fen(world, "B")[0]
            assert (now.state, spent) == ("paid", 800), "the first payer may pay before the hand-over and after it"
            assert paid[0] is ChargeState.PAID or paid[1] is ChargeState.PAID
            world.clock.advance(1)
    assert audit(world.database).findings == ()


@pytest.mark.parametrize("who", ["A", "B"])
def test_the_one_who_is_asked_no_longer_may_still_pay_and_a_stranger_never(world: World, who: str) -> None:
    a, b = payer(world, "A"), payer(world, "B")
    charge = _open_charge(world, Pump("D1"))
    with pytest.raises(AdminError, match="no charge"):
        Charging(world.books).hear(b.word(charge, 800))
    world.clock.advance(timedelta(minutes=31).total_seconds())
    assert Charging(world.books).hand_on_due() == 1
    assert {"A": a, "B": b}[who].say(charge, 800) is ChargeState.PAID
    with pytest.raises(AdminError, match="is paid"):
        {"A": b, "B": a}[who].say(charge, 800)
