"""Random interleavings of everything that can happen to the books; the audit holds after every step.

The test keeps books of its own, as simply as can be: what each card was paid and charged. Reports are delivered late,
out of order, twice, and several messages share a transaction.
"""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from service.books.messages import Answer, Ask, Message, Refused, Release, Renew, Report, Sweep
from service.errors import AdminError
from service.reports.audit import audit
from service.reports.statement import cards, stations
from service.store.database import Database
from tests.service.postgres import Cluster
from tests.service.world import Pump, World, ageless
from wire.fuellings import Fuelling, FuellingReceipt
from wire.questions import Decision, Question
from wire.reasons import ErrorCode, Reason, Verdict

PLATES = {"粤B11111": "C1", "粤B22222": "C1", "粤B33333": "C2", "粤B44444": "C3", "粤B99999": None}
AMOUNTS = st.sampled_from([1, 799, 9_999, 10_000, 10_001, 25_000])


@dataclass
class Authorised:
    """A granted authorisation as the test remembers it."""

    name: str
    card: str
    plate: str
    limit_fen: int


class Books(RuleBasedStateMachine):
    """make_database is set by the tests below."""

    make_database: Any = None

    @initialize()
    def open(self) -> None:
        self.world = World(self.make_database())
        self.world.card("C1", 50_000, None)
        self.world.card("C2", 12_000, None, preset_fen=4_000)
        self.world.card("C3", 30_000, None, whole_balance=True)
        for plate, card in PLATES.items():
            if card is not None:
                self.world.admin.plates.bind(plate, card)
        self.expected_fen = {"C1": 50_000, "C2": 12_000, "C3": 30_000}
        self.unclaimed_fen = 0
        self.pumps = [Pump("D1"), Pump("D2")]
        self.asked: list[tuple[Question, Decision]] = []
        self.granted: list[Authorised] = []
        self.waiting: list[Fuelling] = []
        self.delivered: list[tuple[Fuelling, FuellingReceipt]] = []
        self.unclaimed: list[tuple[Fuelling, int]] = []
        self.without: list[tuple[datetime, str, int]] = []

    @rule(plates=st.lists(st.sampled_from(sorted(PLATES)), min_size=1, max_size=4))
    def ask(self, plates: list[str]) -> None:
        questions = [self.world.question(plate) for plate in plates]
        for question, answer in zip(questions, self.send([Ask(q) for q in questions]), strict=True):
            assert isinstance(answer, Decision)
            self.asked.append((question, answer))
            card = PLATES[question.plate]
            assert (answer.reason is Reason.UNKNOWN_PLATE) == (card is None)
            if answer.decision is Verdict.ALLOW:
                assert card is not None
                assert answer.authorisation is not None
                assert answer.limit_fen is not None
                self.granted.append(Authorised(answer.authorisation, card, question.plate, answer.limit_fen))

    @precondition(lambda self: self.asked)
    @rule(data=st.data(), other=st.booleans())
    def ask_again(self, data: st.DataObject, other: bool) -> None:
        question, first = data.draw(st.sampled_from(self.asked))
        if other:
            (answer,) = self.send([Ask(replace(question, lane="L9"))])
            assert isinstance(answer, Refused)
            assert answer.code is ErrorCode.KEY_REUSED
        else:
            again = self.send([Ask(question), Ask(question)])
            assert [ageless(answer) for answer in again] == [ageless(first)] * 2

    @precondition(lambda self: self.granted)
    @rule(data=st.data(), kind=st.sampled_from([Renew, Release]))
    def renew_or_release(self, data: st.DataObject, kind: Any) -> None:
        self.send([kind(data.draw(st.sampled_from(self.granted)).name)])

    @rule(data=st.data(), pump=st.integers(0, 1), volume_ml=st.sampled_from([0, 1, 999, 5_000, 12_500, 40_000]))
    def fuel(self, data: st.DataObject, pump: int, volume_ml: int) -> None:
        choices: list[Authorised | str | None] = [*self.granted, *sorted(PLATES), None]
        source = data.draw(st.sampled_from(choices))
        held = source if isinstance(source, Authorised) else None
        plate = held.plate if held is not None else source
        name = None if held is None else held.name
        self.waiting.append(self.pumps[pump].fuelling(self.world.clock, volume_ml, plate=plate, authorisation=name))

    @precondition(lambda self: self.waiting)
    @rule(data=st.data())
    def deliver(self, data: st.DataObject) -> None:
        batch = data.draw(st.lists(st.sampled_from(self.waiting), min_size=1, max_size=3, unique_by=id))
        self.take(batch)

    @precondition(lambda self: self.delivered)
    @rule(data=st.data(), other=st.booleans())
    def deliver_again(self, data: st.DataObject, other: bool) -> None:
        fuelling, first = data.draw(st.sampled_from(self.delivered))
        if other:
            answers = self.send([Report(replace(fuelling, lane="L9")), Report(replace(fuelling, product="95"))])
            codes = [answer.code for answer in answers if isinstance(answer, Refused)]
            assert codes == [ErrorCode.OTHER_LANES_DISPENSER, ErrorCode.KEY_REUSED]
        else:
            assert self.send([Report(fuelling)]) == [first]

    @precondition(lambda self: self.delivered)
    @rule(data=st.data(), ahead=st.integers(1, 3))
    def another_lane_takes_the_next_sequence(self, data: st.DataObject, ahead: int) -> None:
        fuelling, _ = data.draw(st.sampled_from(self.delivered))
        pump = next(pump for pump in self.pumps if pump.name == fuelling.dispenser)
        (answer,) = self.send([Report(replace(fuelling, lane="L9", sequence=pump.sequence + ahead))])
        assert isinstance(answer, Refused)
        assert answer.code is ErrorCode.OTHER_LANES_DISPENSER

    @rule(card=st.sampled_from(["C1", "C2", "C3"]), amount_fen=AMOUNTS, twice=st.booleans())
    def top_up(self, card: str, amount_fen: int, twice: bool) -> None:
        key = f"payment {len(self.asked)} {self.expected_fen} {card} {amount_fen}"[:120]
        if self.world.admin.money.top_up(card, amount_fen, key=key):
            self.expected_fen[card] += amount_fen
        if twice:
            assert not self.world.admin.money.top_up(card, amount_fen, key=key)

    @rule(card=st.sampled_from(["C1", "C2", "C3"]), amount_fen=AMOUNTS, correction=st.booleans())
    def refund_or_correct(self, card: str, amount_fen: int, correction: bool) -> None:
        free_fen = cards(self.world.database, card)[0].available_fen
        try:
            if correction:
                self.world.admin.money.correct(card, -amount_fen, note="test")
            else:
                self.world.admin.money.refund(card, amount_fen)
        except AdminError:
            assert free_fen < amount_fen
        else:
            assert free_fen >= amount_fen
            self.expected_fen[card] -= amount_fen

    @precondition(lambda self: self.unclaimed)
    @rule(data=st.data(), card=st.sampled_from(["C1", "C2", "C3"]))
    def claim(self, data: st.DataObject, card: str) -> None:
        waits = data.draw(st.sampled_from(self.unclaimed))
        self.unclaimed.remove(waits)
        fuelling, suspended_fen = waits
        self.world.admin.fuellings.claim(fuelling.dispenser, fuelling.sequence, card)
        self.unclaimed_fen -= suspended_fen
        self.expected_fen[card] -= suspended_fen

    @rule(seconds=st.sampled_from([1, 100, 299, 300, 8_000]), sweep=st.booleans())
    def wait(self, seconds: int, sweep: bool) -> None:
        self.world.clock.advance(seconds)
        if sweep:
            self.send([Sweep()])

    @invariant()
    def books_are_right(self) -> None:
        findings = [f for f in audit(self.world.database).findings if f.check != "totalisers" or not self.waiting]
        assert not findings
        for view in cards(self.world.database):
            assert view.balance_fen == self.expected_fen[view.card]
            assert view.available_fen == -view.owed_fen if view.owed_fen else view.available_fen >= 0
        assert stations(self.world.database)[0]["unclaimed_fen"] == self.unclaimed_fen

    def teardown(self) -> None:
        if hasattr(self, "world"):
            self.take(self.waiting[::-1])
            self.world.clock.advance(10_000)
            self.send([Sweep()])
            self.books_are_right()
            assert all(view.held_fen == 0 for view in cards(self.world.database))
            self.world.database.close()

    def send(self, messages: list[Message]) -> list[Answer]:
        return self.world.books.carry_out(messages)

    def take(self, batch: list[Fuelling]) -> None:
        """Deliver reports in one transaction and write them into the test's own books."""
        limits = {held.name: held for held in self.granted}
        for fuelling, receipt in zip(batch, self.send([Report(f) for f in batch]), strict=True):
            assert isinstance(receipt, FuellingReceipt)
            assert receipt.charged_fen == fuelling.amount_fen
            self.waiting.remove(fuelling)
            self.delivered.append((fuelling, receipt))
            held = limits.get(fuelling.authorisation or "")
            card = held.card if held is not None else PLATES.get(fuelling.plate or "")
            charged_fen = fuelling.amount_fen if held is not None else self.capped_fen(card, fuelling.amount_fen)
            if charged_fen < fuelling.amount_fen:
                self.unclaimed_fen += fuelling.amount_fen - charged_fen
                self.unclaimed.append((fuelling, fuelling.amount_fen - charged_fen))
            if card is not None:
                self.expected_fen[card] -= charged_fen
            if held is not None:
                assert receipt.captured_fen in (0, min(fuelling.amount_fen, held.limit_fen))
                assert receipt.overrun_fen == max(0, fuelling.amount_fen - held.limit_fen)

    def capped_fen(self, card: str | None, amount_fen: int) -> int:
        """What a fuelling without an authorisation may take: 100 yuan of a card within a day."""
        if card is None:
            return 0
        now = self.world.clock.now()
        taken = sum(fen for at, whose, fen in self.without if whose == card and at >= now - timedelta(days=1))
        charged_fen = min(amount_fen, max(0, 10_000 - taken))
        self.without.append((now, card, charged_fen))
        return charged_fen


def _run(make_database: Any, examples: int, steps: int) -> None:
    machine = type("Machine", (Books,), {"make_database": staticmethod(make_database)})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )


def _sqlite(migrated_file: Path) -> Any:
    folder = tempfile.TemporaryDirectory(prefix="greenlane-books-")
    count = iter(range(10**6))

    def make() -> Database:
        return Database(f"sqlite:///{shutil.copy(migrated_file, Path(folder.name) / f'{next(count)}.sqlite3')}")

    make.folder = folder  # type: ignore[attr-defined]
    return make


def test_books_hold_on_sqlite(migrated_file: Path) -> None:
    _run(_sqlite(migrated_file), examples=3, steps=25)


@pytest.mark.slow
def test_books_hold_on_sqlite_for_long(migrated_file: Path) -> None:
    """40 runs of 60 steps in the CI, 400 with HYPOTHESIS_PROFILE=thorough."""
    _run(_sqlite(migrated_file), examples=settings().max_examples * 2 // 5, steps=60)


@pytest.mark.database
def test_books_hold_on_postgresql(cluster: Cluster, migrated_template: str) -> None:
    _run(lambda: Database(cluster.database(migrated_template)), examples=25, steps=40)
