"""`greenlane bench paid`: from the nozzle's return to the charge that the payer's phone shows as paid, at given rates.

Fuellings come by a schedule that waits for nobody (a Poisson process), so that a service that falls behind is seen to:
every time counts from the moment at which the nozzle was back, whether the lane could send it then or not. Each lane
unit signs and posts over HTTP; the payer's mandate pays from the wallet. Phones whose page is open hold their stream,
ask what the page asks for when they are told of a change, and the time ends when a charge of the inbox says `paid`.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import random
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import func, select

from greenlane.bench.client import Key, Target
from greenlane.bench.paid.phones import PayingPhone, make_phones
from greenlane.bench.paid.posting_lanes import DueFuelling, PostingLane, schedule, share_out
from greenlane.bench.process import (
    machine,
    percentile,
    processor_s,
    progress,
    raise_file_limit,
    serving,
    taking_connections,
)
from greenlane.cli.options import any_seed, whole, within
from service.admin.admin import Admin
from service.books.books import Books
from service.errors import ServiceError
from service.identity.signed.devices import DeviceStore, Place
from service.reports.audit import audit
from service.store.clock import SystemWallClock
from service.store.database import Database
from service.store.payer_tables import charges
from wire.devices import DeviceKind, EnrolmentRequest
from wire.payers import ChargeState
from wire.spelling.numbers import typed_number

LATE_S = 1.0
PATIENCE_S = 60.0
"""So long after the last was due, what was not seen paid counts as not seen."""
SPARE_FILES = 300
WARM_UP = (10.0, 20)
"""Rate and number of fuellings before anything counts."""


@dataclass(frozen=True, slots=True)
class PaidRow:
    """One rate. receipt_*: until the lane had its receipt, with which the mandate has paid; seen_*: until the phone saw
    the charge paid; milliseconds from the nozzle's return. sent_late_p99_ms: what of that passed before the lane sent.
    watched: fuellings whose payer's page was open; seen and late: of these. Shares are of one core."""

    rate: float
    fuellings: int
    watched: int
    seen: int
    receipt_p50_ms: float
    receipt_p99_ms: float
    seen_p50_ms: float
    seen_p90_ms: float
    seen_p99_ms: float
    seen_max_ms: float
    late: int
    sent_late_p99_ms: float
    service_share: float
    bench_share: float


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `greenlane bench paid`."""
    parser.add_argument("--rates", default="5,20,50,100", help="fuellings a second, in turn (default: %(default)s)")
    parser.add_argument("--seconds", type=within(0.5, 3600), default=20.0, help="of each rate (default: %(default)s)")
    parser.add_argument(
        "--phones", type=whole(1, 5000), default=300, help="payers, each at a lane of its own (default: 300)"
    )
    parser.add_argument(
        "--open", type=within(0, 1), default=1.0, metavar="SHARE", help="of the phones with an open page (default: all)"
    )
    parser.add_argument("--seed", type=any_seed, default=1, metavar="N", help="of the schedule (default: %(default)s)")
    parser.add_argument("--postgresql", metavar="URL", help="an empty scratch database instead of an SQLite file")
    parser.add_argument(
        "--workers", type=whole(1, 64), default=1, help="service processes on PostgreSQL (default: %(default)s)"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document")


def run(args: argparse.Namespace) -> int:
    """Measure and print; exit status 0, or 1 when a charge was not seen paid or nothing could be measured."""
    try:
        document = measure(args)
    except (ServiceError, OSError) as error:
        print(f"greenlane bench paid: {error}", file=sys.stderr)
        return 1
    print(json.dumps(document, indent=2) if args.json else "\n".join(_lines(document)))
    return 0 if all(row["seen"] == row["watched"] for row in document["rows"]) else 1


def measure(args: argparse.Namespace) -> dict[str, Any]:
    """Every rate on one service, then its books. Raises ServiceError."""
    rates = _rates(args.rates)
    _check(args)
    key, wanted = Key(Ed25519PrivateKey.generate()), 4 * args.phones + SPARE_FILES
    allowed = raise_file_limit(wanted)
    if allowed is not None:
        raise ServiceError(f"this machine allows {allowed} open files a process: ask for fewer phones")
    with tempfile.TemporaryDirectory(prefix="greenlane-bench-") as folder, taking_connections(wanted):
        database = Database(args.postgresql or f"sqlite:///{folder}/paid.sqlite3")
        try:
            database.migrate()
            books = Books(database, SystemWallClock())
            _enrol(books, key)
            phones = make_phones(books, args.phones)
            shown = str(database.url.render_as_string(hide_password=False))
            with serving(shown, "--workers", str(args.workers)) as (port, process):
                target = Target.of(f"http://127.0.0.1:{port}")
                measured = asyncio.run(_Run(target, key, phones, process, args).rows(rates))
            return {"conditions": _conditions(args), "rows": [asdict(row) for row in measured], **_books_say(database)}
        finally:
            database.close()


def _rates(text: str) -> list[float]:
    try:
        rates = [typed_number(word) for word in text.split(",")]
    except ValueError:
        rates = []
    if not rates or not all(0.1 <= rate <= 2_000 for rate in rates):
        raise ServiceError("--rates: write fuellings a second from 0.1 to 2000, divided by commas")
    return rates


def _check(args: argparse.Namespace) -> None:
    if args.workers > 1 and not args.postgresql:
        raise ServiceError("several workers need PostgreSQL: give --postgresql URL")


def _enrol(books: Books, key: Key) -> None:
    Admin(books, "bench").stations.set("bench", preset_fen=2_000)
    devices = DeviceStore(books.database, books.clock.now)
    code = devices.issue_code(Place(DeviceKind.STATION, "bench", None), "bench")
    devices.enrol(EnrolmentRequest(code=code, public_key=base64.b64encode(key.public).decode()), "bench")


class _Run:
    """The phones with their streams open, and one rate after another."""

    def __init__(
        self, target: Target, key: Key, phones: Sequence[PayingPhone], process: int, args: argparse.Namespace
    ) -> None:
        self._open = {phone.number: phone for phone in phones[: round(args.open * len(phones))]}
        self._target = target
        self._lanes = [PostingLane(target, key, phone.number, phone.plate) for phone in phones]
        self._process = process
        self._seconds = args.seconds
        self._chance = random.Random(args.seed)

    async def rows(self, rates: Sequence[float]) -> list[PaidRow]:
        """Raises ServiceError where the service refuses or ends."""
        try:
            async with asyncio.TaskGroup() as group:
                following = [group.create_task(phone.follow(self._target)) for phone in self._open.values()]
                for phone in self._open.values():
                    await phone.opened()
                await self._row(*WARM_UP)
                found = [await self._row(rate, max(1, round(rate * self._seconds))) for rate in rates]
                for task in following:
                    task.cancel()
                return found
        except* (ServiceError, OSError) as errors:
            raise _first(errors) from None

    async def _row(self, rate: float, count: int) -> PaidRow:
        visits = schedule(rate, count, time.monotonic() + 2.0, self._chance)
        shared = share_out(visits, self._lanes)
        used_s, own_s, since_s = processor_s(self._process), time.process_time(), time.monotonic()
        progress(f"{count} fuellings, {rate:g} a second")
        async with asyncio.TaskGroup() as group:
            for number in shared:
                group.create_task(self._lanes[number].run())
        ends_s = visits[-1].due_s + PATIENCE_S
        while time.monotonic() < ends_s and any(None in self._seen(n, own) for n, own in shared.items()):
            await asyncio.sleep(0.05)
        wall_s = time.monotonic() - since_s
        shares = (processor_s(self._process) - used_s) / wall_s, (time.process_time() - own_s) / wall_s
        seen = [each for number, own in shared.items() for each in self._seen(number, own)]
        return _figures(rate, visits, seen, shares)

    def _seen(self, number: int, visits: Sequence[DueFuelling]) -> list[float | None]:
        """Seconds from each nozzle's return until the lane's payer saw the charge paid; of those whose page is open."""
        if number not in self._open:
            return []
        paid = self._open[number].paid
        return [paid[v.before_ml] - v.due_s if v.before_ml in paid and v.told_s is not None else None for v in visits]


def _figures(
    rate: float, visits: Sequence[DueFuelling], watched: Sequence[float | None], shares: tuple[float, float]
) -> PaidRow:
    seen = sorted(each for each in watched if each is not None)
    receipts = sorted(visit.told_s - visit.due_s for visit in visits if visit.told_s is not None)
    sent_late = sorted(visit.posted_s - visit.due_s for visit in visits if visit.posted_s is not None)
    return PaidRow(
        rate=rate,
        fuellings=len(visits),
        watched=len(watched),
        seen=len(seen),
        receipt_p50_ms=percentile(receipts, 0.5),
        receipt_p99_ms=percentile(receipts, 0.99),
        seen_p50_ms=percentile(seen, 0.5),
        seen_p90_ms=percentile(seen, 0.9),
        seen_p99_ms=percentile(seen, 0.99),
        seen_max_ms=percentile(seen, 1.0),
        late=sum(each > LATE_S for each in seen) + len(watched) - len(seen),
        sent_late_p99_ms=percentile(sent_late, 0.99),
        service_share=round(shares[0], 2),
        bench_share=round(shares[1], 2),
    )


def _first(errors: BaseExceptionGroup[BaseException]) -> BaseException:
    """Of errors in groups, one that says something."""
    found = errors.exceptions[0]
    return _first(found) if isinstance(found, BaseExceptionGroup) else found


def _books_say(database: Database) -> dict[str, Any]:
    """What became of all charges, those of the warm-up among them. Raises ServiceError for books that are wrong."""
    of = charges.c
    with database.reading() as connection:
        rows = connection.execute(select(of.state, func.count(), func.sum(of.amount_fen)).group_by(of.state)).all()
    states = {str(state): int(count) for state, count, _ in rows}
    if not audit(database).clean or set(states) - {ChargeState.PAID}:
        raise ServiceError(f"the books after the bench are not right: {states}")
    return {"charges_paid": states.get(ChargeState.PAID, 0), "paid_fen": sum(int(fen) for *_, fen in rows)}


def _conditions(args: argparse.Namespace) -> dict[str, Any]:
    database = "postgresql" if args.postgresql else "sqlite"
    asked = {"workers": args.workers, "phones": args.phones, "open": args.open, "seconds": args.seconds}
    return {**machine(), "database": database, **asked}


def _lines(document: dict[str, Any]) -> list[str]:
    shown = [", ".join(f"{name} {value}" for name, value in document["conditions"].items())]
    shown += [_line(row) for row in document["rows"]]
    return [*shown, f"{document['charges_paid']} charges paid, {document['paid_fen']} fen; the audit is right"]


def _line(row: dict[str, Any]) -> str:
    seen = ", ".join(f"{name} {row[f'seen_{name}_ms']} ms" for name in ("p50", "p90", "p99", "max"))
    return (
        f"{row['rate']:g}/s, {row['fuellings']} fuellings: receipt p50 {row['receipt_p50_ms']} p99 "
        f"{row['receipt_p99_ms']} ms; {row['watched']} watched: paid on the phone {seen}, {row['late']} later than "
        f"{LATE_S:g} s, {row['watched'] - row['seen']} not at all; sent late by p99 {row['sent_late_p99_ms']} ms; "
        f"of a core: service {row['service_share']}, bench {row['bench_share']}"
    )
