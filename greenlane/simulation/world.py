"""The world around a simulated lane: a balance service over real HTTP, mock pins, a pump, all on one moved clock."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from controller.clock import ManualClock
from controller.fuelling.journal import FuellingJournal
from controller.fuelling.meter import FuellingMeter, MeteredTerminal
from controller.fuelling.open_fuelling import MeterSettings
from controller.fuelling.prices import PriceBook
from controller.fuelling.totaliser import exact
from controller.outbound.courier import RELEASE, Courier, balance_senders
from controller.outbound.expected import HttpAheadLink
from controller.outbound.http import HttpBalanceService
from controller.outbound.outbox import Message, Outbox
from controller.outbound.statefile import StateError, StateFile
from controller.settings_records import Settings
from controller.worker import InlineWorker
from greenlane.simulation import payers
from greenlane.simulation.cast import Phone, SimulatedCard
from hardware.dispensers.simulated import SimulatedDispenser
from hardware.lamp import GpioLamp, LampWires
from hardware.pins import open_pin_factory
from service.admin.admin import Admin
from service.admin.typed_plates import TypedPlates
from service.app import create_app
from service.books.books import Books
from service.identity.guard import EMBEDDED
from service.server import running
from wire.typed import TypedRule

UNIT_PRICE_FEN_PER_L = 750
"""A plausible price of petrol 92 in China in 2025, per litre."""

PATIENCE_S = 30.0
"""For an answer: the clock of the world stands meanwhile, and a machine that is busy makes nobody in it wait."""


class World:
    """Open it as a context manager. The service's books, the outbox and the meter live in a temporary folder."""

    def __init__(
        self,
        settings: Settings,
        cards: Sequence[SimulatedCard],
        preset_fen: int,
        phones: Sequence[Phone] = (),
        start: datetime | None = None,
        typed_rule: TypedRule = TypedRule.ATTENDANT,
        pins: Mapping[str, str] | None = None,
    ) -> None:
        """start: the wall clock at the beginning; the first clip comes a little later."""
        self.settings = replace(settings, service=replace(settings.service, deadline_s=PATIENCE_S))
        self.clock = ManualClock() if start is None else ManualClock(start)
        self._phones = phones
        self._typed_rule = typed_rule
        self._pins = pins or {}
        self.on_receipt: Callable[[Mapping[str, object]], None] | None = None
        self._cards = cards
        self._preset_fen = preset_fen
        self._parts = ExitStack()

    def __enter__(self) -> Self:
        try:
            self._build()
        except BaseException:
            self._parts.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._parts.close()

    def _build(self) -> None:
        parts, clock, settings = self._parts, self.clock, self.settings
        folder = Path(parts.enter_context(tempfile.TemporaryDirectory(prefix="greenlane-")))
        app = create_app(f"sqlite:///{folder / 'service.sqlite3'}", clock, guard=EMBEDDED)
        self.books: Books = app.state.books
        self._seed(Admin(self.books, "simulate"), TypedPlates(self.books, "simulate"))
        payers.seed(self.books, self._phones, {card.plate for card in self._cards})
        url = parts.enter_context(running(app))
        place = settings.lane
        self.service = parts.enter_context(closing(HttpBalanceService(url, place.station)))
        self.ahead = parts.enter_context(closing(HttpAheadLink(url, place.station, place.name)))
        self.state = parts.enter_context(closing(StateFile(folder / "lane.sqlite3", clock)))
        self.outbox = Outbox(self.state, clock)
        self.courier = Courier(
            self.outbox, balance_senders(self.service), clock, random.Random(1), on_sent=self._on_sent
        )
        pins = parts.enter_context(closing(open_pin_factory("mock")))
        lamp = settings.lamp
        wires = LampWires(lamp.red_pin, lamp.green_pin)
        self.lamp = parts.enter_context(closing(GpioLamp(wires, pins, clock, guarded=False)))
        self.dispenser, self.terminal = self._pump()
        parts.callback(self.terminal.close)

    def _pump(self) -> tuple[SimulatedDispenser, MeteredTerminal]:
        """The dispenser with the lane unit's own meter, journal and price list."""
        clock, pump, lane = self.clock, self.settings.dispenser, self.settings.lane
        prices = PriceBook(self.state, clock, self.service.prices)
        prices.refresh(self.settings.service.deadline_s)
        pulses_per_l = exact(pump.pulses_per_litre)
        journal = FuellingJournal(self.state, self.outbox, clock, random.Random(2), pump.name, pulses_per_l)
        admin: InlineWorker[StateError | None] = InlineWorker()
        meter = FuellingMeter(
            MeterSettings(lane.station, lane.name, pump.product, pump.fastest_l_per_min),
            journal,
            admin,
            clock,
            lambda: prices.unit_price(pump.product, pump.unit_price_fen_per_l),
        )
        dispenser = SimulatedDispenser(clock, pulses_per_litre=pump.pulses_per_litre, name=pump.name)
        return dispenser, MeteredTerminal(dispenser, meter, wake_courier=lambda: None)

    def _seed(self, admin: Admin, typed: TypedPlates) -> None:
        station = self.settings.lane.station
        admin.stations.set(station, title="simulated station", preset_fen=self._preset_fen)
        typed.set_rule("station", station, self._typed_rule)
        admin.stations.set_price(station, self.settings.dispenser.product, UNIT_PRICE_FEN_PER_L)
        for number, card in enumerate(self._cards, start=1):
            name = f"card-{number}"
            admin.cards.create(name)
            admin.plates.bind(card.plate, name)
            if card.balance_fen:
                admin.money.top_up(name, card.balance_fen)
            if card.plate in self._pins:
                typed.set_pin(name, self._pins[card.plate])

    def release(self, authorisation: str) -> None:
        """Give an unused authorisation back through the outbox, as the lane unit does."""
        self.outbox.put(RELEASE, authorisation, {"authorisation": authorisation})

    def _on_sent(self, message: Message, receipt: Mapping[str, object] | None) -> None:
        if receipt is not None and self.on_receipt is not None:
            self.on_receipt(receipt)
