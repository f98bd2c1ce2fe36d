"""Random interleavings of a line that comes and goes, questions, fuellings, restarts and changes at the server.

The test keeps books of its own: what was allowed offline, what was fuelled, and which answer each visit got.
"""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
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
from sqlalchemy import select

from service.books.messages import Answer, Ask, Message, Refused, Release, Renew, Report
from service.errors import Unavailable
from service.store import schema
from station.settings import StationSettings
from station.store.grants import UNUSED_LIFE
from tests.service.world import ageless
from tests.station.cable import Fault
from tests.station.conftest import prepared
from tests.station.rig import StationRig
from wire.fuellings import Fuelling, FuellingReceipt
from wire.questions import Decision, Question
from wire.reasons import ErrorCode, Reason, Verdict

CARDS = {"粤B11111": "K1", "粤B22222": "K1", "粤B33333": "K2", "粤B44444": "K3"}
CAP_FEN, STATION_CAP_FEN = 6_000, 14_000
UNREACHED_FEN = 10**9
"""What fuellings without an authorisation may take: its cap has tests of its own, here every fen is followed."""
FAULTS = st.sampled_from([Fault.REFUSED, Fault.LOST_ANSWER, Fault.ERROR, Fault.HALF])


@dataclass
class Given:
    """An allowed answer as the test remembers it."""

    decision: Decision
    until: datetime
    fuelled: Fuelling | None = None
    released: bool = False

    @property
    def offline(self) -> bool:
        return self.decision.reason is Reason.OFFLINE_ALLOWED


