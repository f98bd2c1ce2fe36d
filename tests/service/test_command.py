"""`greenlane service` as a process: it starts, answers, stops on SIGTERM; and says what it cannot do."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path

import pytest
import requests

from greenlane.cli import main
from greenlane.cli.service import AFTER
from service.books.settings import BookSettings
from service.server import ServerOptions, worker_app

COMMAND = [sys.executable, "-c", "import sys; from greenlane.cli import main; sys.exit(main())", "service"]


def test_the_process_serves_and_stops(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    database = f"sqlite:///{tmp_path}/service.sqlite3"
    process = subprocess.Popen(
        [*COMMAND, "--database", database, "--listen", f"127.0.0.1:{port}"], stderr=subprocess.PIPE, text=True
    )
    try:
        assert _healthy(f"http://127.0.0.1:{port}/healthz", process)
        process.send_signal(signal.SIGTERM)
        _, log = process.communicate(timeout=30)
    finally:
        process.kill()
    assert process.returncode in (0, -signal.SIGTERM)
    assert f"database {database}" in log
    assert "Running upgrade" in log
    assert "setup plugin" not in log, "of no use to who starts a service"


def _healthy(url: str, process: subprocess.Popen[str]) -> bool:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            return requests.get(url, timeout=30).status_code == 200
        except requests.ConnectionError:
            time.sleep(0.1)
    return False


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (("--listen", "8080"), "write HOST:PORT"),
        (("--listen", "h:99999"), "write HOST:PORT"),
        (("--database", "nonsense"), "not a database URL"),
        (("--database", "sqlite:////nowhere/x.sqlite3"), "No such file"),
        (("--workers", "2"), "several workers need PostgreSQL"),
        (("--owner-after", "1800"), "--next-payer-after 1800, --owner-after 1800, --overdue-after 259200: each"),
    ],
)
def test_errors_say_what_is_wrong(
    words: tuple[str, ...],
    part: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("GREENLANE_DATABASE", f"sqlite:///{tmp_path}/x.sqlite3")
    assert main(["service", *words]) == 1
    assert part in capsys.readouterr().err


@pytest.mark.parametrize(
    ("option", "number", "bounds"),
    [
        ("--workers", "0", "from 1 to 64"),
        ("--hold-life", "0", "from 1 to 86400"),
        ("--next-payer-after", "soon", "from 1 to 2678400"),
        ("--overdue-after", "2678401", "from 1 to 2678400"),
    ],
)
def test_a_number_out_of_bounds_is_wrong_usage_of_its_option(
    option: str, number: str, bounds: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(["service", option, number])
    assert f"argument {option}: '{number}': write a whole number {bounds}\n" in capsys.readouterr().err


def test_times_of_bills_are_the_services_options_and_reach_every_worker(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    given = {option.removeprefix("--").replace("-", "_") + "_s": default for option, default, _ in AFTER}
    assert given == {name: getattr(BookSettings(), name) for name in given}, "an option's default is the rules' own"
    served: list[ServerOptions] = []
    monkeypatch.setattr("service.server.serve", served.append)
    times = ("--next-payer-after", "60", "--owner-after", "120", "--overdue-after", "180", "--hold-life", "90")
    assert main(["service", "--database", f"sqlite:///{tmp_path}/x.sqlite3", *times]) == 0
    rules = served[0].rules
    assert (rules.next_payer_after_s, rules.owner_after_s, rules.overdue_after_s) == (60, 120, 180)
    monkeypatch.setenv("GREENLANE_SERVING", json.dumps(asdict(served[0])))
    worked: list[ServerOptions] = []
    monkeypatch.setattr("service.server._app", worked.append)
    worker_app()
    assert worked == served


@pytest.mark.parametrize("command", ["service", "station"])
def test_an_address_that_is_taken_is_one_line_before_anything_is_opened(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        own = ["--upstream", "http://127.0.0.1:9", "--state", str(tmp_path / "state")]
        words = ["--database", f"sqlite:///{tmp_path}/x.sqlite3"] if command == "service" else own
        assert main([command, "--listen", listen, *words]) == 1
    said = capsys.readouterr().err
    assert (
        said.strip().splitlines()[-1]
        == f"greenlane {command}: --listen {listen} is not available: Address already in use"
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_migrate_makes_the_schema_and_stops(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["service", "--database", f"sqlite:///{tmp_path}/new.sqlite3", "--migrate"]
    assert [main(words), main(words)] == [0, 0]
    assert "up to date" in capsys.readouterr().out
