"""`greenlane doctor` and the balance service: healthy is not the same as taking this lane's word."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Iterator
from contextlib import redirect_stdout
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from controller.checks import Check, Severity
from controller.settings_records import Settings
from greenlane.cli import main
from greenlane.cli.doctor.service import service_checks
from tests.service.identity.served import Served


class _Health(BaseHTTPRequestHandler):
    status = 200
    ahead_s = 0.0

    def do_GET(self) -> None:
        body = b'{"status": "ok"}'
        self.send_response_only(self.status)
        self.send_header("Date", self.date_time_string(time.time() + self.ahead_s))
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None: ...


def checks_of(**answer: float) -> dict[str, Check]:
    """What doctor says of a service that answers everything so."""
    server = HTTPServer(("127.0.0.1", 0), type("Handler", (_Health,), answer))
    Thread(target=server.serve_forever, daemon=True).start()
    made = Settings()
    asked = replace(made, service=replace(made.service, url=f"http://127.0.0.1:{server.server_port}", deadline_s=30.0))
    try:
        found = service_checks(asked)
    finally:
        server.shutdown()
        server.server_close()
    return {check.name: check for check in found}


@pytest.mark.parametrize(("status", "verdict"), [(200, Severity.OK), (503, Severity.FAIL)])
def test_the_service_is_asked(status: int, verdict: Severity) -> None:
    found = checks_of(status=status)
    assert found["balance service"].verdict is verdict
    assert str(status) in found["balance service"].found
    assert found["questions"].verdict is not Severity.OK


@pytest.mark.parametrize(
    ("ahead_s", "verdict", "words"),
    [
        (0.0, Severity.OK, "as this unit's"),
        (20.0, Severity.WARN, "behind the service's"),
        (-20.0, Severity.WARN, "ahead of the service's"),
        (-3600.0, Severity.FAIL, "ahead of the service's"),
    ],
)
def test_the_clocks_are_compared(ahead_s: float, verdict: Severity, words: str) -> None:
    check = checks_of(ahead_s=ahead_s)["service's clock"]
    assert check.verdict is verdict
    assert words in check.found


@pytest.fixture(scope="module")
def books(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """A running balance service with station S1 and a price: its address and its database."""
    url = f"sqlite:///{tmp_path_factory.mktemp('books') / 'service.sqlite3'}"
    for words in (("station", "set", "S1"), ("price", "set", "S1", "92", "7.50")):
        assert main(["admin", "--database", url, *words]) == 0
    with Served(url) as port:
        yield f"http://127.0.0.1:{port}", url


@pytest.fixture(scope="module")
def enrolled(books: tuple[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """lane.toml of lane L1, enrolled as a technician does it."""
    return enrol(books, "L1", tmp_path_factory.mktemp("lane"))


def enrol(books: tuple[str, str], lane: str, folder: Path) -> Path:
    """The settings of a lane that was made known to the service."""
    service, database = books
    config = folder / "lane.toml"
    lamp = '[camera]\nkind = "fake"\n[lamp]\npins = "mock"\n'
    config.write_text(f'{lamp}[trace]\nstate_dir = "{folder}"\n', encoding="utf-8")
    code = said("admin", "--database", database, "enrol", "--kind", "lane", "--station", "S1", "--lane", lane)
    said("enrol", code.split()[0], "--service", service, "--state", str(folder), "--config", str(config))
    return config


def said(*words: str) -> str:
    with redirect_stdout(io.StringIO()) as printed:
        assert main(words) == 0
    return printed.getvalue()


def doctored(config: Path) -> dict[str, dict[str, str]]:
    """Every check of `greenlane doctor --json` by its name."""
    with redirect_stdout(io.StringIO()) as printed:
        main(["doctor", "--config", str(config), "--json"])
    return {check["check"]: check for check in json.loads(printed.getvalue())["checks"]}


def test_an_enrolled_lane_is_told_that_its_questions_are_taken(enrolled: Path) -> None:
    found = doctored(enrolled)
    assert found["questions"]["found"] == "taken from station S1, lane L1, signed"
    assert found["questions"]["verdict"] == found["service's clock"]["verdict"] == "OK"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("old", "new", "expected", "advice"),
    [
        ('station = "S1"', 'station = "S2"', "this key speaks for station S1", "set station and name of [lane]"),
        ('name = "L1"', 'name = "L2"', "this key speaks for lane L1", "set station and name of [lane]"),
        ("key_file", "#key_file", "signature", "greenlane admin enrol --kind lane --station S1 --lane L1"),
    ],
)
def test_a_lane_whose_every_question_is_refused_is_not_ok(
    enrolled: Path, tmp_path: Path, old: str, new: str, expected: str, advice: str
) -> None:
    config = tmp_path / "lane.toml"
    config.write_text(enrolled.read_text(encoding="utf-8").replace(f"\n{old}", f"\n{new}"), encoding="utf-8")
    checks = doctored(config)
    assert checks["questions"]["verdict"] == "FAIL"
    for check in (checks["questions"], checks["asking ahead"]):
        assert expected in check["found"]
        assert advice in check["advice"]


def test_a_revoked_lane_is_not_ok(books: tuple[str, str], tmp_path: Path) -> None:
    config = enrol(books, "L7", tmp_path)
    listed = json.loads(said("admin", "--database", books[1], "device", "list", "--json"))
    (device,) = [entry["id"] for entry in listed if entry["place"]["lane"] == "L7"]
    said("admin", "--database", books[1], "device", "revoke", device)
    check = doctored(config)["questions"]
    assert check["verdict"] == "FAIL"
    assert "--lane L7 at the service" in check["advice"]


@pytest.mark.slow
def test_broken_settings_are_no_reason_to_judge_another_lane(tmp_path: Path) -> None:
    config = tmp_path / "lane.toml"
    config.write_text('[camera]\nkind = "fake"\nsorce = "x"\n', encoding="utf-8")
    found = doctored(config)
    assert found["settings"]["verdict"] == "FAIL"
    for name in ("weights", "camera", "lamp", "disk", "state folder", "balance service", "questions", "outbox"):
        assert found[name]["verdict"] == "WARN"
        assert found[name]["found"] == "not checked: the settings cannot be read"
