"""`greenlane bench payments`: fuellings paid by a payment provider that lies, and whether a fen is wrong afterwards.

The books take questions and reports as the service does; orders, answers and notifications are real HTTP on loopback,
to the lying server and to the service's own route. The clock is moved: a day passes in seconds.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import select

from greenlane.bench.lying_payments import APP, KEY, MERCHANT, Lie, LyingPayments, Taken
from greenlane.bench.process import machine, progress
from greenlane.cli.options import any_seed, whole
from service.admin.admin import Admin
from service.app import create_app
from service.books.books import Books
from service.books.messages import Ask, Refused, Report
from service.errors import ServiceError
from service.identity.guard import EMBEDDED
from service.payer_rules.periods import Hours
from service.payers.charging import Charging
from service.payers.phones import Phones
from service.payers.plate_payers import NewBinding, PlatePayers
from service.payers.simulated_phone import SimulatedPhone
from service.payments.port import PaymentProvider
from service.payments.settings import WechatSettings
from service.payments.wechatpay import Wechatpay
from service.payments.worker import PaymentWorker
from service.reports.audit import audit
from service.server import running
from service.store.clock import from_us, to_us
from service.store.payer_tables import charges
from service.store.payment_tables import payments
from service.store.schema import accounts
from wire.fuellings import Fuelling
from wire.questions import Decision, Question

STATION, PRODUCT, PRICE, PRESET_FEN = "bench", "92", 800, 10_000
VEHICLES, FILLS_A_DAY = 40, 20
START = datetime(2026, 5, 4, 0, 30, tzinfo=UTC)
STEPS_S = (5, 10, 15, 30, 60, 600, *[7200] * 12)
"""How the day after the last fuelling passes."""


@dataclass
class _Clock:
    moment: datetime = START

    def now(self) -> datetime:
        return self.moment


@dataclass(frozen=True)
class Result:
    """wrong_fen: between what the provider took and what the books say. early: shown as paid before it was.

    unknown: neither paid nor failed after a day of moved clock. longest_s: from the truth to the books, moved clock.
    """

    fuellings: int
    paid: int
    failed: int
    unknown: int
    wrong_fen: int
    early: int
    longest_s: float
    notifications: int
    contradictions: int
    findings: tuple[str, ...]
    lies: dict[str, int]
    wall_s: float


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--fuellings", metavar="N", type=whole(1, 1_000_000), default=2000, help="default: %(default)s")
    parser.add_argument("--seed", metavar="N", type=any_seed, default=1, help="default: %(default)s")
    parser.add_argument("--json", action="store_true", help="one document")


def run(args: argparse.Namespace) -> int:
    with tempfile.TemporaryDirectory(prefix="greenlane-bench-") as folder:
        try:
            result = measure(f"sqlite:///{folder}/service.sqlite3", args.fuellings, args.seed)
        except ServiceError as error:
            print(f"greenlane bench payments: {error}", file=sys.stderr)
            return 1
    if args.json:
        print(json.dumps({"machine": machine(), **asdict(result)}, ensure_ascii=False))
    else:
        print(_words(result))
    is_right = not (result.wrong_fen or result.early or result.unknown or result.contradictions or result.findings)
    return 0 if is_right else 1


def measure(url: str, fuellings: int, seed: int) -> Result:
    """Everything from making the books to their audit a day later."""
    clock, known, began = _Clock(), dict[str, PaymentProvider](), time.monotonic()
    app = create_app(url, clock, guard=EMBEDDED, providers=known)
    with LyingPayments(clock.now, seed=seed) as lying, running(app) as address:
        notify_url = f"{address}/payments/wechatpay/notify"
        known["wechatpay"] = Wechatpay(WechatSettings(APP, MERCHANT, KEY, notify_url, lying.url, deadline_s=10.0))
        payments_run = _PaymentRun(
            app.state.books, clock, lying, PaymentWorker(app.state.books, known), random.Random(seed)
        )
        payments_run.open()
        payments_run.fuel(fuellings)
        payments_run.pass_a_day()
        return payments_run.result(fuellings, time.monotonic() - began)


class _PaymentRun:
    """Vehicles that refuel one after another, each paid for by a person of its own."""

    def __init__(
        self, books: Books, clock: _Clock, lying: LyingPayments, worker: PaymentWorker, chance: random.Random
    ) -> None:
        self._books, self._clock, self._lying, self._worker, self._chance = books, clock, lying, worker, chance
        self._plates = [f"粤B{number:05d}" for number in range(VEHICLES)]
        self._visits = 0
        self._sequences, self._totalisers_ml = Counter[str](), Counter[str]()
        self._notifications, self._early = 0, 0
        self._compared_us, self._longest_s = 0, 0.0

    def open(self) -> None:
        """Station, persons, phones and mandates; the provider is asked about all plates."""
        Admin(self._books, "bench").stations.set(STATION, preset_fen=PRESET_FEN)
        phones, payers = Phones(self._books, "bench"), PlatePayers(self._books, "bench")
        for number, plate in enumerate(self._plates):
            code = phones.add(f"P{number}").code
            payers.set(plate, f"P{number}", NewBinding(hours=Hours.parse("0-24")))
            SimulatedPhone(self._books, code).sign_mandate([plate], 10**9)
            phones.pays_by(f"P{number}", "wechatpay")
        self._settle()

    def fuel(self, fuellings: int) -> None:
        """In rounds of one fuelling per vehicle; a new day begins where the provider's tries of one are used up."""
        rounds = -(-fuellings // VEHICLES)
        for number in range(rounds):
            if number and number % FILLS_A_DAY == 0:
                self.pass_a_day()
                self._pay_cash()
            self._round(self._plates[: min(VEHICLES, fuellings - number * VEHICLES)])
            self._settle()
            self._pass(60)
            progress(f"{min(fuellings, (number + 1) * VEHICLES)} of {fuellings} fuellings")

    def pass_a_day(self) -> None:
        for step_s in STEPS_S:
            self._pass(step_s)

    def _pay_cash(self) -> None:
        """What the provider would not pay is paid at the counter, so that nobody becomes overdue."""
        open_ones = select(charges.c.id).where(charges.c.paid_us.is_(None))
        for row in self._rows(open_ones.join(payments).where(payments.c.state == "failed")):
            Charging(self._books).settle(row.id, "bench")

    def _round(self, plates: Sequence[str]) -> None:
        asked = [Ask(self._question(plate)) for plate in plates]
        answers = self._books.carry_out(asked)
        reports = []
        for ask, answer in zip(asked, answers, strict=True):
            if not isinstance(answer, Decision) or answer.authorisation is None:
                raise ServiceError(f"a vehicle was refused: {answer}")
            reports.append(Report(self._fuelling(ask.question, answer.authorisation)))
        refused = [answer for answer in self._books.carry_out(reports) if isinstance(answer, Refused)]
        if refused:
            raise ServiceError(f"a fuelling was refused: {refused[0]}")

    def _question(self, plate: str) -> Question:
        self._visits += 1
        return Question(
            visit=f"v{self._visits}",
            station=STATION,
            lane=plate[-2:],
            plate=plate,
            typed=False,
            captured_at=self._clock.now(),
            confidence=0.99,
            weakest=0.99,
        )

    def _fuelling(self, question: Question, authorisation: str) -> Fuelling:
        lane, volume_ml = question.lane, self._chance.randrange(1_000, 12_500, 10)
        before_ml = self._totalisers_ml[lane]
        self._totalisers_ml[lane] += volume_ml
        self._sequences[lane] += 1
        return Fuelling(
            station=STATION,
            lane=lane,
            dispenser=f"D{lane}",
            sequence=self._sequences[lane],
            visit=question.visit,
            authorisation=authorisation,
            plate=question.plate,
            started_at=self._clock.now() - timedelta(seconds=30),
            ended_at=self._clock.now(),
            volume_ml=volume_ml,
            amount_fen=volume_ml * PRICE // 1000,
            unit_price_fen_per_l=PRICE,
            product=PRODUCT,
            totaliser_before_ml=before_ml,
            totaliser_after_ml=self._totalisers_ml[lane],
        )

    def _pass(self, seconds: float) -> None:
        self._clock.moment += timedelta(seconds=seconds)
        self._settle()

    def _settle(self) -> None:
        """What is due now is asked and told; then whether anything is shown as paid that is not."""
        self._notifications += self._lying.notify()
        while self._worker.round_():
            pass
        self._compare()

    def _compare(self) -> None:
        ended = payments.c.ended_us
        query = select(payments.c.number, payments.c.state, ended).where(ended >= self._compared_us)
        self._compared_us = to_us(self._clock.now())
        for row in self._rows(query):
            taken = self._lying.orders.get(row.number)
            if row.state == "paid" and (taken is None or not taken.paid(self._clock.now())):
                self._early += 1
            if taken is not None:
                self._longest_s = max(self._longest_s, (from_us(row.ended_us) - taken.ends_at).total_seconds())

    def _rows(self, query: Any) -> list[Any]:
        with self._books.database.reading() as connection:
            return list(connection.execute(query))

    def result(self, fuellings: int, wall_s: float) -> Result:
        """The books against what the provider has really taken."""
        now, orders = self._clock.now(), self._rows(select(payments))
        wrong_fen = sum(_wrong_fen(order, self._lying.orders.get(order.number), now) for order in orders)
        (account,) = self._rows(select(accounts).where(accounts.c.kind == "provider"))
        taken_fen = sum(taken.amount_fen for taken in self._lying.orders.values() if taken.paid(now))
        booked_fen = account.debits_posted_fen - account.credits_posted_fen
        states = Counter(order.state for order in orders)
        return Result(
            fuellings=fuellings,
            paid=states["paid"],
            failed=states["failed"],
            unknown=len(orders) - states["paid"] - states["failed"] + fuellings - len(orders),
            wrong_fen=wrong_fen + abs(taken_fen - booked_fen),
            early=self._early,
            longest_s=self._longest_s,
            notifications=self._notifications,
            contradictions=len(self._lying.contradictions),
            findings=tuple(f"{one.check}: {one.words}" for one in audit(self._books.database).findings),
            lies=dict(Counter(taken.lie.value for taken in self._lying.orders.values())),
            wall_s=round(wall_s, 1),
        )


def _wrong_fen(order: Any, taken: Taken | None, now: datetime) -> int:
    """How far an order of the books is from the truth."""
    truth_fen = taken.amount_fen if taken is not None and taken.paid(now) else 0
    return abs(truth_fen - (order.amount_fen if order.state == "paid" else 0))


def _words(result: Result) -> str:
    lies = ", ".join(f"{lie} {result.lies.get(lie, 0)}" for lie in Lie if lie is not Lie.REFUSES)
    return "\n".join(
        (
            f"{result.fuellings} fuellings in {result.wall_s} s on {machine()}",
            f"paid {result.paid}, failed {result.failed}, not known after a day {result.unknown}",
            f"wrong {result.wrong_fen} fen, shown as paid too early {result.early}",
            f"known at most {result.longest_s / 60:.0f} min after it was true; {result.notifications} notifications",
            f"order numbers used in two ways, or forged ones believed: {result.contradictions}",
            f"the audit finds {len(result.findings)}: {'; '.join(result.findings[:5]) or 'all is right'}",
            f"what the provider did: {lies}",
        )
    )
