"""`greenlane bench streams`: phones with an open stream at one worker, its memory for each, how soon all are told.

Every phone is a person of its own with a key of its own (P-256) and signs the request that opens its stream, from one
of many loopback addresses. Then one transaction changes something for all of them, from another process, as a second
worker would; counted is the time until each stream has said so.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from greenlane.bench.process import (
    machine,
    percentile,
    processor_s,
    progress,
    raise_file_limit,
    resident_mib,
    serving,
    taking_connections,
)
from greenlane.bench.stream_phones import StreamPhone, make_phones
from greenlane.cli.options import whole
from service.errors import ServiceError
from service.live.changes import count_change, person_topic
from service.store.database import Database

SPARE_FILES = 300
AT_ONCE = 32
"""Streams that are being opened at the same time."""
LATE_S = 60.0
"""By then all have been told, or the rest is counted as not told."""


@dataclass(frozen=True, slots=True)
class Streams:
    """What was measured. open: streams when the change was made; kib_each: resident memory of all workers for one."""

    wanted: int
    open: int
    told: int
    opened_s: float
    kib_each: float
    told_p50_ms: float
    told_p99_ms: float
    told_last_ms: float
    processor_share: float


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `greenlane bench streams`."""
    parser.add_argument(
        "--phones", type=whole(1, 100_000), default=1_000, help="streams at once (default: %(default)s)"
    )
    parser.add_argument("--postgresql", metavar="URL", help="an empty scratch database instead of an SQLite file")
    parser.add_argument(
        "--workers", type=whole(1, 64), default=1, help="service processes on PostgreSQL (default: %(default)s)"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document")


def run(args: argparse.Namespace) -> int:
    """Measure and print; exit status 0, or 1 when something could not be measured."""
    try:
        found = measure(args.phones, args.postgresql, args.workers)
    except (ServiceError, OSError) as error:
        print(f"greenlane bench streams: {error}", file=sys.stderr)
        return 1
    document = {"conditions": machine(), **asdict(found)}
    print(json.dumps(document, indent=2) if args.json else _words(document))
    return 0 if found.told == found.open == found.wanted else 1


def measure(phones: int, url: str | None = None, workers: int = 1) -> Streams:
    """Raises ServiceError where this machine's limits do not allow so many."""
    allowed = raise_file_limit(phones + SPARE_FILES)
    if allowed is not None:
        raise ServiceError(
            f"this machine allows {allowed} open files a process: at most {allowed - SPARE_FILES} phones"
        )
    if workers > 1 and url is None:
        raise ServiceError("several workers need PostgreSQL: give --postgresql URL")
    room = taking_connections(phones + SPARE_FILES)
    with tempfile.TemporaryDirectory(prefix="greenlane-bench-") as folder, room:
        database = Database(url or f"sqlite:///{folder}/streams.sqlite3")
        try:
            database.migrate()
            made = make_phones(database, phones)
            shown = str(database.url.render_as_string(hide_password=False))
            with serving(shown, "--workers", str(workers)) as (port, process):
                return asyncio.run(_measured(database, made, port, process))
        finally:
            database.close()


async def _measured(database: Database, phones: Sequence[StreamPhone], port: int, process: int) -> Streams:
    warm, rest = phones[: min(20, len(phones) // 5)], phones[min(20, len(phones) // 5) :]
    await _open(warm, port)
    start_mib, started_s = resident_mib(process), time.monotonic()
    await _open(rest, port)
    opened_s = time.monotonic() - started_s
    await asyncio.sleep(2)
    grown_kib = (resident_mib(process) - start_mib) * 1024 / max(1, len(rest))
    used_s, since_s = processor_s(process), time.monotonic()
    await asyncio.sleep(3)
    share = (processor_s(process) - used_s) / (time.monotonic() - since_s)
    living = [phone for phone in phones if phone.is_open]
    delays = await _told(database, living)
    for phone in phones:
        phone.close()
    return Streams(
        wanted=len(phones),
        open=len(living),
        told=len(delays),
        opened_s=round(opened_s, 1),
        kib_each=round(grown_kib, 1),
        told_p50_ms=percentile(delays, 0.5),
        told_p99_ms=percentile(delays, 0.99),
        told_last_ms=percentile(delays, 1.0),
        processor_share=round(share, 2),
    )


async def _open(phones: Sequence[StreamPhone], port: int) -> None:
    """A few at a time: a stream counts as open when it has said its first word."""
    free = asyncio.Semaphore(AT_ONCE)
    count = 0

    async def one(phone: StreamPhone) -> None:
        nonlocal count
        async with free:
            await phone.open(port)
            count += 1
            progress(f"{count} of {len(phones)} streams")

    await asyncio.gather(*(one(phone) for phone in phones))


async def _told(database: Database, phones: Sequence[StreamPhone]) -> list[float]:
    """Seconds from the commit until each stream has told of it, sorted."""
    for phone in phones:
        phone.expect()
    topics = [person_topic(phone.person) for phone in phones]

    def change() -> float:
        with database.writing() as connection:
            count_change(connection, *topics)
        return time.monotonic()

    committed_s = await asyncio.to_thread(change)
    ends_s = committed_s + LATE_S
    while time.monotonic() < ends_s and any(phone.told_s is None for phone in phones):
        await asyncio.sleep(0.05)
    return sorted(max(0.0, phone.told_s - committed_s) for phone in phones if phone.told_s is not None)


def _words(found: dict[str, Any]) -> str:
    where, told = found["conditions"], found["told"]
    return "\n".join(
        [
            f"{where['cpu']}, {where['cores']} cores, load {where['load_average']}",
            f"{found['open']} of {found['wanted']} streams open, the last after {found['opened_s']} s",
            f"{found['kib_each']} KiB each",
            f"told {told}: p50 {found['told_p50_ms']} ms, p99 {found['told_p99_ms']} ms",
            f"all told within {found['told_last_ms']} ms",
            f"while nothing happens the worker uses {found['processor_share']:.0%} of a core",
        ]
    )
