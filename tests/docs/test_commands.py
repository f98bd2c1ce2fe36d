"""Every command that README and docs/ show is one that the program takes, and it does what the page says."""

from __future__ import annotations

import io
import shutil
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import cv2
import pytest

from controller.clock import ManualClock, SystemClock
from controller.outbound.outbox import Outbox
from controller.outbound.statefile import StateFile
from controller.traces.recorder import TraceRecorder
from controller.traces.store import TraceStore
from controller.worker import InlineWorker
from greenlane import cli
from greenlane.simulation.cast import bundled
from greenlane.wiring import STATE_FILE
from hardware.jpeg import encode_jpeg
from service.books.messages import Report
from service.store.database import Database
from tests.controller.visits import START, green_visit
from tests.docs.blocks import PAGES, ROOT, Command, commands, matches
from tests.service.identity.served import Program, Served
from tests.service.world import ManualClock as BooksClock
from tests.service.world import Pump, World

FOUND = [command for page in PAGES for command in commands(page)]
SERVERS = ("service", "station")


def once_by_default(command: Command) -> object:
    """The Chinese pages show the same commands, which tests/docs/test_chinese.py proves."""
    is_chinese = "/zh/" in command.page or ".zh." in command.page
    return pytest.param(command, marks=pytest.mark.slow) if is_chinese else command


def test_the_pages_show_commands_of_every_kind() -> None:
    assert len(FOUND) > 50
    assert {"simulate", "calibrate", "admin", "explain", "outbox", "install"} <= {c.words[0] for c in FOUND}


def test_what_a_page_shows_as_output_is_compared() -> None:
    shown = [command for command in FOUND if command.shows]
    assert len(shown) >= 5
    assert not [command for command in shown if command.not_run or command.is_synopsis]
    assert matches("a  … yuan\n…\nz", "a  5.00 yuan\nb\nc\nz\n")
    assert not matches("a  … yuan\nz", "a  5.00 yuan\nb\nz\n")
    assert not matches("balance 5.00", "balance 6.00\n")


@pytest.mark.parametrize("command", [once_by_default(c) for c in FOUND if not c.is_synopsis], ids=str)
def test_every_command_is_one_that_the_program_takes(command: Command) -> None:
    cli._parser(command.words).parse_args(command.words)


@pytest.mark.parametrize("command", [c for c in FOUND if c.is_synopsis], ids=str)
def test_every_option_of_a_synopsis_is_there(command: Command, capsys: pytest.CaptureFixture[str]) -> None:
    names = [word for word in command.words if not word.startswith(("[", "-")) and word.islower()]
    with pytest.raises(SystemExit):
        cli._parser(names).parse_args([*names, "--help"])
    shown = capsys.readouterr().out
    options = [word.strip("[]") for word in command.words if word.strip("[").startswith("--")]
    assert [option for option in options if option not in shown] == []


@dataclass(frozen=True)
class SystemRig:
    """A service, a station and a lane of the test's own, in one scratch folder."""

    folder: Path
    database: str
    service: str
    server: Served

    @property
    def lane(self) -> Path:
        return self.folder / "lane.toml"


@pytest.fixture
def rig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SystemRig]:
    database = f"sqlite:///{tmp_path / 'service.sqlite3'}"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GREENLANE_DATABASE", database)
    monkeypatch.setattr("builtins.input", lambda _: "y")
    assert cli.main(["admin", "station", "set", "S1"]) == 0
    assert cli.main(["admin", "price", "set", "S1", "92", "7.50"]) == 0
    server = Served(database)
    with server as port:
        made = SystemRig(tmp_path, database, f"http://127.0.0.1:{port}", server)
        made.lane.write_text(
            f'[camera]\nkind = "file"\nsource = "{bundled().clip}"\n[lamp]\npins = "mock"\n'
            f'[trace]\nstate_dir = "{tmp_path / "lane"}"\n[service]\nurl = "{made.service}"\n',
            encoding="utf-8",
        )
        yield made


