"""A guarded service with stations, lanes and enrolled devices, and requests that can be spoilt before they are sent."""

from __future__ import annotations

import functools
import itertools
import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import requests
from argon2 import PasswordHasher
from fastapi import FastAPI
from sqlalchemy import Engine, event

from controller.outbound.key_pair import KeyPair
from controller.outbound.signing import Signer
from service.admin.admin import Admin
from service.app import create_app
from service.books.books import Books
from service.identity.guard import Guard
from service.identity.identity import Identity
from service.identity.signed.devices import Place
from service.store.database import Database
from tests.service.new_books import is_new, put_new_books
from wire.ahead import AskedAhead
from wire.codec import encode
from wire.devices import DeviceKind, EnrolmentRequest
from wire.fuellings import Fuelling
from wire.live import LampState, LaneStatus, Stage, StoryLine, VisitReport
from wire.offline import OfflineGrant
from wire.questions import Question
from wire.reasons import Reason, Verdict

START = datetime(2026, 5, 4, 8, 30, tzinfo=UTC)
CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
HOST = "testserver"
PLATE = "粤B12345"


class MovingClock:
    """Stands until it is moved."""

    def __init__(self) -> None:
        self.moment = START
        self._jumped = timedelta(0)

    def now(self) -> datetime:
        """In UTC, as of the machine's own clock, wherever the test says it is."""
        return self.moment.astimezone(UTC)

    def monotonic_s(self) -> float:
        return (self.moment - self._jumped).timestamp()

    def sleep(self, seconds: float) -> None:
        self.move(seconds)

    def move(self, seconds: float) -> None:
        self.moment += timedelta(seconds=seconds)

    def jump(self, seconds: float) -> None:
        """It is set, and no time has passed."""
        self.move(seconds)
        self._jumped += timedelta(seconds=seconds)


@dataclass(frozen=True)
class Parcel:
    """A request as bytes on the wire."""

    method: str
    target: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    def changed(self, **headers: str | None) -> Parcel:
        """With other values of headers, named with underscores; None removes one."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        kept = {n: v for n, v in self.headers.items() if n.lower() not in named}
        return replace(self, headers=kept | {n: v for n, v in named.items() if v is not None})

    def send(self, client: httpx.Client) -> httpx.Response:
        return client.request(self.method, self.target, headers=dict(self.headers), content=self.body or None)


class ServiceRig:
    """The service of stations S1 and S2 (lanes L1, L2 each), and the keys of devices enrolled there."""

    def __init__(self, folder: Path, guard: Guard | None = None, url: str | None = None) -> None:
        self.clock = MovingClock()
        self._numbers = itertools.count(1)
        self.url = url or f"sqlite:///{folder / 'books.sqlite3'}"
        is_furnished = put_furnished_books(self.url)
        self.app: FastAPI = create_app(self.url, self.clock, guard=guard or Guard(hasher=CHEAP))
        self.identity: Identity = self.app.state.identity
        spare_the_disk(self.app.state.books.database.engine)
        self.admin = Admin(self.app.state.books, "test")
        if not is_furnished:
            furnish(self.admin)

    def number(self) -> int:
        """Never the same twice: for visits and sequences."""
        return next(self._numbers)

    def enrol(self, kind: DeviceKind, station: str = "S1", lane: str | None = "L1") -> KeyPair:
        """A new device with a key of its own."""
        place = Place(kind, station, None if kind is DeviceKind.STATION else lane)
        code = self.identity.devices.issue_code(place, "test", replaces=True)
        key = KeyPair.make()
        self.identity.devices.enrol(EnrolmentRequest(code=code, public_key=key.public_text), "test")
        return key

    def signed(self, key: KeyPair, method: str, target: str, body: object = None, host: str = HOST) -> Parcel:
        """What controller.outbound.signing makes of a request, at this clock's time."""
        return signed(key, self.clock, method, target, body, host)


def furnish(admin: Admin) -> None:
    for station in ("S1", "S2"):
        admin.stations.set(station)
        admin.stations.set_price(station, "92", 790)
    admin.cards.create("C1")
    admin.plates.bind(PLATE, "C1")
    admin.money.top_up("C1", 10**9)


