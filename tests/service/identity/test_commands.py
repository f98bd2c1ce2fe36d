"""`greenlane enrol` and the admin commands for devices and people, as typed."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import socket
import threading
import time
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest
import requests

from controller.outbound.key_pair import KeyPair
from greenlane.cli import main
from service.app import create_app
from service.identity.guard import Guard
from service.server import running
from tests.service.identity.kit import CHEAP
from tests.service.new_books import put_new_books
from tests.standstill import Standstill

PASSWORD = "correct horse battery"


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    url = put_new_books(tmp_path / "books.sqlite3")
    monkeypatch.setenv("GREENLANE_DATABASE", url)
    assert main(["admin", "station", "set", "S1"]) == 0
    return url


@pytest.fixture
def service(database: str) -> Iterator[str]:
    with running(create_app(database, guard=Guard(hasher=CHEAP))) as url:
        yield url


def code(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    capsys.readouterr()
    assert main(["admin", "enrol", "--kind", "lane", "--station", "S1", "--lane", "L1", "--json", *words]) == 0
    return str(json.loads(capsys.readouterr().out)["code"])


def devices(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    capsys.readouterr()
    assert main(["admin", "device", "list", "--json"]) == 0
    return list(json.loads(capsys.readouterr().out))


def enrol(service: str, key: Path, *words: str) -> int:
    return main(["enrol", *words, "--service", service, "--key", str(key)])


def test_enrol_rotate_revoke(service: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    key, config = tmp_path / "device.key", tmp_path / "lane.toml"
    assert enrol(service, key, code(capsys), "--config", str(config)) == 0
    first = KeyPair.load(key).key_id
    assert "lane d-" in capsys.readouterr().out
    assert [line for line in config.read_text().splitlines() if line.startswith(("station", 'name = "L1', "key_file"))]
    capsys.readouterr()
    assert enrol(service, key, "--rotate") == 0
    assert "no lane.toml" not in capsys.readouterr().out, "the file that has the key has it still"
    assert KeyPair.load(key).key_id != first
    assert not key.with_name("device.key.next").exists()
    device = devices(capsys)[0]
    assert len(device["keys"]) == 2  # type: ignore[arg-type]
    assert main(["admin", "device", "revoke", str(device["id"])]) == 0
    assert enrol(service, key, "--rotate") == 1
    assert "revoked" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize(
    ("place", "rest"),
    [
        (("--kind", "lane", "--station", "S1", "--lane", "L1"), "--config /etc/greenlane/lane.toml"),
        (("--kind", "station", "--station", "S1"), "--state /var/lib/greenlane-station"),
    ],
)
def test_the_command_that_is_told_is_the_whole_one(
    database: str, place: tuple[str, ...], rest: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A lane unit that enrols without --config makes a key that its lane.toml does not know."""
    assert main(["admin", "enrol", *place]) == 0
    assert capsys.readouterr().out.rstrip().endswith(f"--service URL {rest}")


def test_a_panel_takes_its_code_in_its_browser(database: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["admin", "enrol", "--kind", "panel", "--station", "S1", "--lane", "L1"]) == 0
    code, how = capsys.readouterr().out.rstrip().split("\n")
    assert how.endswith(f"or open URL/panel#{code}")


@pytest.mark.sample(3)
@pytest.mark.parametrize("lane", ["L\n1", "x" * 41, "L\u202e1", "..", "L/8?a", ""])
def test_a_lane_that_no_address_could_name_is_refused(
    database: str, lane: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["admin", "enrol", "--kind", "lane", "--station", "S1", "--lane", lane]) == 1
    assert capsys.readouterr().err.count("\n") == 1


