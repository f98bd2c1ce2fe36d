"""Fuellings that come by a schedule that waits for nobody, and the lanes that post them."""

from __future__ import annotations

import asyncio
import random
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from greenlane.bench.client import KeptConnection, Key, Target
from greenlane.bench.stream_phones import address_of
from service.errors import ServiceError
from wire.codec import encode
from wire.fuellings import Fuelling
from wire.questions import Question

UNIT_PRICE_FEN_PER_L = 800
VOLUMES_ML = (500, 1_500)
LANES_NET = 1
GREEN_BEFORE_S = 10.0
"""A vehicle is asked about so long before its nozzle is back, or as soon as the one before it has gone."""


@dataclass
class DueFuelling:
    """One vehicle. due_s: when its nozzle is back, by time.monotonic; posted_s: when the lane sent that; told_s: when
    the lane had its receipt."""

    due_s: float
    volume_ml: int
    before_ml: int = 0
    amount_fen: int = 0
    posted_s: float | None = None
    told_s: float | None = None


def schedule(rate: float, count: int, begin_s: float, chance: random.Random) -> list[DueFuelling]:
    """A Poisson process: `count` fuellings, on average `rate` a second, the first after begin_s."""
    visits, at_s = [], begin_s
    for _ in range(count):
        at_s += chance.expovariate(rate)
        visits.append(DueFuelling(at_s, chance.randrange(*VOLUMES_ML)))
    return visits


@dataclass
class PostingLane:
    """One lane unit with one plate and one dispenser, on one kept connection: question, then the nozzle is back.

    What is not answered in time delays the lane's own next message, as at a pump; measured is from when it was due.
    """

    target: Target
    key: Key
    number: int
    plate: str
    visits: list[DueFuelling] = field(default_factory=list)
    _sequence: int = 0
    _totaliser_ml: int = 0

    @property
    def name(self) -> str:
        return f"L{self.number}"

    async def run(self) -> None:
        """All visits, one after another."""
        line = KeptConnection(self.target, self.key, source=address_of(self.number, LANES_NET))
        last_s = 0.0
        try:
            for visit in self.visits:
                await _until(max(last_s, visit.due_s - GREEN_BEFORE_S))
                name, green_at = uuid.uuid4().hex, datetime.now(UTC)
                authorisation = await self._ask(line, name, green_at)
                await _until(visit.due_s)
                visit.posted_s = time.monotonic()
                await self._report(line, visit, name, authorisation, green_at)
                visit.told_s = last_s = time.monotonic()
        finally:
            line.close()
            self.visits = []

    async def _ask(self, line: KeptConnection, visit: str, captured_at: datetime) -> str:
        question = Question(
            visit=visit,
            station="bench",
            lane=self.name,
            plate=self.plate,
            typed=False,
            captured_at=captured_at,
            confidence=0.98,
            weakest=0.97,
        )
        reply = await line.post("/v1/authorisations", encode(question))
        decision = reply.record() if reply.status == 200 else {}
        if decision.get("authorisation") is None:
            raise ServiceError(f"a question was answered {reply.status}: {reply.body[:200].decode(errors='replace')}")
        return str(decision["authorisation"])

    async def _report(
        self, line: KeptConnection, visit: DueFuelling, name: str, authorisation: str, green_at: datetime
    ) -> None:
        self._sequence += 1
        visit.before_ml, self._totaliser_ml = self._totaliser_ml, self._totaliser_ml + visit.volume_ml
        visit.amount_fen = visit.volume_ml * UNIT_PRICE_FEN_PER_L // 1000
        report = Fuelling(
            station="bench",
            lane=self.name,
            dispenser=f"pump-{self.name}",
            sequence=self._sequence,
            visit=name,
            authorisation=authorisation,
            plate=self.plate,
            started_at=green_at,
            ended_at=datetime.now(UTC),
            volume_ml=visit.volume_ml,
            amount_fen=visit.amount_fen,
            unit_price_fen_per_l=UNIT_PRICE_FEN_PER_L,
            product="92",
            totaliser_before_ml=visit.before_ml,
            totaliser_after_ml=self._totaliser_ml,
        )
        reply = await line.post("/v1/fuellings", encode(report))
        if reply.status != 200:
            raise ServiceError(f"a fuelling was answered {reply.status}: {reply.body[:200].decode(errors='replace')}")


def share_out(visits: Sequence[DueFuelling], lanes: Sequence[PostingLane]) -> dict[int, list[DueFuelling]]:
    """Vehicles to the lanes in turn; the same by the lane's number."""
    shared: dict[int, list[DueFuelling]] = {}
    for number, visit in enumerate(visits):
        lane = number % len(lanes)
        lanes[lane].visits.append(visit)
        shared.setdefault(lane, []).append(visit)
    return shared


async def _until(at_s: float) -> None:
    wait_s = at_s - time.monotonic()
    if wait_s > 0:
        await asyncio.sleep(wait_s)
