"""On SQLite a phone's stream tells at once of what its own process has committed, whoever wrote it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import requests

from service.identity.guard import EMBEDDED
from service.server import running
from tests.service.identity.kit import ServiceRig
from tests.service.live.test_live import HOUR
from tests.service.phone.kit import HttpPhone, fuel, person

EVENTS = "/v1/phone/events"
PATIENCE = 10
"""Signs of life, one every three seconds, that may come before a change is told."""


@contextmanager
def stream(base: str, phone: HttpPhone) -> Iterator[Iterator[str]]:
    with requests.get(f"{base}{EVENTS}", headers=phone.headers("GET", EVENTS, b""), stream=True, timeout=60) as answer:
        yield answer.iter_lines(chunk_size=1, decode_unicode=True)


def next_number(lines: Iterator[str]) -> int:
    """Of the next "changed" event."""
    alive = 0
    while (line := next(lines)) != "event: changed":
        alive += line == "event: alive"
        assert alive <= PATIENCE, "nobody told of the change"
    return int(next(lines).removeprefix("data: "))


def test_a_charge_and_what_a_phone_says_of_it_are_told_at_once(tmp_path: Path) -> None:
    """The counters are read by themselves once an hour here: what is told within the test, its commit has told."""
    rig = ServiceRig(tmp_path, guard=EMBEDDED)
    rig.app.state.changes.pace = HOUR
    with running(rig.app) as base, httpx.Client(base_url=base, timeout=60) as client:
        phone = person(rig, client, "N1", plate="粤B10001")
        with stream(base, phone) as lines:
            numbers = [next_number(lines)]
            fuel(rig, 7_900, "粤B10001")
            numbers.append(next_number(lines))
            (charge,) = phone.ask("GET", "/v1/phone/charges").json()
            numbers.append(next_number(lines))  # with this it is sent
            assert phone.say(charge["id"], 7_900).json()["state"] == "paid"
            numbers.append(next_number(lines))
    assert numbers == sorted(set(numbers))
