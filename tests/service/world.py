"""A small world for tests of the books: a clock moved by hand, a station, cards, and messages that fit them."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from service.admin.admin import Admin
from service.books.books import Books
from service.books.messages import Answer, Ask, Message, Refused, Report
from service.books.settings import BookSettings
from service.store.database import Database
from wire.fuellings import Fuelling, FuellingReceipt
from wire.questions import Decision, Question

START = datetime(2026, 5, 4, 0, 30, tzinfo=UTC)
PLATE = "粤B12345"
FLEET = tuple(f"粤C{number:05d}" for number in range(200))
"""Plates of one card, for tests that need vehicles at several lanes at once."""


@dataclass
class ManualClock:
    """A wall clock that only the test moves."""

    moment: datetime = START

    def now(self) -> datetime:
        """In UTC, as of the machine's own clock, wherever the test says it is."""
        return self.moment.astimezone(UTC)

    def advance(self, seconds: float) -> None:
        self.moment += timedelta(seconds=seconds)


def ageless(answer: Answer) -> Answer:
    """An answer without the seconds that it still has to live: what its repeats have in common."""
    return replace(answer, expires_in_s=None) if isinstance(answer, Decision) else answer


@dataclass
class Pump:
    """A dispenser whose sequence and totaliser go on from fuelling to fuelling."""

    name: str
    sequence: int = 0
    totaliser_ml: int = 1_000_000

    def fuelling(self, clock: ManualClock, flowed_ml: int, **changes: object) -> Fuelling:
        """The next fuelling of this dispenser, ended now, at 8 yuan a litre."""
        self.sequence += 1
        before_ml, self.totaliser_ml = self.totaliser_ml, self.totaliser_ml + flowed_ml
        values: dict[str, object] = {
            "station": "S1",
            "lane": "L1",
            "dispenser": self.name,
            "sequence": self.sequence,
            "visit": None,
            "authorisation": None,
            "plate": PLATE,
            "started_at": clock.now() - timedelta(seconds=60),
            "ended_at": clock.now(),
            "volume_ml": flowed_ml,
            "amount_fen": (flowed_ml * 800 + 500) // 1000,
            "unit_price_fen_per_l": 800,
            "product": "92",
            "totaliser_before_ml": before_ml,
            "totaliser_after_ml": self.totaliser_ml,
        }
        return Fuelling(**{**values, **changes})  # type: ignore[arg-type]


@dataclass
class World:
    """Books with a station S1 (preset 100 yuan) and a desk; close() when done."""

    database: Database
    clock: ManualClock = field(default_factory=ManualClock)
    settings: BookSettings = field(default_factory=BookSettings)

    def __post_init__(self) -> None:
        self.books = Books(self.database, self.clock, self.settings)
        self.admin = Admin(self.books, "tester")
        self.admin.stations.set("S1", preset_fen=10_000)
        self._visits = itertools.count(1)

    def card(self, name: str = "C1", fen: int = 0, plate: str | None = PLATE, **options: object) -> None:
        self.admin.cards.create(name, **options)  # type: ignore[arg-type]
        if plate is not None:
            self.admin.plates.bind(plate, name)
        if fen:
            self.admin.money.top_up(name, fen)

    def fleet(self, count: int, card: str = "C1") -> tuple[str, ...]:
        """So many more plates of a card."""
        for plate in FLEET[:count]:
            self.admin.plates.bind(plate, card)
        return FLEET[:count]

    def question(self, plate: str = PLATE, **changes: object) -> Question:
        values: dict[str, object] = {
            "visit": f"visit-{next(self._visits)}",
            "station": "S1",
            "lane": "L1",
            "plate": plate,
            "typed": False,
            "captured_at": self.clock.now(),
            "confidence": 0.98,
            "weakest": 0.97,
        }
        return Question(**{**values, **changes})  # type: ignore[arg-type]

    def send(self, message: Message) -> Answer:
        return self.books.carry_out_one(message)

    def ask(self, plate: str = PLATE, **changes: object) -> Decision:
        answer = self.send(Ask(self.question(plate, **changes)))
        assert isinstance(answer, Decision)
        return answer

    def allowed(self, plate: str = PLATE) -> str:
        """The authorisation of a question that must be allowed."""
        name = self.ask(plate).authorisation
        assert name is not None
        return name

    def report(self, fuelling: Fuelling) -> FuellingReceipt:
        answer = self.send(Report(fuelling))
        assert isinstance(answer, FuellingReceipt), answer
        return answer

    def refused(self, message: Message) -> Refused:
        answer = self.send(message)
        assert isinstance(answer, Refused), answer
        return answer