@pytest.mark.slow
@pytest.mark.parametrize(
    "page", [p for p in PAGES if list(commands(p)) and p.parent.name != "zh"], ids=lambda p: str(p.relative_to(ROOT))
)
def test_the_commands_of_a_page_do_what_it_says(
    page: Path, rig: SystemRig, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    GIVEN.get(page.stem, lambda _: None)(rig)
    run = 0
    for command in commands(page):
        if command.not_run or command.is_synopsis:
            continue
        run += 1
        words = fitted(command.words, rig, capsys)
        monkeypatch.setattr("sys.stdin", io.StringIO("correct horse battery staple\n"))
        capsys.readouterr()
        if words[0] in SERVERS:
            with Program(*words):
                continue
        if words[:2] == ["admin", "restore"]:
            rig.server.__exit__()
        if any("pages.sqlite3" in word for word in words):
            start_station(rig)
        status = cli.main(words)
        if words[:2] == ["admin", "restore"]:
            rig.server.__enter__()
        printed = capsys.readouterr()
        assert status == 0, f"{command}: greenlane {' '.join(words)}\n{printed.out}{printed.err}"
        assert not command.shows or matches(command.shows, printed.out), f"{command} printed\n{printed.out}"
    assert run or page.stem not in GIVEN


def fitted(words: tuple[str, ...], rig: SystemRig, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """The same command on this rig: its addresses, folders and settings in place of those of the page."""
    places = {
        "https://books.example": rig.service,
        "/etc/greenlane/lane.toml": str(rig.lane),
        "/var/lib/greenlane-station": str(rig.folder / "station"),
        "/var/backups/greenlane": str(rig.folder / "backups"),
    }
    found = list(words)
    for old, new in places.items():
        found = [word.replace(old, new) for word in found]
    if found[0] in ("calibrate", "doctor", "explain", "outbox", "replay", "run") and "--config" not in found:
        found += ["--config", str(rig.lane)]
    if found[0] == "enrol":
        found[1] = code(rig, "station" if "--state" in found else "lane", capsys)
        found += [] if "--state" in found else ["--state", str(rig.folder / "lane")]
    if found[0] == "install":
        found += ["--root", str(rig.folder / "root")]
    if found[0] == "station":
        enrol_station(rig, capsys)
        found += ["--state", str(rig.folder / "station")]
    if found[0] == "restore" or found[1:2] == ["restore"]:
        found[-1] = str(next((rig.folder / "backups").glob("*.sqlite3")))
    return found


def code(rig: SystemRig, kind: str, capsys: pytest.CaptureFixture[str]) -> str:
    capsys.readouterr()
    place = ["--station", "S1", *(["--lane", "lane-1"] if kind == "lane" else [])]
    assert cli.main(["admin", "enrol", "--kind", kind, *place]) == 0
    return capsys.readouterr().out.split()[0]


def start_station(rig: SystemRig) -> None:
    """As `systemctl start greenlane-station` does, which is not a command of greenlane."""
    with Program("station", "--upstream", rig.service, "--state", str(rig.folder / "station")):
        pass


def enrol_station(rig: SystemRig, capsys: pytest.CaptureFixture[str]) -> None:
    state = rig.folder / "station"
    if not (state / "device.key").exists():
        words = ["enrol", code(rig, "station", capsys), "--service", rig.service, "--state", str(state)]
        assert cli.main(words) == 0


def _cards(rig: SystemRig) -> None:
    for words in (("card", "create", "C1001"), ("plate", "bind", "粤B12345", "C1001"), ("top-up", "C1001", "500")):
        assert cli.main(["admin", *words]) == 0


def _suspended(rig: SystemRig) -> None:
    """Fuellings 418 to 420 of dispenser-1, for which nobody was charged."""
    _cards(rig)
    world = World(Database(rig.database), clock=BooksClock(SystemClock().now()))
    pump = Pump("dispenser-1", sequence=417)
    for _ in range(3):
        world.send(Report(pump.fuelling(world.clock, 1_000, plate=None)))
    world.database.close()


def _lane(rig: SystemRig) -> None:
    """A visit that is recorded, and messages 12 and 13 that were refused for good."""
    _visit(rig)
    with StateFile(rig.folder / "lane" / STATE_FILE, ManualClock(START)) as state:
        outbox = Outbox(state, ManualClock(START))
        for number in range(1, 14):
            outbox.put("fuelling", f"dispenser-1/{number}", {"sequence": number})
        for number in (12, 13):
            outbox.park(number, "unknown_station", "S1")


def _visit(rig: SystemRig) -> None:
    traces = TraceStore(rig.folder / "lane/traces", ManualClock(START))
    green_visit(TraceRecorder(traces, InlineWorker[OSError | None](), encode_jpeg, 3, "reader"))


def _pictures(rig: SystemRig) -> None:
    """An enrolled lane with a visit to explain; a clip, a picture and a folder of pictures of the reader's own."""
    words = ["--service", rig.service, "--state", str(rig.folder / "lane"), "--config", str(rig.lane)]
    with redirect_stdout(io.StringIO()) as printed:
        assert cli.main(["admin", "enrol", "--kind", "lane", "--station", "S1", "--lane", "lane-1"]) == 0
    assert cli.main(["enrol", printed.getvalue().split()[0], *words]) == 0
    shutil.copy(bundled().clip, rig.folder / "myclip.mp4")
    (rig.folder / "folder").mkdir()
    video = cv2.VideoCapture(str(bundled().clip))
    _, image = video.read()
    video.release()
    for name in ("photo.jpg", "folder/one.jpg"):
        cv2.imwrite(str(rig.folder / name), image)
    _visit(rig)


GIVEN: dict[str, Callable[[SystemRig], None]] = {
    "README": _pictures,
    "money": _suspended,
    "operator": _lane,
    "payers": _cards,
    "station": _cards,
}
"""What a page takes for granted before its first command."""