@functools.cache
def furnished_books() -> bytes:
    """The file of a database that holds what furnish() brings in.

    A second before the rig's clock begins: two makers' numbers of rows rise with time, but not within a millisecond.
    """
    clock = MovingClock()
    clock.move(-1)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "furnished.sqlite3"
        database = Database(put_new_books(path))
        furnish(Admin(Books(database, clock), "test"))
        database.close()
        return path.read_bytes()


def put_furnished_books(url: str) -> bool:
    """Put a copy where a file of SQLite is missing or new; whether that was so."""
    path = Path(url.removeprefix("sqlite:///"))
    if not url.startswith("sqlite:///") or (path.exists() and not is_new(path)):
        return False
    path.write_bytes(furnished_books())
    path.chmod(0o600)
    return True


def spare_the_disk(engine: Engine) -> None:
    """These tests cut no power: commits need not wait for the disk."""

    if engine.dialect.name != "sqlite":
        return

    @event.listens_for(engine, "connect")
    def configure(connection: Any, _record: object) -> None:
        connection.execute("PRAGMA synchronous=OFF")

    engine.dispose()


def signed(key: KeyPair, clock: Any, method: str, target: str, body: object = None, host: str = HOST) -> Parcel:
    data = None if body is None else json.dumps(body, ensure_ascii=False).encode()
    headers = {"Content-Type": "application/json"} if data is not None else {}
    request = requests.Request(method, f"http://{host}{target}", headers=headers, data=data).prepare()
    Signer(key, clock)(request)
    content = request.body.encode() if isinstance(request.body, str) else request.body or b""
    return Parcel(method, target, dict(request.headers) | {"Host": host}, content)


def question(station: str = "S1", lane: str = "L1", visit: str = "v1", **changes: Any) -> dict[str, Any]:
    record = Question(
        visit=visit,
        station=station,
        lane=lane,
        plate=PLATE,
        typed=True,
        captured_at=START,
        confidence=1.0,
        weakest=1.0,
        seen=PLATE,
        seen_certain=True,
    )
    return encode(replace(record, **changes))


def fuelling(station: str = "S1", lane: str = "L1", sequence: int = 1) -> dict[str, Any]:
    return encode(
        Fuelling(
            station=station,
            lane=lane,
            dispenser=f"{station}-D1",
            sequence=sequence,
            visit=None,
            authorisation=None,
            plate=PLATE,
            started_at=START - timedelta(seconds=60),
            ended_at=START,
            volume_ml=10_000,
            amount_fen=7900,
            unit_price_fen_per_l=790,
            product="92",
            totaliser_before_ml=0,
            totaliser_after_ml=10_000,
        )
    )


def lane_status(station: str = "S1", lane: str = "L1", number: int = 0, **changes: Any) -> dict[str, Any]:
    status = LaneStatus(
        station=station,
        lane=lane,
        at=START + timedelta(milliseconds=number),
        phase="green",
        lamp=LampState.GREEN,
        reason=Reason.OK,
        visit=f"v{number}",
        plate=PLATE,
        limit_fen=30_000,
    )
    return encode(replace(status, **changes))


def asked_ahead(station: str = "S1", lane: str = "L1", number: int = 1) -> dict[str, Any]:
    plate = f"粤A{number % 100_000:05}"
    asked = AskedAhead(station=station, lane=lane, plate=plate, captured_at=START, confidence=0.98, weakest=0.97)
    return encode(asked)


def offline_grant(station: str = "S1", lane: str = "L1", number: int = 1) -> dict[str, Any]:
    return encode(
        OfflineGrant(
            authorisation=f"off-{number}",
            visit=f"offline-{number}",
            station=station,
            lane=lane,
            plate=PLATE,
            typed=False,
            card="C1",
            limit_fen=20_000,
            list_version=1,
            granted_at=START,
        )
    )


def visit_report(station: str = "S1", lane: str = "L1", number: int = 1, **changes: Any) -> dict[str, Any]:
    story = (
        StoryLine(at_s=0.0, stage=Stage.SEEN, words="a vehicle came"),
        StoryLine(at_s=1.2, stage=Stage.LAMP, reason=Reason.OK, lamp=LampState.GREEN),
    )
    report = VisitReport(
        station=station,
        lane=lane,
        visit=f"{lane}-visit-{number}",
        first_seen_at=START,
        at=START,
        plate=PLATE,
        decision=Verdict.ALLOW,
        reason=Reason.OK,
        over=False,
        story=story,
    )
    return encode(replace(report, **changes))
