"""Simulated lanes for the station's bench: they send what a lane unit sends, at the pace it sends it."""

from __future__ import annotations

import asyncio
import base64
import os
import uuid
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from greenlane.bench.client import KeptConnection, Key, Target
from wire.codec import encode
from wire.fuellings import Fuelling
from wire.live import LampState, LaneStatus, OrdersWanted, Stage, StoryLine, VisitReport
from wire.questions import Question
from wire.reasons import Reason, Verdict

STATUS_GAP_S = 0.5
"""controller.telling.reporter tells a change no sooner than this after the one before;
while fuel flows there always is one."""
BEAT_S = 10.0
ORDERS_WAIT_S = 20.0
UNIT_PRICE_FEN_PER_L = 790
FLOW_ML_PER_S = 600
"""36 l/min: a car's nozzle gives 35 to 40."""
PICTURE = base64.b64encode(b"\xff\xd8\xff\xe0" + os.urandom(15_000)).decode()

STEPS = ((0.0, "seen"), (2.0, "read"), (20.0, "lifted"), (25.0, "flows"), (110.0, "hung"), (130.0, "gone"))
"""Seconds of a visit of 180 s: two to be read, twenty to get out and lift the nozzle, 85 s of flow (51 l), and away.
The next vehicle comes at 180 s: twenty an hour and pump is a full station."""
WHOLE_S = 180.0


@dataclass
class Tally:
    """What was sent and how it was answered, counted while `counts`. Seconds per kind; faults by their words."""

    counts: bool = False
    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    faults: Counter[str] = field(default_factory=Counter)

    async def timed(self, kind: str, sending: Awaitable[Any], expected: tuple[int, ...] = (200, 204)) -> Any:
        """The answer, or None when there was none or a wrong one."""
        loop = asyncio.get_running_loop()
        start_s = loop.time()
        try:
            answer = await sending
        except (OSError, TimeoutError) as error:
            self._fault(f"{kind}: {type(error).__name__}")
            return None
        if answer.status not in expected:
            self._fault(f"{kind}: {answer.status} {answer.body[:80].decode(errors='replace')}")
            return None
        if self.counts:
            self.seconds[kind].append(loop.time() - start_s)
        return answer

    def _fault(self, words: str) -> None:
        if self.counts:
            self.faults[words] += 1


@dataclass(frozen=True, slots=True)
class StationLoad:
    """What all lanes of a run share. vehicle_s: a vehicle comes to each lane this often."""

    target: Target
    key: Key | None
    station: str
    run: str
    vehicle_s: float
    tally: Tally


