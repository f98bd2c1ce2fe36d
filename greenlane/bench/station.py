"""`greenlane bench station`: a whole station's lanes and open pages on one service, at the pace of a full station.

The service is a process of its own on loopback, with signed devices as in the field; or one that runs already. Lanes
and pages are simulated by this process, which costs processor time too: both shares are told.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import os
import random
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from statistics import median
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from greenlane.bench.client import KeptConnection, Key, Target
from greenlane.bench.process import machine, percentile, processor_s, progress, raise_file_limit, resident_mib, serving
from greenlane.bench.station_lanes import SimulatedLane, StationLoad, Tally
from greenlane.bench.station_pages import Audience, OpenPage, Probe, delays_s, log_in, number_now
from greenlane.cli.options import whole, within
from service.admin.admin import Admin
from service.books.books import Books
from service.errors import ServiceError
from service.identity.people import PeopleStore, Role
from service.identity.signed.devices import DeviceStore, Place
from service.reports.audit import audit
from service.store.clock import SystemWallClock
from service.store.database import Database
from wire.codec import encode
from wire.devices import DeviceKind, EnrolmentRequest
from wire.live import LampState, LaneStatus
from wire.reasons import Reason

WARM_UP_S = 10.0
PROBE_EVERY_S = 5.0
PASSWORD_VARIABLE = "GREENLANE_BENCH_PASSWORD"
SPARE_FILES = 200
KINDS = ("question", "fuelling", "status", "visit", "orders")


@dataclass(frozen=True, slots=True)
class BenchScene:
    """What is measured where. process: whose memory and processor time are read, None when nobody said."""

    target: Target
    key: Key | None
    cookie: str
    station: str
    process: int | None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `greenlane bench station`."""
    parser.add_argument("--lanes", type=whole(0, 2000), default=200, help="simulated lane units (default: %(default)s)")
    parser.add_argument(
        "--pages",
        type=whole(0, 10_000),
        default=1000,
        help="open live pages: a panel per lane, at most a fifth of all, and station pages (default: %(default)s)",
    )
    parser.add_argument("--seconds", type=within(1, 3600), default=60.0, help="of measuring (default: %(default)s)")
    parser.add_argument(
        "--vehicle-s",
        type=within(10, 3600),
        default=180.0,
        metavar="S",
        help="a vehicle per lane this often (default: 180)",
    )
    parser.add_argument("--postgresql", metavar="URL", help="an empty scratch database; without it SQLite")
    parser.add_argument(
        "--workers", type=whole(1, 64), default=1, help="service processes on PostgreSQL (default: %(default)s)"
    )
    _add_elsewhere(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON document")


def _add_elsewhere(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("a service, or a station's central control, that runs already")
    group.add_argument("--url", help="http://HOST:PORT; nothing is started and its books are left as they are")
    group.add_argument("--station", default="bench", help="its station (default: %(default)s)")
    group.add_argument(
        "--key", metavar="FILE", help="key of a device of kind station, enrolled there; otherwise unsigned"
    )
    group.add_argument("--person", help=f"opens the pages; the password is in ${PASSWORD_VARIABLE}")
    group.add_argument("--pid", type=whole(1, 2**22), help="its process on this machine, for memory and processor time")


def run(args: argparse.Namespace) -> int:
    """Measure and print; exit status 0, or 1 when something could not be measured or was answered wrongly."""
    try:
        _check(args)
        _raise_file_limit(args.lanes, args.pages)
        document = measure(args)
    except (ServiceError, OSError, subprocess.SubprocessError) as error:
        print(f"greenlane bench station: {error}", file=sys.stderr)
        return 1
    print(json.dumps(document, indent=2) if args.json else words(document))
    return 1 if document["faults"] else 0


def measure(args: argparse.Namespace) -> dict[str, Any]:
    """Start what is to be measured, or take what is there, and put the load on it."""
    if args.url:
        target = Target.of(args.url)
        key = Key.load(args.key) if args.key else None
        cookie = ""
        if args.pages:
            cookie = asyncio.run(log_in(target, args.person, os.environ.get(PASSWORD_VARIABLE, "")))
        return asyncio.run(_measure(args, BenchScene(target, key, cookie, args.station, args.pid)))
    with _own_service(args) as scene:
        return asyncio.run(_measure(args, scene))


def _check(args: argparse.Namespace) -> None:
    if args.url and args.pages and not args.person:
        raise ServiceError(f"pages need a person: --person NAME and ${PASSWORD_VARIABLE}, or --pages 0")


def _raise_file_limit(lanes: int, pages: int) -> None:
    """Every lane holds three connections and every page two, and a service started here inherits the limit."""
    wanted = 3 * lanes + 2 * pages + SPARE_FILES
    allowed = raise_file_limit(wanted)
    if allowed is not None:
        raise ServiceError(
            f"{lanes} lanes and {pages} pages need {wanted} open files, this process may have {allowed}: "
            f"raise it (ulimit -n {wanted} as root, or LimitNOFILE= of systemd), or ask for less"
        )


@contextmanager
def _own_service(args: argparse.Namespace) -> Iterator[BenchScene]:
    """A service on an empty database with a card per lane, one device key that speaks for all lanes, one attendant."""
    with tempfile.TemporaryDirectory(prefix="greenlane-bench-") as folder:
        url = args.postgresql or f"sqlite:///{folder}/bench.sqlite3"
        database = Database(url)
        try:
            database.migrate()
            key, password = Key(Ed25519PrivateKey.generate()), uuid.uuid4().hex
            _seed(database, args.lanes, key, password)
            with serving(url, "--workers", str(args.workers)) as (port, process):
                target = Target.of(f"http://127.0.0.1:{port}")
                cookie = asyncio.run(log_in(target, "bench", password)) if args.pages else ""
                yield BenchScene(target, key, cookie, "bench", process)
            if not audit(database).clean:
                raise ServiceError("the audit after the bench is not clean")
        finally:
            database.close()


def _seed(database: Database, lanes: int, key: Key, password: str) -> None:
    clock = SystemWallClock()
    admin = Admin(Books(database, clock), "bench")
    admin.stations.set("bench", preset_fen=30_000)
    for number in range(lanes):
        admin.cards.create(f"bench-{number}")
        admin.plates.bind(_plate(number), f"bench-{number}")
        admin.money.top_up(f"bench-{number}", 10**11)
    devices = DeviceStore(database, clock.now)
    code = devices.issue_code(Place(DeviceKind.STATION, "bench", None), "bench")
    devices.enrol(EnrolmentRequest(code=code, public_key=base64.b64encode(key.public).decode()), "bench")
    PeopleStore(database, clock.now).add("bench", password, Role.ATTENDANT, None, "bench")


async def _measure(args: argparse.Namespace, scene: BenchScene) -> dict[str, Any]:
    loop = asyncio.get_running_loop()
    tally = Tally()
    load = StationLoad(scene.target, scene.key, scene.station, uuid.uuid4().hex[:8], args.vehicle_s, tally)
    audience = Audience(scene.target, scene.cookie, scene.station)
    memory = {"start": _memory(scene)}
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(_lane(load, n, args)) for n in range(args.lanes)]
        await asyncio.sleep(WARM_UP_S if args.lanes else 0.0)
        memory["with_lanes"] = _memory(scene)
        tasks += [group.create_task(_page(audience, n, args)) for n in range(args.pages)]
        await _opened(audience, args.pages)
        memory["with_pages"] = _memory(scene)
        tally.counts = True
        for kept in (audience.notified, audience.shown, audience.faults):
            kept.clear()
        start_s, used = loop.time(), _processor(scene)
        await _probe(audience, KeptConnection(scene.target, scene.key), args.seconds, tally)
        wall_s, spent = loop.time() - start_s, _processor(scene)
        tally.counts = False
        memory["end"] = _memory(scene)
        faults = dict(tally.faults) | dict(audience.faults)
        for task in tasks:
            task.cancel()
    shares = {who: round((spent[who] - used[who]) / wall_s, 2) for who in used}
    return {
        "conditions": {**machine(), **_conditions(args)},
        "messages": {kind: _row(tally.seconds.get(kind, []), wall_s) for kind in KINDS if args.lanes},
        "pages": _page_rows(audience, args, wall_s),
        "resident_mib": memory,
        "cores_used": shares,
        "faults": faults,
    }


async def _lane(load: StationLoad, number: int, args: argparse.Namespace) -> None:
    """Lanes start one after another within the warm-up, each somewhere in the life of a visit."""
    await asyncio.sleep(WARM_UP_S * 0.8 * number / max(1, args.lanes))
    first_s = asyncio.get_running_loop().time() - random.Random(number).random() * args.vehicle_s
    await SimulatedLane(load, number, _plate(number)).run(first_s)


async def _page(audience: Audience, number: int, args: argparse.Namespace) -> None:
    await asyncio.sleep(number / 100)
    await OpenPage(audience, number, _panel_lane(number, args)).run()


def _panel_lane(number: int, args: argparse.Namespace) -> str | None:
    """The first pages are panels; panel 0 is that of the lane whose status is the probe."""
    panels = min(args.lanes, args.pages // 5)
    return None if number >= panels else "probe" if number == 0 else f"lane-{number}"


async def _opened(audience: Audience, pages: int) -> None:
    ends_s = time.monotonic() + 30 + pages / 20
    while audience.open < pages:
        if time.monotonic() > ends_s:
            raise ServiceError(f"only {audience.open} of {pages} pages could be opened: {dict(audience.faults)}")
        progress(f"{audience.open} of {pages} pages are open")
        await asyncio.sleep(0.2)


async def _probe(audience: Audience, connection: KeptConnection, seconds: float, tally: Tally) -> None:
    """Every five seconds one more change, that of a lane of its own, whose way to every page is timed."""
    loop = asyncio.get_running_loop()
    ends_s = loop.time() + seconds
    mark = 0
    while (left_s := ends_s - loop.time()) > 0:
        progress(f"measuring: {left_s:.0f} s left")
        if audience.cookie and left_s > PROBE_EVERY_S:
            mark += 1
            status = LaneStatus(
                station=audience.station,
                lane="probe",
                at=datetime.now(UTC),
                phase="empty",
                lamp=LampState.RED,
                reason=Reason.NO_PLATE,
                plate=f"PROBE{mark}",
            )
            sent_s = loop.time()
            if await tally.timed("probe", connection.post("/v1/lane-status", encode(status))) is not None:
                audience.probes.append(Probe(sent_s, await number_now(audience), mark))
        await asyncio.sleep(min(PROBE_EVERY_S, left_s))
    connection.close()


def _page_rows(audience: Audience, args: argparse.Namespace, wall_s: float) -> dict[str, Any]:
    """Of the station pages: each is told of each probe, and shows it; the slowest page of a probe makes `all`."""
    first = min(args.lanes, args.pages // 5)
    wanted = range(first, args.pages)
    if not wanted or not audience.probes:
        return {}
    rows: dict[str, Any] = {
        "open": args.pages,
        "panels": first,
        "probes": len(audience.probes),
        "events_per_s": round(len(audience.notified) / wall_s, 1),
        "fetches_per_s": round(len(audience.shown) / wall_s, 1),
    }
    notified = [delays_s(probe.sent_s, probe.number, audience.notified, wanted) for probe in audience.probes]
    shown = [delays_s(probe.sent_s, probe.mark, audience.shown, wanted) for probe in audience.probes]
    for name, found in (("told", notified), ("shown", shown)):
        times_s = sorted(s for probe in found for s in probe.values())
        complete = [max(probe.values()) for probe in found if len(probe) == len(wanted)]
        rows[name] = {
            "p50_ms": percentile(times_s, 0.5),
            "p99_ms": percentile(times_s, 0.99),
            "all_median_ms": round(median(complete) * 1000, 1) if complete else None,
            "all_worst_ms": round(max(complete) * 1000, 1) if complete else None,
            "complete": f"{len(complete)} of {len(found)}",
        }
    if first:
        panel = [delays_s(probe.sent_s, 0, audience.notified, {0}).get(0) for probe in audience.probes]
        rows["panel_told_p50_ms"] = percentile(sorted(s for s in panel if s is not None), 0.5)
    return rows


def _row(times_s: list[float], wall_s: float) -> dict[str, Any]:
    times_s = sorted(times_s)
    return {
        "count": len(times_s),
        "per_s": round(len(times_s) / wall_s, 2),
        "p50_ms": percentile(times_s, 0.5),
        "p99_ms": percentile(times_s, 0.99),
        "worst_ms": round(times_s[-1] * 1000, 1) if times_s else None,
    }


def _conditions(args: argparse.Namespace) -> dict[str, Any]:
    where = args.url or ("PostgreSQL" if args.postgresql else "SQLite")
    given = {name: getattr(args, name) for name in ("lanes", "pages", "seconds", "vehicle_s", "workers")}
    return {"service": where, **given}


def _memory(scene: BenchScene) -> float | None:
    return None if scene.process is None else resident_mib(scene.process)


def _processor(scene: BenchScene) -> dict[str, float]:
    """Seconds used so far by the service, where it is known, and by this process."""
    used = {"bench": time.process_time()}
    return used if scene.process is None else {"service": processor_s(scene.process), **used}


def words(document: dict[str, Any]) -> str:
    """The document for people."""
    lines = [", ".join(f"{name} {value}" for name, value in document["conditions"].items())]
    for kind, row in document["messages"].items():
        if kind == "orders":
            lines.append(f"waits for orders: {row['count']} ({row['per_s']}/s)")
        else:
            lines.append(
                f"{kind}: {row['count']} ({row['per_s']}/s), p50 {row['p50_ms']} p99 {row['p99_ms']} ms, "
                f"worst {row['worst_ms']} ms"
            )
    pages = document["pages"]
    if pages:
        lines.append(
            f"{pages['open']} pages open, {pages['panels']} of them panels: "
            f"{pages['events_per_s']} told and {pages['fetches_per_s']} fetched a second"
        )
        for name in ("told", "shown"):
            row = pages[name]
            lines.append(
                f"{name} of a change: p50 {row['p50_ms']} p99 {row['p99_ms']} ms; all pages within "
                f"{row['all_median_ms']} ms (median of {row['complete']} changes), {row['all_worst_ms']} ms at worst"
            )
        if "panel_told_p50_ms" in pages:
            lines.append(f"the panel of the lane that changed is told within {pages['panel_told_p50_ms']} ms (p50)")
    memory = ", ".join(f"{name.replace('_', ' ')} {size}" for name, size in document["resident_mib"].items())
    lines.append(f"memory of the service, MiB: {memory}")
    lines.append("cores used: " + ", ".join(f"{who} {share}" for who, share in document["cores_used"].items()))
    lines += [f"FAULT, {count} times: {fault}" for fault, count in document["faults"].items()]
    return "\n".join(lines)


def _plate(number: int) -> str:
    return f"粤B{number:05d}"