class Line(RuleBasedStateMachine):
    """migrated is set by the tests below: a database file of the newest schema."""

    migrated: Path

    @initialize()
    def open(self) -> None:
        self.stack = ExitStack()
        folder = prepared(self.migrated, Path(self.stack.enter_context(tempfile.TemporaryDirectory())))
        rules = StationSettings(cap_fen=STATION_CAP_FEN, deadline_s=2.0, fuelling_wait_s=0.1)
        self.rig = self.stack.enter_context(StationRig(folder, rules).open())
        admin = self.rig.admin
        admin.stations.set("S1", preset_fen=5_000, offline_fen=CAP_FEN, unauthorised_cap_fen=UNREACHED_FEN)
        for card in sorted(set(CARDS.values())):
            admin.cards.create(card)
            admin.money.top_up(card, 40_000)
        for plate, card in CARDS.items():
            admin.plates.bind(plate, card)
        self.expected_fen = dict.fromkeys(sorted(set(CARDS.values())), 40_000)
        self.asked: list[tuple[Question, Decision]] = []
        self.given: dict[str, Given] = {}
        self.fuelled: dict[tuple[str, int], Fuelling] = {}
        self.rig.step()

    @rule(fault=FAULTS)
    def cut(self, fault: Fault) -> None:
        self.rig.cut(fault)

    @rule()
    def mend(self) -> None:
        self.rig.mend()

    @rule(seconds=st.sampled_from([1, 60, 299, 4_000]))
    def time_passes(self, seconds: float) -> None:
        """Every worker has its turn: keys and lists are fetched, what waits is sent."""
        self.rig.step(seconds)

    @rule()
    def restart(self) -> None:
        self.rig.restart()

    @rule(plate=st.sampled_from([*CARDS, "粤B99999"]))
    def ask(self, plate: str) -> None:
        question = self.rig.question(plate)
        answer = self.send(Ask(question))
        if isinstance(answer, Decision):
            self.asked.append((question, answer))
            if answer.decision is Verdict.ALLOW:
                assert answer.authorisation is not None
                assert answer.expires_at is not None
                assert answer.limit_fen is not None
                assert answer.authorisation not in self.given
                self.given[answer.authorisation] = Given(answer, answer.expires_at)
                assert answer.limit_fen <= CAP_FEN or answer.reason is Reason.OK
                assert plate in CARDS

    @precondition(lambda self: self.asked)
    @rule(data=st.data(), other=st.booleans())
    def ask_again(self, data: st.DataObject, other: bool) -> None:
        question, first = data.draw(st.sampled_from(self.asked))
        if not other:
            assert ageless(self.send(Ask(question))) == ageless(first)
            return
        answer = self.send(Ask(self.rig.question(visit=question.visit, lane="L7")))
        assert isinstance(answer, Refused)
        assert answer.code is ErrorCode.KEY_REUSED

    @precondition(lambda self: self.given)
    @rule(data=st.data())
    def renew(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.given)))
        answer = self.send(Renew(name))
        if isinstance(answer, Decision) and answer.decision is Verdict.ALLOW:
            mine = self.given[name]
            assert answer.expires_at is not None
            assert not (mine.offline and (mine.released or mine.fuelled))
            assert answer.limit_fen == mine.decision.limit_fen
            mine.until = max(mine.until, answer.expires_at)

    @precondition(lambda self: self.given)
    @rule(data=st.data())
    def release(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.given)))
        self.send(Release(name))
        self.given[name].released = True

    @rule(data=st.data(), share=st.sampled_from([0.1, 0.5, 1.0]), pump=st.sampled_from(["D1", "D2"]))
    def fuel(self, data: st.DataObject, share: float, pump: str) -> None:
        """Under an authorisation that nothing was fuelled under yet, or under none."""
        free = sorted(n for n, g in self.given.items() if g.fuelled is None and not g.released and self.lives(g))
        name = data.draw(st.sampled_from([*free, None]))
        mine = None if name is None else self.given[name]
        decision = None if mine is None else mine.decision
        limit_fen = 2_000 if decision is None else decision.limit_fen or 0
        plate = "粤B11111" if decision is None else decision.plate
        made = self.rig.fuelling(decision, int(limit_fen * share) // 8 * 8, pump, plate=plate)
        receipt = self.send(Report(made))
        assert isinstance(receipt, FuellingReceipt)
        assert receipt.charged_fen == made.amount_fen
        self.fuelled[(made.dispenser, made.sequence)] = made
        self.expected_fen[CARDS[plate]] -= made.amount_fen
        if mine is not None:
            mine.fuelled = made

    @precondition(lambda self: self.fuelled)
    @rule(data=st.data())
    def report_again(self, data: st.DataObject) -> None:
        made = data.draw(st.sampled_from(sorted(self.fuelled.values(), key=lambda f: (f.dispenser, f.sequence))))
        answer = self.send(Report(made))
        assert isinstance(answer, FuellingReceipt)
        assert answer.charged_fen == made.amount_fen

    @rule(card=st.sampled_from(["K1", "K2", "K3"]), blocked=st.booleans())
    def block(self, card: str, blocked: bool) -> None:
        self.rig.admin.cards.block(card, blocked)

    @rule(plate=st.sampled_from(sorted(CARDS)), blocked=st.booleans())
    def block_plate(self, plate: str, blocked: bool) -> None:
        self.rig.admin.plates.block(plate, blocked)

    @invariant()
    def never_beyond_the_caps(self) -> None:
        posted = self.posted()
        outstanding = {name: self.outstanding_fen(g, posted) for name, g in self.given.items() if g.offline}
        assert sum(outstanding.values()) <= STATION_CAP_FEN
        for card in self.expected_fen:
            of_card = sum(fen for n, fen in outstanding.items() if CARDS[self.given[n].decision.plate] == card)
            assert of_card <= CAP_FEN
        assert self.rig.exposure_fen >= sum(outstanding.values())

    @invariant()
    def the_books_are_right(self) -> None:
        assert [f for f in self.rig.findings() if f.check != "totalisers"] == []

    def teardown(self) -> None:
        if not hasattr(self, "rig"):
            return
        self.rig.mend()
        for _ in range(3):
            self.rig.step()
        self.rig.clock.move(20_000)
        self.rig.step()
        assert sorted(self.posted()) == sorted(self.fuelled)
        assert self.rig.findings() == ()
        assert self.rig.exposure_fen == 0
        for card, fen in self.expected_fen.items():
            assert self.rig.card(card).balance_fen == fen
        granted = sorted(n for n, g in self.given.items() if g.offline)
        assert sorted(v.authorisation for v in self.rig.offline()) == granted
        self.stack.close()

    def send(self, message: Message) -> Answer | None:
        """None where the station says plainly that it can't answer now."""
        try:
            return self.rig.answer(message)
        except Unavailable:
            assert not isinstance(message, Report), "a fuelling is always taken"
            return None

    def lives(self, given: Given) -> bool:
        """Whether a lane would still show green."""
        return given.until > self.rig.clock.now()

    def outstanding_fen(self, given: Given, posted: set[tuple[str, int]]) -> int:
        if given.fuelled is not None:
            known = (given.fuelled.dispenser, given.fuelled.sequence) in posted
            return 0 if known else given.fuelled.amount_fen
        gone = given.released or given.until + UNUSED_LIFE <= self.rig.clock.now() + timedelta(seconds=1)
        return 0 if gone else given.decision.limit_fen or 0

    def posted(self) -> set[tuple[str, int]]:
        query = select(schema.fuellings.c.dispenser, schema.fuellings.c.sequence)
        with self.rig.server.app.state.books.database.reading() as connection:
            return {(row.dispenser, row.sequence) for row in connection.execute(query)}


def run(migrated: Path, examples: int, steps: int) -> None:
    machine: Any = type("Machine", (Line,), {"migrated": migrated})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples, stateful_step_count=steps, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )


def test_a_few_interleavings(migrated_file: Path) -> None:
    run(migrated_file, 2, 12)


@pytest.mark.slow
def test_many_interleavings(migrated_file: Path) -> None:
    """30 runs of 40 steps in the CI, 300 with HYPOTHESIS_PROFILE=thorough."""
    run(migrated_file, settings().max_examples * 3 // 10, 40)
