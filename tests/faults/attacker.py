"""A hostile client of the service, made from a seed: what it sends is bytes, and every kind of it has a name."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import requests

from controller.clock import SystemClock
from controller.outbound.key_pair import KeyPair
from controller.outbound.signing import Signer
from tests.service.identity.kit import fuelling, lane_status, question, visit_report

STATION, LANE, PLATE = "S2", "L9", "粤B66666"
"""Its own place and plate: it is an enrolled lane that wishes others ill."""
HIDDEN = (
    "\u200b",
    "\u200e",
    "\u202e",
    "\ufeff",
    "\u00ad",
    "\u2066",
    "\u180e",
    "\ufe0f",
    "\u0301",
    "１",
    "\u3000",
    "\x7f",
)
ODD_KEYS = ("\ud800", "\x00", "__proto__", "station ", "ｓtation", "st\u200bation", "", "k" * 5_000, "\udfff\ud800")
ODD_VALUES: tuple[Any, ...] = (
    float("nan"),
    float("inf"),
    -float("inf"),
    1e308,
    -0.0,
    2**53,
    2**63,
    2**200,
    -1,
    -(2**63),
    True,
    None,
    [],
    {},
    "",
    " ",
    "\x00",
    "\ud800",
    "x" * 70_000,
    "S1",
    "L1",
    "'; drop table cards; --",
    "=1+1",
    "../../etc/passwd",
    ["x"] * 3_000,
    {"a": {"b": {"c": {}}}},
    "\u202e1\u202c",
    "١٢٣",
    "1e5",
    0.1,
    "null",
)
NO_TEXTS = ("\ud800", "\x00", "\udfff\ud800", "\x00\x00")
MOMENTS: tuple[Any, ...] = (
    "9999-12-31T23:59:59Z",
    "0001-01-01T00:00:00Z",
    "2026-05-04T08:30:60Z",
    "2026-02-30T00:00:00Z",
    "+14:00",
    10**18,
    "1970-01-01T00:00:00.123456789Z",
    "2026-05-04T08:30:00+14:59",
    "2026-05-04T08:30:00-23:59",
    "2026-05-04",
    "now",
    -1,
    "9999-12-31T23:59:59.999999-23:59",
    "0001-01-01T00:00:00+23:59",
)
HOSTS = (
    "h/",
    "u@h",
    "h?x=1",
    "h#",
    "h:99999",
    "h:",
    "[::1",
    "[x]",
    "a b",
    "h\t",
    "-h",
    "h..h",
    "x" * 300,
    "ｈ",
    "h,h",
    "",
)
MARKS = (
    "Origin: http://elsewhere.example",
    "Origin: null",
    "Sec-Fetch-Site: cross-site",
    "X-Forwarded-For: 127.0.0.1",
    "Forwarded: for=127.0.0.1",
    "Via: 1.1 x",
    "X-Real-IP: 127.0.0.1",
    "X-Forwarded-Host: books.example",
    "Content-Type: text/plain",
    "Transfer-Encoding: chunked",
    "Expect: 100-continue",
    "Upgrade: websocket",
)
PATHS = (
    b"/v1/prices?station=%00",
    b"/v1/prices?station=%ff",
    b"/v1/prices?station=S1&station=S2",
    b"/v1/../admin",
    b"/v1/authorisations/%00/renew",
    b"/v1/authorisations/%e2%80%ae/release",
    b"/v1//",
    b"/V1/prices",
    b"/panel/%00",
    b"/panel/L1",
    b"/station/visits/x",
    b"/%ed%a0%80",
    b"/v1/offline-list?station=S1&have=-1",
    b"*",
    b"http://h/v1/prices",
    b"/healthz/..%2f",
    b"/static/..%2f..%2fsetup.cfg",
    b"/metrics",
    b"/v1/devices?station=S1",
    b"/" + b"a" * 20_000,
)
NO_HTTP = (
    b"\x16\x03\x01\x02\x00",
    b"GET / HTTP/9.9\r\n\r\n",
    b"\r\n\r\n\r\n",
    b"NONSENSE\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
)


@dataclass(frozen=True)
class Attack:
    """unfinished: what is sent stops in its middle, and the connection is closed."""

    kind: str
    data: bytes
    unfinished: bool = False


class ShiftedClock(SystemClock):
    """Wrong by a fixed time."""

    def __init__(self, wrong_by: timedelta) -> None:
        self._wrong_by = wrong_by

    def now(self) -> datetime:
        return datetime.now(UTC) + self._wrong_by


class Attacker:
    """attack() makes the next one; the same seed makes the same ones but for their signatures and times."""

    def __init__(self, seed: int, key: KeyPair, port: int, station: str = STATION) -> None:
        self.rng = random.Random(seed)
        self.key, self.port, self.station = key, port, station
        self.seed, self.number = seed, 0
        self._kinds: tuple[Callable[[], Attack], ...] = (
            self._odd_key,
            self._odd_value,
            self._hidden,
            self._moment,
            self._signing_clock,
            self._host,
            self._mark,
            self._path,
            self._half,
            self._no_http,
        )

    def attack(self) -> Attack:
        self.number += 1
        return self._kinds[self.number % len(self._kinds)]()

    def _record(self) -> tuple[str, dict[str, Any]]:
        """A route and a record that it would take."""
        name, now = f"evil-{self.seed}-{self.number}", datetime.now(UTC)
        at = now.isoformat()
        dispensed = fuelling(self.station, LANE) | {"dispenser": name, "plate": PLATE, "started_at": at, "ended_at": at}
        return self.rng.choice(
            [
                ("/v1/authorisations", question(self.station, LANE, name) | {"plate": PLATE, "captured_at": at}),
                ("/v1/fuellings", dispensed),
                ("/v1/lane-status", lane_status(self.station, LANE) | {"at": at}),
                ("/v1/visits", visit_report(self.station, LANE, self.number) | {"visit": name}),
                ("/v1/lane-orders", {"station": self.station, "lane": LANE, "wait_s": 0.0, "done": []}),
                ("/v1/keys", {"public_key": KeyPair.make().public_text, "proof": "A" * 88}),
                ("/v1/enrolments", {"code": "0000-0000-0000", "public_key": self.key.public_text}),
                ("/v1/pins", {"station": self.station, "lane": LANE, "plate": PLATE, "pin": "000000"}),
            ]
        )

    def _spoilt(self, kind: str, spoil: Callable[[dict[str, Any]], None]) -> Attack:
        route, record = self._record()
        spoil(record)
        text = json.dumps(record, ensure_ascii=self.rng.random() < 0.7)
        return self._post(kind, route, text.encode("utf-8", "surrogatepass"), timedelta())

    def _field(self, record: dict[str, Any]) -> str:
        """Any but how long an answer may wait."""
        return self.rng.choice([name for name in record if name != "wait_s"])

    def _odd_key(self) -> Attack:
        def spoil(record: dict[str, Any]) -> None:
            key = self.rng.choice(ODD_KEYS)
            record[key] = record.pop(self._field(record)) if self.rng.random() < 0.5 else 1

        return self._spoilt("odd keys", spoil)

    def _odd_value(self) -> Attack:
        def spoil(record: dict[str, Any]) -> None:
            texts = [name for name, value in record.items() if isinstance(value, str)]
            if texts and self.rng.random() < 0.5:
                name = self.rng.choice(texts)
                record[name] = str(record[name])[:8] + self.rng.choice(NO_TEXTS)
            else:
                record[self._field(record)] = self.rng.choice(ODD_VALUES)

        return self._spoilt("odd values", spoil)

    def _moment(self) -> Attack:
        def spoil(record: dict[str, Any]) -> None:
            times = [name for name in record if name == "at" or name.endswith("_at")] or [self._field(record)]
            record[self.rng.choice(times)] = self.rng.choice(MOMENTS)

        return self._spoilt("times of no clock", spoil)

    def _hidden(self) -> Attack:
        def spoil(record: dict[str, Any]) -> None:
            texts = [name for name, value in record.items() if isinstance(value, str)] or ["station"]
            name = self.rng.choice(texts)
            value, at = str(record[name]), self.rng.randrange(len(str(record[name])) + 1)
            record[name] = value[:at] + self.rng.choice(HIDDEN) + value[at:]

        return self._spoilt("hidden characters", spoil)

    def _signing_clock(self) -> Attack:
        route, record = self._record()
        wrong_by = timedelta(seconds=self.rng.choice([-(10**8), -86_400, -302, 302, 86_400, 10**8]))
        return self._post("signed by a wrong clock", route, json.dumps(record).encode(), wrong_by)

    def _host(self) -> Attack:
        host = self.rng.choice(HOSTS)
        more = "Host: h\r\n" if self.rng.random() < 0.2 else ""
        path = self.rng.choice(["/healthz", "/v1/prices?station=S1", "/panel/L1", "/openapi.json"])
        return Attack("hosts", f"GET {path} HTTP/1.1\r\n{more}Host: {host}\r\nConnection: close\r\n\r\n".encode())

    def _mark(self) -> Attack:
        route, record = self._record()
        body = json.dumps(record).encode()
        mark = self.rng.choice(MARKS)
        lines = [f"POST {route} HTTP/1.1", f"Host: 127.0.0.1:{self.port}", "Connection: close", mark]
        if not mark.startswith("Transfer-Encoding"):
            lines.append(f"Content-Length: {len(body)}")
        else:
            body = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
        return Attack("origins, proxies and other marks", "\r\n".join([*lines, "", ""]).encode() + body)

    def _path(self) -> Attack:
        method = self.rng.choice([b"GET", b"POST", b"PUT", b"DELETE", b"TRACE", b"OPTIONS"])
        lines = [method + b" " + self.rng.choice(PATHS) + b" HTTP/1.1", b"Host: h", b"Connection: close"]
        return Attack("paths and methods", b"\r\n".join([*lines, b"Content-Length: 0", b"", b""]))

    def _half(self) -> Attack:
        made = self._odd_value().data
        return Attack("half requests", made[: self.rng.randrange(1, min(len(made), 2_000))], unfinished=True)

    def _no_http(self) -> Attack:
        noise = bytes(self.rng.randrange(256) for _ in range(self.rng.randrange(1, 200))) + b"\r\n\r\n"
        return Attack("no HTTP", self.rng.choice([*NO_HTTP, noise]), unfinished=True)

    def _post(self, kind: str, route: str, body: bytes, wrong_by: timedelta) -> Attack:
        """Signed two times in three; a stranger's otherwise."""
        request = requests.Request("POST", f"http://127.0.0.1:{self.port}{route}", data=body).prepare()
        request.headers["Content-Type"] = "application/json"
        if wrong_by or self.rng.random() < 0.67:
            Signer(self.key, ShiftedClock(wrong_by))(request)
        lines = [f"{name}: {value}" for name, value in request.headers.items()]
        host = f"Host: 127.0.0.1:{self.port}"
        return Attack(
            kind, "\r\n".join([f"POST {route} HTTP/1.1", host, "Connection: close", *lines, "", ""]).encode() + body
        )
