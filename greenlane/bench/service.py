"""`greenlane bench service`: questions and fuellings per second, beside PostgreSQL's own pgbench on the same machine.

The service runs as a process of its own on loopback; every client has a card and a dispenser of its own. Rates are
messages per second (a question and a fuelling are two), latencies are seen by the client. At half load the messages
come at a fixed rate, half of what was reached, and latency counts from the moment a message was due.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from greenlane.bench.fill import fill
from greenlane.bench.load import LoadLane, Timings, closed_loop, paced
from greenlane.bench.process import machine, percentile, progress, resident_mib, serving
from greenlane.cli.options import whole
from service.admin.admin import Admin
from service.books.books import Books
from service.errors import ServiceError
from service.reports.audit import audit
from service.store.clock import SystemWallClock
from service.store.database import Database
from wire.spelling.numbers import typed_number


@dataclass(frozen=True, slots=True)
class ServiceRow:
    """One measurement; milliseconds as the client sees them."""

    database: str
    postings: int
    clients: int
    load: str
    messages_per_s: float
    ask_p50_ms: float
    ask_p99_ms: float
    fuel_p50_ms: float
    fuel_p99_ms: float


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `greenlane bench service`."""
    parser.add_argument("--postgresql", metavar="URL", help="an empty scratch database; without it only SQLite")
    parser.add_argument("--clients", type=_counts, default="1,4,16", help="numbers of clients (default: %(default)s)")
    parser.add_argument("--seconds", type=_seconds, default=5.0, help="of each measurement (default: %(default)s)")
    parser.add_argument(
        "--workers", type=whole(1, 64), default=1, help="service processes on PostgreSQL (default: %(default)s)"
    )
    parser.add_argument(
        "--postings", type=whole(0, 100_000_000), default=0, help="measure again with so many postings in the ledger"
    )
    parser.add_argument(
        "--fuellings", type=whole(0, 10_000_000), default=0, help="measure memory over so many fuellings"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document")


def _counts(text: str) -> list[int]:
    return [whole(1, 1000)(number) for number in text.split(",")]


def _seconds(text: str) -> float:
    with suppress(ValueError):
        if 0 < typed_number(text) <= 3600:
            return typed_number(text)
    raise argparse.ArgumentTypeError(f"{text!r}: write a number above 0 and up to 3600")


def run(args: argparse.Namespace) -> int:
    """Measure and print; exit status 0, or 1 when something could not be measured."""
    try:
        document = measure(args)
    except (ServiceError, OSError, subprocess.SubprocessError) as error:
        print(f"greenlane bench service: {error}", file=sys.stderr)
        return 1
    print(json.dumps(document, indent=2) if args.json else _words(document))
    return 0


def measure(args: argparse.Namespace) -> dict[str, Any]:
    """All measurements that the arguments ask for, with their conditions."""
    counts = args.clients
    document: dict[str, Any] = {"conditions": _conditions(args), "rows": [], "pgbench": [], "memory": []}
    with tempfile.TemporaryDirectory(prefix="greenlane-bench-") as folder:
        urls = [("sqlite", f"sqlite:///{folder}/bench.sqlite3", 1)]
        if args.postgresql:
            document["pgbench"] = _pgbench(args.postgresql, counts, args.seconds)
            urls.append(("postgresql", args.postgresql, args.workers))
        for name, url, workers in urls:
            _measure_database(document, name, url, workers, counts, args)
    return document


def _measure_database(
    document: dict[str, Any], name: str, url: str, workers: int, counts: Sequence[int], args: argparse.Namespace
) -> None:
    service_bench = _ServiceBench(url, workers, max(counts))
    try:
        for postings in [0, args.postings] if args.postings else [0]:
            if postings:
                for done in fill(service_bench.books, postings):
                    progress(f"{name}: {done} of {postings} postings")
            with service_bench.serving() as (port, _):
                for clients in counts:
                    progress(f"{name}: {clients} clients, {postings} postings")
                    document["rows"] += [
                        asdict(row) for row in service_bench.rows(name, port, postings, clients, args.seconds)
                    ]
        if args.fuellings:
            document["memory"].append({"database": name, **service_bench.memory(args.fuellings)})
        if not audit(service_bench.database).clean:
            raise ServiceError(f"{name}: the audit after the bench is not clean")
    finally:
        service_bench.database.close()


class _ServiceBench:
    """One database with its cards, and the service on it."""

    def __init__(self, url: str, workers: int, cards: int) -> None:
        self._url = url
        self._workers = workers
        self._runs = 0
        self.database = Database(url)
        self.database.migrate()
        self.books = Books(self.database, SystemWallClock())
        admin = Admin(self.books, "bench")
        admin.stations.set("bench", preset_fen=10_000)
        for number in range(cards):
            admin.cards.create(f"bench-{number}")
            admin.plates.bind(f"粤B{number:05d}", f"bench-{number}")
            admin.money.top_up(f"bench-{number}", 10**11)

    @contextmanager
    def serving(self) -> Iterator[tuple[int, int]]:
        """The service as a process; yields port and process id."""
        with serving(self._url, "--allow-unsigned", "--workers", str(self._workers)) as running:
            yield running

    @contextmanager
    def lanes(self, port: int, count: int) -> Iterator[list[LoadLane]]:
        """So many clients; each run has dispensers of its own."""
        self._runs += 1
        run = f"{os.getpid()}-{self._runs}"
        made = [LoadLane(port, f"粤B{n:05d}", f"bench-{run}-{n}") for n in range(count)]
        try:
            yield made
        finally:
            for lane in made:
                lane.close()

    def rows(self, name: str, port: int, postings: int, clients: int, seconds: float) -> list[ServiceRow]:
        """Full and half load, after a second of warming up."""
        with self.lanes(port, clients) as lanes:
            closed_loop(lanes, min(1.0, seconds))
            full = closed_loop(lanes, seconds)
            half = paced(lanes, seconds, full.rate / 2)
        return [_row(name, postings, clients, "full", full), _row(name, postings, clients, "half", half)]

    def memory(self, fuellings: int) -> dict[str, Any]:
        """Resident MiB of the service at ten moments over so many fuellings."""
        sizes = []
        with self.serving() as (port, process), self.lanes(port, 8) as lanes:
            for part in range(11):
                if part:
                    closed_loop(lanes, 3600.0, fuellings // 10)
                sizes.append(resident_mib(process))
                progress(f"memory: {part * fuellings // 10} fuellings, {sizes[-1]} MiB")
        return {"fuellings": fuellings, "resident_mib": sizes}


def _row(name: str, postings: int, clients: int, load: str, timings: Timings) -> ServiceRow:
    asked, fuelled = sorted(timings.asked_s), sorted(timings.fuelled_s)
    figures = [percentile(times, share) for times in (asked, fuelled) for share in (0.5, 0.99)]
    return ServiceRow(name, postings, clients, load, round(timings.rate, 1), *figures)


def _pgbench(url: str, counts: Sequence[int], seconds: float) -> list[dict[str, Any]]:
    """pgbench's simple-update (-N) on the same server, initialised at scale 10."""
    program = _program("pgbench")
    plain = url.replace("+psycopg", "")
    subprocess.run([program, "-i", "-q", "-s", "10", plain], check=True, capture_output=True)
    found = []
    for clients in counts:
        progress(f"pgbench: {clients} clients")
        words = ["-N", "-c", str(clients), "-j", str(min(clients, 2)), "-T", str(max(1, round(seconds))), plain]
        printed = subprocess.run([program, *words], check=True, capture_output=True, text=True).stdout
        rate = re.search(r"tps = ([0-9.]+)", printed)
        latency = re.search(r"latency average = ([0-9.]+)", printed)
        if rate is None or latency is None:
            raise ServiceError("pgbench printed no result")
        found.append({"clients": clients, "tps": float(rate[1]), "mean_ms": float(latency[1])})
    tables = "pgbench_accounts, pgbench_branches, pgbench_history, pgbench_tellers"
    subprocess.run([_program("psql"), "-q", "-c", f"drop table {tables}", plain], check=True, capture_output=True)
    return found


def _program(name: str) -> str:
    found = [str(path) for path in sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))]
    program = found[-1] if found else shutil.which(name)
    if program is None:
        raise ServiceError(f"{name} is not installed: Debian's package postgresql has it")
    return program


