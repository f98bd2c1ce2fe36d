"""`greenlane bench growth`: a load model, from one station to ten thousand. Computed from inputs that can be given.

The defaults say where they come from: "measured" by this project's own benches on the machine that docs/growth.md
names, "counted" in the code of the lane unit, or "assumed". Nothing here runs a load, except --postgresql, which fills
a scratch database to measure the bytes of a refuelling again.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from sqlalchemy import text

from greenlane.bench.fill import fill
from greenlane.cli.options import above_zero, whole
from service.books.books import Books
from service.errors import ServiceError
from service.store.clock import SystemWallClock
from service.store.database import Database

DAY_S = 86_400
GB = 10**9
LEDGER = ("authorisations", "fuellings", "transfers")
MEASURED_POSTINGS = 40_000


def _given(default: float, source: str, words: str) -> Any:
    return field(default=default, metadata={"source": source, "words": words})


@dataclass(frozen=True)
class Inputs:
    """What the model is fed with; every field is an option of the command."""

    lanes: float = _given(8, "assumed", "lanes of a station")
    vehicles_per_lane_day: float = _given(120, "assumed", "vehicles per lane and day")
    peak_factor: float = _given(3, "assumed", "the busiest hour against the mean hour; all stations share it")
    money_per_vehicle: float = _given(2.2, "counted", "question, fuelling, a renewal now and then")
    statuses_per_vehicle: float = _given(180, "counted", "two a second while fuel flows for 85 s, and at each step")
    visits_per_vehicle: float = _given(7, "counted", "reports of a visit, one of them with a picture")
    idle_per_lane_s: float = _given(0.15, "counted", "a status every 10 s, a wait for orders every 20 s")
    worker_money_per_s: float = _given(400, "measured", "questions and fuellings that one worker (one core) carries")
    worker_live_per_s: float = _given(200, "measured", "statuses and visits that one worker (one core) carries")
    worker_share: float = _given(0.5, "assumed", "of that, how much a worker is given at the peak")
    database_money_per_s: float = _given(900, "measured", "questions and fuellings with the database on 2 shared cores")
    database_factor: float = _given(4, "assumed", "how many times that a database server of 16 cores carries")
    database_share: float = _given(0.5, "assumed", "of that, how much a database is given at the peak")
    bytes_per_vehicle: float = _given(1300, "measured", "rows and indexes of a refuelling that are kept for ever")
    picture_bytes: float = _given(16_000, "counted", "of a visit's picture, kept for 3 days")
    report_bytes: float = _given(2_500, "assumed", "of a visit's report, kept for 30 days")
    database_gb: float = _given(2000, "assumed", "size at which backup and restore of one database take too long")


@dataclass(frozen=True, slots=True)
class GrowthRow:
    """What so many stations need. local: where statuses, visits and orders stay at the stations."""

    stations: int
    vehicles_day: int
    money_per_s: float
    live_per_s: float
    workers: int
    workers_local: int
    database_share: float
    year_gb: float
    passing_gb: float
    databases: int


def model(inputs: Inputs, stations: int) -> GrowthRow:
    """The needs at the peak hour. Messages are per second, sizes in 10^9 bytes."""
    lanes = stations * inputs.lanes
    day = lanes * inputs.vehicles_per_lane_day
    peak_per_s = day / DAY_S * inputs.peak_factor
    money = peak_per_s * inputs.money_per_vehicle
    live = peak_per_s * (inputs.statuses_per_vehicle + inputs.visits_per_vehicle) + lanes * inputs.idle_per_lane_s
    for_money = money / inputs.worker_money_per_s / inputs.worker_share
    for_live = live / inputs.worker_live_per_s / inputs.worker_share
    database = money / (inputs.database_money_per_s * inputs.database_factor)
    year_gb = day * 365 * inputs.bytes_per_vehicle / GB
    passing_gb = day * (3 * inputs.picture_bytes + 30 * inputs.report_bytes) / GB
    return GrowthRow(
        stations,
        round(day),
        round(money, 2),
        round(live, 1),
        math.ceil(for_money + for_live),
        math.ceil(for_money),
        round(database, 3),
        round(year_gb, 1),
        round(passing_gb, 1),
        max(math.ceil(database / inputs.database_share), math.ceil(year_gb / inputs.database_gb)),
    )


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `greenlane bench growth`: the inputs of the model."""
    parser.add_argument(
        "--stations",
        type=_stations,
        default="1,10,100,1000,10000",
        metavar="N,N",
        help="numbers of stations (default: %(default)s)",
    )
    for one in fields(Inputs):
        option = "--" + one.name.replace("_", "-")
        words = f"{one.metadata['words']} ({one.metadata['source']}; default {one.default:g})"
        parser.add_argument(option, type=above_zero, default=one.default, metavar="N", help=words)
    parser.add_argument("--postgresql", metavar="URL", help="measure the bytes of a refuelling in a scratch database")
    parser.add_argument("--json", action="store_true", help="print one JSON document")


def run(args: argparse.Namespace) -> int:
    """Compute and print; exit status 0, or 1 for an impossible input."""
    try:
        given = {one.name: getattr(args, one.name) for one in fields(Inputs)}
        if args.postgresql:
            given["bytes_per_vehicle"] = bytes_per_vehicle(args.postgresql)
        inputs = Inputs(**given)
        rows = [model(inputs, number) for number in args.stations]
    except ServiceError as error:
        print(f"greenlane bench growth: {error}", file=sys.stderr)
        return 1
    if args.json:
        print(json.dumps({"inputs": asdict(inputs), "rows": [asdict(row) for row in rows]}, indent=2))
    else:
        print("\n".join([*input_lines(inputs), "", *table(rows)]))
    return 0


def bytes_per_vehicle(url: str) -> float:
    """Of rows and indexes of the ledger, in a database that is filled with refuellings for this."""
    database = Database(url)
    try:
        if database.is_sqlite:
            raise ServiceError("--postgresql takes a PostgreSQL database")
        database.migrate()
        for _ in fill(Books(database, SystemWallClock()), MEASURED_POSTINGS):
            pass
        with database.writing() as connection:
            sizes = [connection.execute(text(f"select pg_total_relation_size('{name}')")).scalar() for name in LEDGER]
            vehicles = int(connection.execute(text("select count(*) from fuellings")).scalar_one())
        return float(round(sum(int(size or 0) for size in sizes) / vehicles))
    finally:
        database.close()


def input_lines(inputs: Inputs) -> list[str]:
    """Each input with its source; one that was given says so."""
    lines = []
    for one in fields(inputs):
        value = getattr(inputs, one.name)
        source = one.metadata["source"] if value == one.default else "given"
        lines.append(f"{one.name} = {value:g} ({source}): {one.metadata['words']}")
    return lines


def table(rows: Sequence[GrowthRow]) -> list[str]:
    """In Markdown, as docs/growth.md shows it."""
    lines = [
        "| stations | vehicles a day | money messages/s | live messages/s | workers, all central | workers, live local "
        "| share of one database | ledger GB a year | pictures and reports GB | databases |",
        "|" + "---|" * 10,
    ]
    for row in rows:
        cells = (
            f"{row.stations:,}",
            f"{row.vehicles_day:,}",
            f"{row.money_per_s:,.1f}",
            f"{row.live_per_s:,.0f}",
            f"{row.workers:,}",
            f"{row.workers_local:,}",
            f"{row.database_share:.1%}",
            f"{row.year_gb:,.1f}",
            f"{row.passing_gb:,.1f}",
            f"{row.databases:,}",
        )
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def _stations(text: str) -> list[int]:
    return [whole(1, 10**9)(number) for number in text.split(",")]
