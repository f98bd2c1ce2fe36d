"""A server with its books, a station's central control, and a cable between them that can be cut."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from controller.outbound.key_pair import KeyPair
from service.books.messages import Answer, Ask, Message, Report
from service.identity.guard import Guard
from service.identity.signed.devices import Place as DevicePlace
from service.offline.visits import OfflineVisit, offline_visits
from service.reports.audit import Finding, audit
from service.reports.statement import CardView, cards
from service.server import running
from station.settings import StationSettings
from station.wiring import ENROLMENT, KEY, StationSite, StationWiring
from tests.service.identity.kit import CHEAP, PLATE
from tests.service.identity.kit import ServiceRig as Server
from tests.station.cable import Cable, Fault
from wire.codec import encode_text
from wire.devices import DeviceKind, EnrolmentRequest
from wire.fuellings import Fuelling, FuellingReceipt
from wire.questions import Decision, Question

PATIENCE_S = 25.0
"""So long that a busy machine never looks like a cut line."""
SETTINGS = StationSettings(
    cap_fen=50_000, deadline_s=PATIENCE_S, task_s=PATIENCE_S, message_s=PATIENCE_S, fuelling_wait_s=0.2
)
IMPATIENT = replace(SETTINGS, deadline_s=1.0, task_s=5.0, message_s=8.0)
"""For lines that say nothing, or too late."""


class StationRig:
    """One station S1. `wiring` is its central control, without workers: step() does what they would.

    Its courier too sends nothing before start_courier(), so a fuelling is soon receipted provisionally.
    """

    def __init__(self, folder: Path, settings: StationSettings = SETTINGS) -> None:
        self.folder = folder
        self.settings = settings
        self.server = Server(folder)
        self.clock = self.server.clock
        self.admin = self.server.admin
        self.admin.stations.set("S1", preset_fen=10_000, offline_fen=20_000)
        self.admin.stations.set_price("S1", "92", 800)
        self.clock.move(120)
        self.place: StationSite | None = None
        self._numbers = itertools.count(1)
        self._pumps: dict[str, tuple[int, int]] = {}

    @contextmanager
    def open(self) -> Iterator[StationRig]:
        with running(self.server.app) as url:
            self.cable = Cable(int(url.rpartition(":")[2]))
            state = self.folder / "station"
            enrol(self.server, state)
            self.place = StationSite(state, self.cable.url)
            self.start()
            try:
                yield self
            finally:
                self.stop()
                self.cable.close()

    def start(self) -> None:
        """Start the station afresh on what it has on disk."""
        assert self.place is not None
        self.wiring = StationWiring(self.place, Guard(hasher=CHEAP), self.settings, self.clock)

    def start_courier(self) -> None:
        """Fuellings are sent by themselves from now on, and wait for the server's receipt."""
        self.restart(replace(self.settings, fuelling_wait_s=PATIENCE_S))
        self.wiring.forwarder.start()

    def stop(self) -> None:
        self.wiring.close()

    def restart(self, settings: StationSettings | None = None) -> None:
        self.settings = settings or self.settings
        self.stop()
        self.start()

    def cut(self, fault: Fault = Fault.REFUSED) -> None:
        """Cut the line; the station notices with its next call."""
        self.cable.fault = fault

    def mend(self) -> None:
        self.cable.fault = Fault.NONE

    def step(self, seconds: float = 60.0) -> None:
        """Time passes, and every worker has its turn; the lists are fetched, the queue is sent."""
        self.clock.move(seconds)
        self.wiring.sync.step()
        self.wiring.forwarder.courier.step()

    def question(self, plate: str = PLATE, **changes: object) -> Question:
        number = next(self._numbers)
        made = Question(
            visit=f"visit-{number}",
            station="S1",
            lane="L1",
            plate=plate,
            typed=False,
            captured_at=self.clock.now(),
            confidence=0.98,
            weakest=0.97,
        )
        return replace(made, **changes)  # type: ignore[arg-type]

    def fuelling(
        self, decision: Decision | None, amount_fen: int, dispenser: str = "D1", **changes: object
    ) -> Fuelling:
        """What a pump delivers at 8 yuan a litre, ended now."""
        sequence, total_ml = self._pumps.get(dispenser, (0, 1_000_000))
        volume_ml = amount_fen * 1000 // 800
        self._pumps[dispenser] = (sequence + 1, total_ml + volume_ml)
        made = Fuelling(
            station="S1",
            lane="L1",
            dispenser=dispenser,
            sequence=sequence + 1,
            visit=None if decision is None else decision.visit,
            authorisation=None if decision is None else decision.authorisation,
            plate=PLATE if decision is None else decision.plate,
            started_at=self.clock.now() - timedelta(seconds=30),
            ended_at=self.clock.now(),
            volume_ml=volume_ml,
            amount_fen=amount_fen,
            unit_price_fen_per_l=800,
            product="92",
            totaliser_before_ml=total_ml,
            totaliser_after_ml=total_ml + volume_ml,
        )
        return replace(made, **changes)  # type: ignore[arg-type]

    def answer(self, message: Message) -> Answer:
        return self.wiring.control.answer(message)

    def ask(self, plate: str = PLATE, **changes: object) -> Decision:
        answer = self.answer(Ask(self.question(plate, **changes)))
        assert isinstance(answer, Decision), answer
        return answer

    def report(self, fuelling: Fuelling) -> FuellingReceipt:
        answer = self.answer(Report(fuelling))
        assert isinstance(answer, FuellingReceipt), answer
        return answer

    def card(self, name: str = "C1") -> CardView:
        return cards(self.server.app.state.books.database, name)[0]

    def findings(self) -> tuple[Finding, ...]:
        return audit(self.server.app.state.books.database).findings

    def offline(self, **options: object) -> list[OfflineVisit]:
        return offline_visits(self.server.app.state.books.database, **options)  # type: ignore[arg-type]

    @property
    def exposure_fen(self) -> int:
        return self.wiring.store.grants.exposure_fen()


def enrol(server: Server, state: Path) -> KeyPair:
    """Make a folder that of an enrolled central control."""
    state.mkdir(mode=0o700, exist_ok=True)
    key = KeyPair.make()
    code = server.identity.devices.issue_code(DevicePlace(DeviceKind.STATION, "S1", None), "test", replaces=True)
    enrolled = server.identity.devices.enrol(EnrolmentRequest(code=code, public_key=key.public_text), "test")
    (state / KEY).unlink(missing_ok=True)
    key.save(state / KEY)
    (state / ENROLMENT).write_text(encode_text(enrolled), encoding="utf-8")
    return key