def _conditions(args: argparse.Namespace) -> dict[str, Any]:
    return {**machine(), "seconds": args.seconds, "workers_on_postgresql": args.workers}


def _words(document: dict[str, Any]) -> str:
    lines = [", ".join(f"{name} {value}" for name, value in document["conditions"].items())]
    lines += [
        f"pgbench -N, {p['clients']} clients: {p['tps']:.0f}/s, mean {p['mean_ms']} ms" for p in document["pgbench"]
    ]
    reference = {p["clients"]: p["tps"] for p in document["pgbench"]}
    for row in document["rows"]:
        share = f", {row['messages_per_s'] / reference[row['clients']]:.2f} of pgbench" if reference else ""
        lines.append(
            f"{row['database']}, {row['postings']} postings, {row['clients']} clients, {row['load']} load: "
            f"{row['messages_per_s']:.0f}/s{share if row['load'] == 'full' else ''}; question p50 {row['ask_p50_ms']} "
            f"p99 {row['ask_p99_ms']} ms, fuelling p50 {row['fuel_p50_ms']} p99 {row['fuel_p99_ms']} ms"
        )
    lines += [
        f"memory on {m['database']} over {m['fuellings']} fuellings: {m['resident_mib']} MiB"
        for m in document["memory"]
    ]
    return "\n".join(lines)