class SimulatedLane:
    """One lane unit with its three connections: questions and fuellings, the reporter, the wait for orders."""

    def __init__(self, load: StationLoad, number: int, plate: str) -> None:
        self.name = f"lane-{number}"
        self._load = load
        self._plate = plate
        self._sequence = 0
        self._totaliser_ml = 0
        self._status = LaneStatus(
            station=load.station, lane=self.name, at=_now(), phase="empty", lamp=LampState.RED, reason=Reason.NO_PLATE
        )
        self._visit: VisitReport | None = None
        self._authorisation: str | None = None
        self._flow_s: float | None = None
        self._telling = asyncio.Event()
        self._lines = [KeptConnection(load.target, load.key) for _ in range(3)]

    async def run(self, first_s: float) -> None:
        """Until cancelled. first_s: when, in the loop's time, the first vehicle came; it may be in the past."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._report())
                group.create_task(self._listen())
                group.create_task(self._serve(first_s))
        finally:
            for line in self._lines:
                line.close()

    async def _serve(self, first_s: float) -> None:
        loop, speed = asyncio.get_running_loop(), self._load.vehicle_s / WHOLE_S
        actions: dict[str, Callable[[], Awaitable[None]]] = {
            "seen": self._seen,
            "read": self._read,
            "lifted": self._lifted,
            "flows": self._flows,
            "hung": self._hung,
            "gone": self._gone,
        }
        while True:
            for offset_s, name in STEPS:
                await asyncio.sleep(first_s + offset_s * speed - loop.time())
                await actions[name]()
            first_s += self._load.vehicle_s

    async def _seen(self) -> None:
        now, place = _now(), (self._load.station, self.name)
        self._visit = VisitReport(
            station=place[0],
            lane=place[1],
            visit=uuid.uuid4().hex,
            first_seen_at=now,
            at=now,
            decision=Verdict.REFUSE,
            reason=Reason.NO_PLATE,
            over=False,
            story=(),
            picture=PICTURE,
        )
        self._authorisation, self._flow_s = None, None
        self._tell(Stage.SEEN, phase="reading", lamp=LampState.RED, reason=Reason.NO_PLATE, visit=self._visit.visit)

    async def _read(self) -> None:
        assert self._visit is not None
        self._tell(Stage.ASKED, phase="asking", plate=self._plate)
        question = Question(
            visit=self._visit.visit,
            station=self._load.station,
            lane=self.name,
            plate=self._plate,
            typed=False,
            captured_at=_now(),
            confidence=0.99,
            weakest=0.97,
        )
        sending = self._lines[0].post("/v1/authorisations", encode(question))
        answer = await self._load.tally.timed("question", sending)
        if answer is None:
            return
        decision = answer.record()
        self._authorisation = decision.get("authorisation")
        is_green = self._authorisation is not None
        reason = Reason(decision["reason"])
        self._visit = replace(
            self._visit,
            decision=Verdict(decision["decision"]),
            reason=reason,
            plate=self._plate,
            limit_fen=decision.get("limit_fen"),
        )
        lamp = LampState.GREEN if is_green else LampState.RED
        phase = "green" if is_green else "refused"
        self._tell(Stage.ANSWERED, phase=phase, lamp=lamp, reason=reason, limit_fen=decision.get("limit_fen"))

    async def _lifted(self) -> None:
        self._tell(Stage.FUELLING, phase="fuelling", volume_ml=0, amount_fen=0)

    async def _flows(self) -> None:
        self._flow_s = asyncio.get_running_loop().time()
        self._telling.set()

    async def _hung(self) -> None:
        volume_ml = self._volume_ml()
        self._flow_s = None
        self._tell(Stage.FUELLING)
        if self._authorisation is None or volume_ml == 0:
            return
        report = self._fuelling(volume_ml)
        sending = self._lines[0].post("/v1/fuellings", encode(report))
        if await self._load.tally.timed("fuelling", sending) is not None:
            self._tell(Stage.CHARGED, volume_ml=None, amount_fen=None, charged_fen=report.amount_fen)

    async def _gone(self) -> None:
        if self._visit is not None:
            self._visit = replace(self._visit, over=True)
            self._tell(
                Stage.GONE,
                phase="empty",
                lamp=LampState.RED,
                reason=Reason.VISIT_OVER,
                visit=None,
                plate=None,
                limit_fen=None,
                volume_ml=None,
                amount_fen=None,
                charged_fen=None,
            )

    def _fuelling(self, volume_ml: int) -> Fuelling:
        assert self._visit is not None
        self._sequence += 1
        before_ml, self._totaliser_ml = self._totaliser_ml, self._totaliser_ml + volume_ml
        now = _now()
        return Fuelling(
            station=self._load.station,
            lane=self.name,
            dispenser=f"{self._load.run}-{self.name}",
            sequence=self._sequence,
            visit=self._visit.visit,
            authorisation=self._authorisation,
            plate=self._plate,
            started_at=now - timedelta(seconds=60),
            ended_at=now,
            volume_ml=volume_ml,
            amount_fen=_fen(volume_ml),
            unit_price_fen_per_l=UNIT_PRICE_FEN_PER_L,
            product="92",
            totaliser_before_ml=before_ml,
            totaliser_after_ml=self._totaliser_ml,
        )

    def _volume_ml(self) -> int:
        if self._flow_s is None:
            return 0
        return int((asyncio.get_running_loop().time() - self._flow_s) * FLOW_ML_PER_S)

    def _tell(self, stage: Stage, **facts: Any) -> None:
        """A step of the visit: both the lane's status and the visit's report change."""
        self._status = replace(self._status, **facts)
        if self._visit is not None:
            at_s = (_now() - self._visit.first_seen_at).total_seconds()
            line = StoryLine(at_s=round(at_s, 2), stage=stage, words="as simulated")
            self._visit = replace(self._visit, story=(*self._visit.story, line))
        self._telling.set()

    async def _report(self) -> None:
        """As controller.telling.reporter: what is new, then a pause; a beat when nothing is."""
        line, tally, reported = self._lines[1], self._load.tally, None
        while True:
            if self._flow_s is None:
                with suppress(TimeoutError):
                    async with asyncio.timeout(BEAT_S):
                        await self._telling.wait()
            self._telling.clear()
            status = replace(self._status, at=_now())
            if self._flow_s is not None:
                status = replace(status, volume_ml=self._volume_ml(), amount_fen=_fen(self._volume_ml()))
            await tally.timed("status", line.post("/v1/lane-status", encode(status)))
            if self._visit is not None and self._visit is not reported:
                reported = self._visit
                sent = replace(reported, at=_now())
                if await tally.timed("visit", line.post("/v1/visits", encode(sent))) is not None:
                    if self._visit is reported:
                        reported = self._visit = replace(reported, picture=None)
                    else:
                        self._visit = replace(self._visit, picture=None)
            await asyncio.sleep(STATUS_GAP_S)

    async def _listen(self) -> None:
        wanted = encode(OrdersWanted(station=self._load.station, lane=self.name, wait_s=ORDERS_WAIT_S, done=()))
        while True:
            if await self._load.tally.timed("orders", self._lines[2].post("/v1/lane-orders", wanted)) is None:
                await asyncio.sleep(1)


def _fen(volume_ml: int) -> int:
    return volume_ml * UNIT_PRICE_FEN_PER_L // 1000


def _now() -> datetime:
    return datetime.now(UTC)
