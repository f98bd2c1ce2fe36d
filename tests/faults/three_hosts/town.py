"""The station on its three hosts: books and cards, processes, cameras, motorists, and hands that cut and mend."""

from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from greenlane.cli import main as greenlane
from service.admin.admin import Admin
from service.admin.typed_plates import TypedPlates
from service.app import open_books
from service.books.books import Books
from service.identity.people import PeopleStore, Role
from service.identity.signed.devices import DeviceStore
from service.identity.signed.devices import Place as DevicePlace
from tests.faults.three_hosts.camera import LaneCamera, Vehicles
from tests.faults.three_hosts.machine import Machine
from tests.faults.three_hosts.network import (
    SERVER_ADDRESS,
    STATION_ADDRESS,
    STATION_PORT,
    UPSTREAM_PORT,
    Host,
    Network,
    inside,
)
from tests.faults.three_hosts.shifted import Shift, clocks_shifted
from tests.station.cable import Cable
from wire.devices import DeviceKind
from wire.typed import TypedRule

LANES = ("L1", "L2")
PLATE_CAP_FEN, STATION_CAP_FEN, PRESET_FEN, PRICE_FEN_PER_L = 6_000, 15_000, 5_000, 800
MONEY_FEN = 50_000
SERVICE_PORT = 8090
UPSTREAM_URL = f"http://{SERVER_ADDRESS}:{UPSTREAM_PORT}"
STATION_URL = f"http://{STATION_ADDRESS}:{STATION_PORT}"
PASSWORD = "correct horse battery"
SETTINGS = """
[lane]
read_timeout_s = 2.0
reask_longest_s = 2.0
[camera]
kind = "http"
source = "{camera}"
reconnect_longest_s = 0.5
max_age_s = 4.0
[lamp]
pins = "mock"
[service]
deadline_s = 3.0
[dispenser]
kind = "simulated"
customer_litres = 0.0
name = "S1-{lane}"
[trace]
state_dir = "{state}"
pictures = 0
"""


@dataclass
class Lane:
    """A lane unit, what its camera shows, and the folder of its files."""

    name: str
    camera: LaneCamera
    folder: Path
    machine: Machine

    @property
    def state(self) -> Path:
        return self.folder / "state"

    def look(self) -> None:
        """Wait until the lane has seen from now on that nobody is there, and knows what that looks like."""
        before = len(self.told("seen"))
        self.machine.say("look")
        self.machine.wait_until(lambda: len(self.told("seen")) > before, "a look at the empty lane")
        assert self.told("seen")[-1]["seen"], f"{self.name} never trusted its pictures"

    def told(self, word: str) -> list[dict[str, Any]]:
        """What the unit has written about that."""
        return [line for line in self.machine.said() if word in line]


