"""Commands on a lane's state file that is damaged or holds odd rows: they say so, and take nothing from the lane."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from controller.outbound.statefile import damaged_copies
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
    settings = Settings()
    check = checks.check_outbox(replace(settings, trace=replace(settings.trace, state_dir=str(tmp_path))))
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
