"""`greenlane bench sales`: sales that do not belong to one fuelling, injected among clean fills; which ones are found.

The books take the reports as the service does, without HTTP, in a scratch database. A fault spoils volume and amount of
one sale (or of two) and leaves one witness true: the totaliser, the lane's own pulses, the time, or the vehicle's tank.
What the witness contradicts is worked out here from the true figures and must be flagged or refused; nothing else may.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from greenlane.bench.process import machine, progress
from greenlane.cli.options import any_seed, whole
from service.admin.admin import Admin
from service.books.books import Books
from service.books.decisions.patterns import WORDS
from service.books.decisions.plausibility import CONTRADICTED
from service.books.messages import Answer, Refused, Report
from service.errors import ServiceError
from service.mileage.vehicles import VehicleStore
from service.reports.audit import audit
from service.store.clock import SystemWallClock
from service.store.database import Database
from wire.flags import BooksFlag
from wire.fuellings import Fuelling, FuellingReceipt
from wire.money import amount_fen

STATION, PRODUCT, PRICE = "bench", "92", 800
KINDS = (BooksFlag.SUM_OF_TWO, BooksFlag.SAME_AGAIN, BooksFlag.TWO_SWAPPED)
WITNESSES = ("totaliser", "pulses", "time", "tank")
BAD = frozenset({*CONTRADICTED, BooksFlag.ABOVE_TANK, BooksFlag.TOTALISER_GAP, *WORDS})
LEAST_ML = 500
TANKS_L = (40, 45, 50, 55, 60, 70, 80, 120, 300, 400)
PLATES_PER_TANK = 10
PUMPS = 16
BATCH = 250
L_PER_MIN = {"totaliser": 30, "pulses": 30, "time": 150, "tank": 10}
"""How fast it flowed. Time speaks against a sale where the pump is near its fastest, and not where it is slow."""
MOST_L_PER_MIN, TANK_PERCENT, STEP_ML = 200, 110, 50
"""What docs/money.md says: flow, tank, and what a totaliser or pulses may differ by (or half a percent)."""


@dataclass(frozen=True, slots=True)
class Injected:
    """Two sales after each other at a pump of their own, at least one of them spoilt."""

    kind: str
    witness: str
    reports: tuple[Fuelling, Fuelling]
    contradicted: tuple[bool, bool]


@dataclass
class FaultCounts:
    """By kind and witness: spoilt sales, those that the witness contradicts, and those found, right or wrongly."""

    spoilt: Counter[tuple[str, str]] = field(default_factory=Counter)
    contradicted: Counter[tuple[str, str]] = field(default_factory=Counter)
    found: Counter[tuple[str, str]] = field(default_factory=Counter)
    missed: int = 0
    wrongly: int = 0

    def note(self, fault: Injected, answers: Sequence[Answer]) -> None:
        key = (fault.kind, fault.witness)
        self.spoilt[key] += 2 if fault.kind == BooksFlag.TWO_SWAPPED else 1
        for expected, answer in zip(fault.contradicted, answers, strict=True):
            found = is_found(answer)
            self.contradicted[key] += expected
            self.found[key] += expected and found
            self.missed += expected and not found
            self.wrongly += found and not expected

    def rows(self) -> list[dict[str, Any]]:
        return [
            {
                "kind": kind,
                "witness": witness,
                "spoilt": self.spoilt[kind, witness],
                "contradicted": self.contradicted[kind, witness],
                "found": self.found[kind, witness],
            }
            for witness in WITNESSES
            for kind in KINDS
        ]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `greenlane bench sales`."""
    parser.add_argument(
        "--fills", type=whole(0, 10**7), default=20_000, metavar="N", help="clean fills (default: %(default)s)"
    )
    parser.add_argument(
        "--faults", type=whole(0, 10**6), default=2_400, metavar="N", help="injected faults (default: %(default)s)"
    )
    parser.add_argument(
        "--seed", type=any_seed, default=1, metavar="N", help="of what is made up (default: %(default)s)"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document")


def run(args: argparse.Namespace) -> int:
    """Measure and print; exit status 1 when a fault was missed, a clean fill was flagged, or nothing could be run."""
    try:
        with tempfile.TemporaryDirectory(prefix="greenlane-bench-") as folder:
            document = measure(f"sqlite:///{folder}/bench.sqlite3", args.fills, args.faults, args.seed)
    except (ServiceError, OSError) as error:
        print(f"greenlane bench sales: {error}", file=sys.stderr)
        return 1
    print(json.dumps(document, indent=1) if args.json else "\n".join(_lines(document)))
    return 1 if document["missed"] or document["wrongly_flagged"] else 0


def measure(url: str, fills: int, faults: int, seed: int) -> dict[str, Any]:
    """Both runs on one new database, and its audit."""
    began_s, database = time.monotonic(), Database(url)
    try:
        database.migrate()
        books = Books(database, SystemWallClock())
        forecourt = Forecourt(books, random.Random(seed))
        flagged = _clean(forecourt, fills)
        tally = _spoilt(forecourt, faults)
        progress("audit")
        if any(finding.check != "totalisers" for finding in audit(database).findings):
            raise ServiceError("the audit after the bench is not clean")
    finally:
        database.close()
    return {
        "conditions": machine(),
        "seed": seed,
        "fills": fills,
        "wrongly_flagged": flagged + tally.wrongly,
        "faults": tally.rows(),
        "missed": tally.missed,
        "wall_s": round(time.monotonic() - began_s, 1),
    }


def is_found(answer: Answer) -> bool:
    """Whether a report was refused for what it says, or flagged as one that can't be right."""
    if isinstance(answer, FuellingReceipt):
        return bool(BAD & set(answer.flags))
    return isinstance(answer, Refused)


class Forecourt:
    """A station's pumps and the vehicles that come there, each with a known tank."""

    def __init__(self, books: Books, rng: random.Random) -> None:
        self.books, self.rng = books, rng
        admin = Admin(books, "bench")
        admin.stations.set(STATION)
        admin.stations.set_price(STATION, PRODUCT, PRICE)
        vehicles = VehicleStore(books, "bench")
        self.plates = {
            tank_l: [f"粤B{tank_l:03d}{number:02d}" for number in range(PLATES_PER_TANK)] for tank_l in TANKS_L
        }
        for tank_l, plates in self.plates.items():
            for plate in plates:
                vehicles.set_vehicle(plate, tank_ml=tank_l * 1000, per_100km_ml=None, product=None)
        self.started_at = books.clock.now() - timedelta(days=2)
        self._pumps: dict[str, tuple[int, int, datetime]] = {}
        self._sold_ml = [31_250, 12_500]

    def vehicle(self, least_ml: int = 0) -> tuple[str, int]:
        """A plate and what its tank takes, one that holds so much."""
        tank_l = self.rng.choice([size for size in TANKS_L if size * 1000 >= least_ml])
        return self.rng.choice(self.plates[tank_l]), tank_l * 1000

    def clean(self) -> Fuelling:
        """A true sale; a third of them round amounts, repeats and sums, some into a tank filled to the brim."""
        kind, most_ml = self.rng.randrange(12), max(TANKS_L) * 1000
        if kind < 2:
            volume_ml = self.rng.choice([100, 200, 300, 500]) * 100_000 // PRICE
        elif kind == 2:
            volume_ml = self._sold_ml[-1]
        elif kind == 3:
            volume_ml = min(self._sold_ml[-1] + self._sold_ml[-2], most_ml)
        else:
            volume_ml = self.rng.randrange(LEAST_ML, 120_000)
        plate, tank_ml = self.vehicle(volume_ml)
        if kind == 4:
            volume_ml = tank_ml * self.rng.randrange(100, TANK_PERCENT + 1) // 100
        self._sold_ml = [self._sold_ml[-1], min(volume_ml, most_ml)]
        sale = self.sale(f"D{self.rng.randrange(PUMPS)}", volume_ml, self.rng.choice([5, 30, 150, 190]))
        return replace(sale, plate=plate, metered_ml=max(0, volume_ml + self.rng.randrange(-20, 21)))

    def sale(self, pump: str, volume_ml: int, l_per_min: int) -> Fuelling:
        """What a pump truly delivered after what it delivered before."""
        sequence, total_ml, at = self._pumps.get(pump, (1, 1_000_000, self.started_at))
        ended_at = at + timedelta(seconds=volume_ml * 60 / (1000 * l_per_min))
        self._pumps[pump] = (sequence + 1, total_ml + volume_ml, ended_at)
        return Fuelling(
            station=STATION,
            lane="L1",
            dispenser=pump,
            sequence=sequence,
            visit=None,
            authorisation=None,
            plate=None,
            started_at=at,
            ended_at=ended_at,
            volume_ml=volume_ml,
            amount_fen=amount_fen(volume_ml, PRICE),
            unit_price_fen_per_l=PRICE,
            product=PRODUCT,
            totaliser_before_ml=total_ml,
            totaliser_after_ml=total_ml + volume_ml,
        )

    def fault(self, number: int) -> Injected:
        """Two sales at a new pump, spoilt in turn in every kind, and before every witness."""
        kind, witness = KINDS[number % 3], WITNESSES[number // 3 % 4]
        plate, tank_ml = self.vehicle()
        true = [
            self.sale(f"F{number}", self.rng.randrange(LEAST_ML, tank_ml + 1), L_PER_MIN[witness]) for _ in range(2)
        ]
        first_ml, second_ml = true[0].volume_ml, true[1].volume_ml
        reported_ml = {
            BooksFlag.SUM_OF_TWO: (first_ml, first_ml + second_ml),
            BooksFlag.SAME_AGAIN: (first_ml, first_ml),
            BooksFlag.TWO_SWAPPED: (second_ml, first_ml),
        }[kind]
        pairs = list(zip(true, reported_ml, strict=True))
        first, second = _reported(pairs, witness, plate)
        contradicted = [_contradicts(witness, sale, volume_ml, tank_ml) for sale, volume_ml in pairs]
        return Injected(kind, witness, (first, second), (contradicted[0], contradicted[1]))


def _reported(pairs: Sequence[tuple[Fuelling, int]], witness: str, plate: str) -> Iterator[Fuelling]:
    """The reports with the wrong volume, and of all other figures only the witness's as it truly was."""
    total_ml = pairs[0][0].totaliser_before_ml
    for true, volume_ml in pairs:
        made = replace(true, volume_ml=volume_ml, amount_fen=amount_fen(volume_ml, PRICE))
        if witness != "totaliser":
            made = replace(made, totaliser_before_ml=total_ml, totaliser_after_ml=total_ml + volume_ml)
            total_ml += volume_ml
        if witness == "pulses":
            made = replace(made, metered_ml=true.volume_ml)
        yield replace(made, plate=plate if witness == "tank" else None)


def _contradicts(witness: str, true: Fuelling, reported_ml: int, tank_ml: int) -> bool:
    """Whether what truly happened speaks against the volume that was told."""
    seconds = (true.ended_at - true.started_at).total_seconds()
    too_fast = reported_ml * 60 > MOST_L_PER_MIN * 1000 * (seconds + 1)
    if witness == "time":
        return too_fast
    if witness == "tank":
        return too_fast or reported_ml * 100 > tank_ml * TANK_PERCENT
    return too_fast or abs(reported_ml - true.volume_ml) > max(STEP_ML, reported_ml // 200)


def _clean(forecourt: Forecourt, fills: int) -> int:
    """How many of so many clean fills were flagged or refused."""
    wrong = 0
    for first in range(0, fills, BATCH):
        reports = [Report(forecourt.clean()) for _ in range(min(BATCH, fills - first))]
        wrong += sum(map(is_found, forecourt.books.carry_out(reports)))
        if first % (40 * BATCH) == 0:
            progress(f"{first} of {fills} clean fills, {wrong} flagged")
    return wrong


def _spoilt(forecourt: Forecourt, faults: int) -> FaultCounts:
    tally, half = FaultCounts(), BATCH // 2
    for first in range(0, faults, half):
        made = [forecourt.fault(number) for number in range(first, min(first + half, faults))]
        answers = forecourt.books.carry_out([Report(report) for fault in made for report in fault.reports])
        for fault, pair in zip(made, zip(answers[::2], answers[1::2], strict=True), strict=True):
            tally.note(fault, pair)
        if first % (20 * half) == 0:
            progress(f"{first} of {faults} faults, {tally.missed} missed")
    return tally


def _lines(document: dict[str, Any]) -> list[str]:
    """In Markdown, as docs/money.md shows it."""
    lines = ["| true figure left | kind | spoilt | contradicted by it | found |", "|---|---|---|---|---|"]
    lines += [
        f"| {row['witness']} | `{row['kind']}` | {row['spoilt']:,} | {row['contradicted']:,} | {row['found']:,} |"
        for row in document["faults"]
    ]
    lines.append(f"clean fills: {document['fills']:,}; flagged or refused wrongly: {document['wrongly_flagged']:,}")
    lines.append(f"missed: {document['missed']:,}; seed {document['seed']}, {document['wall_s']} s")
    return lines
