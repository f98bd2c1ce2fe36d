"""Commands on a lane's state file that is damaged or holds odd rows: they say so, and take nothing from the lane."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from controller.checks import Check
from controller.clock import ManualClock
from controller.outbound.outbox import Outbox
from controller.outbound.rescue import damaged_copies
from controller.outbound.statefile import StateFile
from controller.settings_records import Settings
from greenlane import cli
from greenlane.cli.doctor import checks
from greenlane.wiring import STATE_FILE
from tests.controller.fuelling.test_open_fuelling import Pump

COMMANDS = (
    "outbox list",
    "outbox list --json",
    "outbox trail",
    "outbox retry 1 --why mended",
    "outbox discard 1 --why posted",
    "explain --parked",
    "explain --retry 1",
    "explain --discard 1 --why posted",
)
DAMAGED = "the state file is damaged; start the lane, which rescues what it can"


def run(folder: Path, command: str) -> int:
    words = command.split()
    place = ["--state", str(folder)] if words[0] == "outbox" else ["--traces", str(folder / "traces")]
    return cli.main([*words, *place])


def doctor(folder: Path) -> Check:
    settings = Settings()
    return checks.check_outbox(replace(settings, trace=replace(settings.trace, state_dir=str(folder))))


def fill(path: Path) -> None:
    """400 messages, the first of them parked, and a dispenser whose fuelling of 3 litres was interrupted."""
    pump = Pump(path)
    with pump.state.transaction():
        for number in range(400):
            pump.outbox.put("other", str(number), {"note": "x" * 40})
    pump.outbox.park(1, "impossible_fuelling", "it ends before it starts")
    pump.lift()
    pump.flow(3, 5)
    pump.meter.suspend()
    pump.state.close()


def spoil_an_index(path: Path) -> None:
    with closing(sqlite3.connect(path)) as raw:
        raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (page,) = raw.execute("SELECT rootpage FROM sqlite_master WHERE name = 'message_by_state'").fetchone()
        (size,) = raw.execute("PRAGMA page_size").fetchone()
    with path.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xa5" * size)


def test_no_command_takes_a_damaged_file_from_the_lane(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """They know the outbox alone: replacing the file, they would leave the lane without its interrupted fuelling."""
    path = tmp_path / STATE_FILE
    fill(path)
    spoil_an_index(path)
    content = path.read_bytes()
    for command in COMMANDS:
        assert run(tmp_path, command) == 1, command
        assert DAMAGED in capsys.readouterr().err, command
    check = doctor(tmp_path)
    assert (check.verdict, DAMAGED in check.found) == (checks.FAIL, True)
    assert damaged_copies(path) == []
    assert path.read_bytes() == content
    pump = Pump(path)
    assert [f.volume_ml for f in pump.reported] == [3000]
    assert pump.journal.load().totaliser.total_ml == 3000
    assert (len(pump.outbox.waiting()), len(pump.outbox.parked())) == (400, 1)
    pump.state.close()


@pytest.mark.parametrize("content", [b"hello, no database at all " * 300, bytes(9000), b""])
def test_what_is_no_database_is_no_empty_outbox(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes
) -> None:
    path = tmp_path / STATE_FILE
    path.write_bytes(content)
    for command in ("outbox trail", "outbox list", "explain --parked"):
        assert run(tmp_path, command) == 1, command
        printed = capsys.readouterr()
        assert (printed.out, "the state file is" in printed.err) == ("", True), command
    assert path.read_bytes() == content


@pytest.fixture
def odd(tmp_path: Path) -> Iterator[StateFile]:
    """A parked message, and another that somebody sent again; tests make their rows odd."""
    clock = ManualClock()
    with StateFile(tmp_path / STATE_FILE, clock) as state:
        outbox = Outbox(state, clock)
        for number in (1, 2):
            outbox.put("fuelling", f"d1/{number}", {})
            outbox.park(number, "internal", "mended later")
        outbox.retry(2, "li", "mended")
        yield state


@pytest.mark.parametrize(
    ("change", "command", "said"),
    [
        (
            "UPDATE message_action SET at = 'nonsense'",
            "outbox trail",
            "row 1 of the outbox: at is not a time: 'nonsense'",
        ),
        (
            "UPDATE message SET queued_at = x'00'",
            "outbox list",
            "row 2 of the outbox: queued_at is not a time: b'\\x00'",
        ),
        (
            "UPDATE message SET settled_at = 'soon'",
            "explain --parked",
            "row 1 of the outbox: settled_at is not a time: 'soon'",
        ),
    ],
)
def test_a_time_that_is_none_is_told(
    tmp_path: Path,
    odd: StateFile,
    capsys: pytest.CaptureFixture[str],
    change: str,
    command: str,
    said: str,
) -> None:
    odd.rows(change)
    assert run(tmp_path, command) == 1
    assert said in capsys.readouterr().err


def test_a_body_of_another_shape_is_shown_as_it_is(
    tmp_path: Path, odd: StateFile, capsys: pytest.CaptureFixture[str]
) -> None:
    odd.rows("UPDATE message SET body = '[1, 2]'")
    assert run(tmp_path, "outbox list --json") == 0
    document = json.loads(capsys.readouterr().out)
    assert [m["body"] for m in (*document["waiting"], *document["parked"])] == [[1, 2], [1, 2]]


def test_what_others_wrote_cannot_steer_the_terminal(
    tmp_path: Path, odd: StateFile, capsys: pytest.CaptureFixture[str]
) -> None:
    odd.rows("UPDATE message SET last_error = 'a' || char(27) || '[2J' || char(10) || 'b', reason = 'c' || char(155)")
    odd.rows("UPDATE message SET key = key || char(13)")
    odd.rows("UPDATE message_action SET who = 'l' || char(8), why = char(8238) || 'w'")
    for command in ("outbox list", "outbox trail", "explain --parked"):
        assert run(tmp_path, command) == 0
    check = doctor(tmp_path)
    assert check.advice.isprintable()
    out = capsys.readouterr().out
    assert all(line.isprintable() for line in out.split("\n"))
    for piece in (r"c\x9b (a\x1b[2J\nb)", r"d1/1\r", r"l\x08  sent again", r"\u202ew"):
        assert piece in out


@pytest.mark.parametrize("why", ["", "  ", "x" * 1001, "two\nlines", "\x1b[2J"])
@pytest.mark.parametrize("option", ["--why", "--who"])
def test_a_reason_and_a_name_are_short_and_printable(
    tmp_path: Path, odd: StateFile, capsys: pytest.CaptureFixture[str], option: str, why: str
) -> None:
    texts = {"--why": "mended", "--who": "li"} | {option: why}
    words = [word for pair in texts.items() for word in pair]
    for action in ("retry", "discard"):
        assert cli.main(["outbox", action, "1", *words, "--state", str(tmp_path)]) == 1
        assert f"{option}: write 1 to 1000 printable characters" in capsys.readouterr().err
        assert cli.main(["explain", f"--{action}", "1", *words, "--traces", str(tmp_path / "traces")]) == 1
    assert len(Outbox(odd, ManualClock()).parked()) == 1