def test_a_key_goes_where_the_lane_keeps_its_state(
    service: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "lane.toml"
    config.write_text(f'[trace]\nstate_dir = "{tmp_path / "state"}"\n', encoding="utf-8")
    assert main(["enrol", code(capsys), "--service", service, "--config", str(config)]) == 0
    assert (tmp_path / "state" / "device.key").exists()
    assert f'key_file = "{tmp_path / "state" / "device.key"}"' in config.read_text(encoding="utf-8")


@pytest.mark.slow
def test_a_lane_that_wrote_no_settings_is_told_so(
    service: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert enrol(service, tmp_path / "device.key", code(capsys)) == 0
    assert "no lane.toml" in capsys.readouterr().out


@pytest.mark.slow
def test_a_lost_answer_is_mended_by_the_same_command(
    service: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    key, given = tmp_path / "device.key", code(capsys)
    real = requests.Session.send

    def lost(self: requests.Session, request: requests.PreparedRequest, **kwargs: object) -> requests.Response:
        real(self, request, **kwargs)  # type: ignore[arg-type]
        raise requests.ConnectionError("cut")

    with monkeypatch.context() as patch:
        patch.setattr(requests.Session, "send", lost)
        assert enrol(service, key, given) == 1
    assert not key.exists()
    assert enrol(service, key, given) == 0
    assert len(devices(capsys)) == 1


def station_code(capsys: pytest.CaptureFixture[str]) -> str:
    capsys.readouterr()
    assert main(["admin", "enrol", "--kind", "station", "--station", "S1", "--json"]) == 0
    return str(json.loads(capsys.readouterr().out)["code"])


def test_what_a_link_beside_the_key_leads_to_stays_whose_it_is(
    service: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Root writes into a folder of somebody else, who may have put a link there."""
    kept, link = tmp_path / "kept.json", tmp_path / "enrolment.json"
    kept.write_text("older")
    link.symlink_to(kept)
    given: list[tuple[Path, bool]] = []
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr("os.fchown", lambda *_: None)
    monkeypatch.setattr("os.chown", lambda path, *_, follow_symlinks=True: given.append((path, follow_symlinks)))
    assert enrol(service, tmp_path / "device.key", station_code(capsys)) == 0
    assert link.is_symlink()
    assert json.loads(kept.read_text())["station"] == "S1"
    assert (link, False) in given
    assert not [path for path, follows in given if follows]


def test_an_enrolment_that_cannot_be_kept_is_mended_by_the_same_command(
    service: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    key, given, there = tmp_path / "device.key", station_code(capsys), tmp_path / "enrolment.json"
    os.mkfifo(there)
    assert enrol(service, key, given) == 1
    assert "enrolment.json: not a regular file" in capsys.readouterr().err
    assert not key.exists()
    there.unlink()
    assert enrol(service, key, given) == 0
    assert json.loads(there.read_text())["station"] == "S1"
    assert sorted(path.name for path in tmp_path.iterdir() if "key" in path.name) == ["device.key"]


@pytest.mark.parametrize("spoilt", ["[lane", "[vote]\nreads = 400\n", ""])
def test_settings_that_cannot_be_written_are_mended_by_the_same_command(
    service: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    spoilt: str | None,
) -> None:
    """The code had served, the key was in place, and nothing told the lane unit where its service is."""
    key, given, settings = tmp_path / "device.key", code(capsys), tmp_path / "lane.toml"
    settings.write_text(spoilt or "[lane]\n")
    with monkeypatch.context() as full:
        if not spoilt:
            full.setattr("controller.settings.replace_regular", full_disk)
        assert enrol(service, key, given, "--config", str(settings)) == 1
    assert f"greenlane enrol: {settings}" in capsys.readouterr().err
    assert settings.read_text() == (spoilt or "[lane]\n")
    assert not key.exists()
    settings.write_text("[lane]\n")
    assert enrol(service, key, given, "--config", str(settings)) == 0
    assert f'key_file = "{key}"' in settings.read_text()
    assert len(devices(capsys)) == 1


def full_disk(*_: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_what_goes_wrong_is_said(service: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    key = tmp_path / "device.key"
    for words, said in (
        ((), "either the one-time code or --rotate"),
        (("0000-0000-0000", "--rotate"), "either the one-time code or --rotate"),
        (("0000-0000-0000",), "wrong, used or expired"),
        (("--rotate",), "greenlane enrol"),
    ):
        assert enrol(service, key, *words) == 1
        assert said in capsys.readouterr().err
    assert enrol("http://127.0.0.1:9", key, "0000-0000-0000") == 1
    assert "cannot be reached" in capsys.readouterr().err
    assert enrol("ftp://x", key, "0000-0000-0000") == 1
    assert "write http" in capsys.readouterr().err
    assert enrol(f"{service}/nowhere", key, "0000-0000-0000") == 1
    assert "refused" in capsys.readouterr().err
    key.write_text("mine")
    assert enrol(service, key, "0000-0000-0000") == 1
    assert "there is a key already" in capsys.readouterr().err
    assert key.read_text() == "mine"


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n" + b'"' + b"x" * 70_000, "longer than 64 KB"),
        (b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n" + b"[" * 60_000, "answered 200, not as a"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}", "cut"),
        (b"no HTTP\r\n\r\n", "no HTTP"),
    ],
)
def test_an_answer_that_never_ends_or_is_none_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], answer: bytes, said: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        stranger = threading.Thread(target=answer_once, args=(server, answer))
        stranger.start()
        assert enrol(f"http://127.0.0.1:{server.getsockname()[1]}", tmp_path / "device.key", "0000-0000-0000") == 1
        stranger.join()
    err = capsys.readouterr().err
    assert said in err
    assert err.count("\n") == 1


def test_an_answer_that_trickles_ends_in_time(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("greenlane.cli.enrol.TIMEOUT_S", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as server:
        stranger = threading.Thread(target=answer_once, args=(server, b"HTTP/1.1 200 OK\r\n\r\n" + b" " * 40, 0.1))
        stranger.start()
        with Standstill() as still:
            assert enrol(f"http://127.0.0.1:{server.getsockname()[1]}", tmp_path / "device.key", "0000-0000-0000") == 1
            assert still.took_s < 3.0
        stranger.join()
    assert "cannot be reached" in capsys.readouterr().err


def answer_once(server: socket.socket, answer: bytes, pause_s: float = 0.0) -> None:
    """A stranger: whatever is said, this is the answer, a byte at a time where there are pauses."""
    heard, _ = server.accept()
    with heard, contextlib.suppress(OSError):
        for part in [answer] if not pause_s else [answer[i : i + 1] for i in range(len(answer))]:
            heard.sendall(part)
            time.sleep(pause_s)
        heard.shutdown(socket.SHUT_WR)
        while heard.recv(65_536):  # closed with something unread, a connection is reset, and the answer may be lost
            pass


def test_places(database: str, capsys: pytest.CaptureFixture[str]) -> None:
    for words, said in (
        (["--kind", "lane", "--station", "S1"], "belongs to a lane"),
        (["--kind", "station", "--station", "S1", "--lane", "L1"], "belongs to a lane"),
        (["--kind", "station", "--station", "S9"], "no station S9; `station set` makes one"),
    ):
        assert main(["admin", "enrol", *words]) == 1
        assert said in capsys.readouterr().err


@pytest.mark.slow
def test_people(database: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def say(*words: str, typed: str = "") -> int:
        monkeypatch.setattr("sys.stdin", StringIO(typed))
        return main(["admin", *words])

    assert say("person", "add", "wang", "--role", "attendant", "--station", "S1", typed=f"{PASSWORD}\n") == 0
    assert say("person", "add", "li", "--role", "operator", typed="short\n") == 1
    assert say("person", "role", "wang", "operator") == 0
    assert say("person", "password", "wang", typed="another fine sentence\n") == 0
    assert say("person", "disable", "wang") == 0
    assert say("person", "enable", "wang") == 0
    assert say("person", "disable", "zhao") == 1
    capsys.readouterr()
    assert say("person", "list", "--json") == 0
    assert json.loads(capsys.readouterr().out) == [
        {"name": "wang", "role": "operator", "station": "S1", "disabled": False}
    ]
    assert say("trail", "--subject", "wang", "--json") == 0
    said = capsys.readouterr().out
    assert [deed["action"] for deed in json.loads(said)] == [
        "person.enable",
        "person.disable",
        "person.password",
        "person.role",
        "person.add",
    ]
    assert PASSWORD not in said