class Town:
    """Everything at work and every line well, from open() on. plates: those of all vehicles; each has its own card."""

    def __init__(self, folder: Path, network: Network, plates: tuple[str, ...], poor: tuple[str, ...]) -> None:
        self.folder = folder
        self.network = network
        self.shift = Shift(folder / "shift")
        self.url = f"sqlite:///{folder / 'books.sqlite3'}"
        self.station_state = folder / "station"
        self.lanes: dict[str, Lane] = {}
        self.plates, self.poor = plates, poor
        self.vehicles = Vehicles()

    @contextmanager
    def open(self) -> Iterator[Town]:
        with ExitStack() as stack:
            stack.enter_context(clocks_shifted(self.shift))
            self.books = open_books(self.url, self.shift)
            stack.callback(self.books.database.close)
            self._fill(self.books)
            self.server = self._machine(
                "server", Host.SERVER, "service", "--database", self.url, "--listen", f"{SERVER_ADDRESS}:{SERVICE_PORT}"
            )
            stack.callback(lambda: self.server.stop())
            self.start_server()
            listen = (SERVER_ADDRESS, UPSTREAM_PORT)
            self.cable = inside(Host.SERVER, lambda: Cable(SERVICE_PORT, listen, SERVER_ADDRESS))
            stack.callback(self.cable.close)
            self._open_station(stack)
            for name in LANES:
                self._open_lane(name, stack)
            for lane in self.lanes.values():
                lane.look()
            yield self

    def start_server(self) -> None:
        mark = self.server.mark()
        self.server.start()
        self.server.wait_for("Uvicorn running", mark)

    def start_station(self) -> None:
        mark = self.station.mark()
        self.station.start()
        self.station.wait_for("Uvicorn running", mark)

    def pass_time(self, seconds: float) -> None:
        """Let so much time go by on all hosts. To a lane that is as if its camera had been still for so long."""
        self.shift.move(seconds)
        for lane in self.lanes.values():
            lane.look()

    def card_of(self, plate: str) -> str:
        return f"C-{plate[1:]}"

    def type_plate(self, lane: str, plate: str) -> None:
        """As a driver does at the panel: log in at the station, type, send."""

        def typed() -> None:
            with requests.Session() as browser:
                form = _fields(browser.get(f"{STATION_URL}/login", timeout=30))
                browser.post(
                    f"{STATION_URL}/login",
                    data=form | {"name": f"pump-{lane.lower()}", "password": PASSWORD},
                    timeout=30,
                )
                form = {"csrf": _fields(browser.get(STATION_URL, timeout=30))["csrf"], "plate": plate}
                answer = browser.post(f"{STATION_URL}/panel/{lane}/typed", data=form, timeout=30)
                answer.raise_for_status()

        inside(Host.UNIT, typed)

    def audit(self) -> str:
        """What `greenlane admin audit` says; one line where the books are right."""
        return _printed("admin", "--database", self.url, "audit")[1].strip()

    def _fill(self, books: Books) -> None:
        admin = self.admin = Admin(books, "town")
        admin.stations.set("S1", preset_fen=PRESET_FEN, offline_fen=PLATE_CAP_FEN)
        admin.stations.set_price("S1", "92", PRICE_FEN_PER_L)
        TypedPlates(books, "town").set_rule("station", "S1", TypedRule.FREE)
        for plate in (*self.plates, *self.poor):
            card = self.card_of(plate)
            admin.cards.create(card)
            admin.plates.bind(plate, card)
            admin.money.top_up(card, MONEY_FEN if plate in self.plates else PLATE_CAP_FEN - 1)

    def _code(self, kind: DeviceKind, lane: str | None) -> str:
        devices = DeviceStore(self.books.database, self.shift.now)
        return devices.issue_code(DevicePlace(kind, "S1", lane), "town", replaces=False)

    def _open_station(self, stack: ExitStack) -> None:
        state = self.station_state
        state.mkdir(mode=0o700)
        code = self._code(DeviceKind.STATION, None)
        inside(Host.STATION, lambda: run("enrol", code, "--service", UPSTREAM_URL, "--state", str(state)))
        self.station = self._machine(
            "station",
            Host.STATION,
            "station",
            "--upstream",
            UPSTREAM_URL,
            "--state",
            str(state),
            "--listen",
            f"{STATION_ADDRESS}:{STATION_PORT}",
            "--cap",
            f"{STATION_CAP_FEN // 100}",
        )
        stack.callback(lambda: self.station.stop())
        self.start_station()
        self.station.wait_for("offline list: version")
        pages = open_books(f"sqlite:///{state / 'pages.sqlite3'}", self.shift)
        people = PeopleStore(pages.database, self.shift.now)
        for lane in LANES:
            people.add(f"pump-{lane.lower()}", PASSWORD, Role.PANEL, "S1", "town", lane=lane)
        pages.database.close()

    def _open_lane(self, name: str, stack: ExitStack) -> None:
        folder = self.folder / name
        folder.mkdir()
        camera = inside(Host.UNIT, lambda: LaneCamera(self.vehicles))
        stack.callback(camera.stop)
        config = folder / "lane.toml"
        config.write_text(SETTINGS.format(camera=camera.url, lane=name, state=folder / "state"), encoding="utf-8")
        code, key = self._code(DeviceKind.LANE, name), str(folder / "lane.key")
        words = ("enrol", code, "--service", STATION_URL, "--key", key, "--config", str(config))
        inside(Host.UNIT, lambda: run(*words))
        module = "tests.faults.three_hosts.unit"
        machine = Machine(self.folder, name, Host.UNIT, module, [str(self.shift.path), str(config)])
        self.lanes[name] = Lane(name, camera, folder, machine)
        stack.callback(machine.stop)
        machine.start()

    def _machine(self, name: str, host: Host, *words: str) -> Machine:
        return Machine(self.folder, name, host, "tests.faults.three_hosts.shifted", [str(self.shift.path), *words])


def run(*words: str) -> str:
    """What `greenlane WORDS` prints, in this process. Raises AssertionError when it fails."""
    status, printed = _printed(*words)
    assert status == 0, f"greenlane {' '.join(words)}: {printed}"
    return printed


def _printed(*words: str) -> tuple[int, str]:
    """The exit status, and all that was printed."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        return greenlane(list(words)), printed.getvalue()


def _fields(page: requests.Response) -> dict[str, str]:
    """The hidden fields of the page's form."""
    page.raise_for_status()
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page.text))
