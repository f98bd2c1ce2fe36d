"""`greenlane run` with role = "entry", and `simulate --entry`: real pictures in, plates asked ahead over HTTP out."""

from __future__ import annotations

import logging
import socket
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import cv2
import pytest
import requests

from controller import settings as settings_file
from controller.errors import SettingsError
from controller.outbound.expected import HttpAheadLink
from greenlane.cli import main
from greenlane.entry_wiring import EntryUnit
from greenlane.simulation.cast import bundled
from service.app import create_app
from service.identity.guard import EMBEDDED
from service.server import running
from service.station.store import StationStore
from wire.live import ENTRANCE, LampState, LaneStatus

PLATE = "沪A8K526"
ENTRY = """[lane]
station = "S1"
name = "E1"
role = "entry"
[camera]
kind = "file"
source = "{clip}"
[service]
url = "{url}"
[trace]
state_dir = "{folder}"
"""


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first vehicle of the bundled clip, from before it comes until it stands."""
    path = tmp_path_factory.mktemp("clips") / "entrance.mp4"
    capture = cv2.VideoCapture(str(bundled().clip), cv2.CAP_FFMPEG)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 15, (1280, 720))
    for _ in range(15 * 8):
        ok, image = capture.read()
        assert ok
        writer.write(image)
    writer.release()
    capture.release()
    return path


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for_status(station: StationStore) -> LaneStatus:
    """What the station's page knows of the entrance, once it has heard of the plate."""
    deadline_s = time.monotonic() + 60
    while time.monotonic() < deadline_s:
        found = station.lanes.of("S1", "E1")
        if found is not None and found.status.asked_ahead:
            return found.status
        time.sleep(0.1)
    raise AssertionError("the station was not told of the plate within 60 s")


@pytest.mark.slow
def test_an_entry_camera_asks_ahead_and_needs_neither_lamp_nor_dispenser(
    clip: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    app = create_app(f"sqlite:///{tmp_path / 'books.sqlite3'}", guard=EMBEDDED)
    with running(app) as url:
        config = tmp_path / "lane.toml"
        config.write_text(ENTRY.format(clip=clip, url=url, folder=tmp_path / "state"), encoding="utf-8")
        settings = settings_file.load(config)
        port = free_port()
        listening = replace(settings.metrics, listen=f"127.0.0.1:{port}")
        patient = replace(settings, camera=replace(settings.camera, max_age_s=10.0), metrics=listening)
        with caplog.at_level(logging.INFO), EntryUnit(patient) as unit:
            assert unit.run() == 0
            told = wait_for_status(app.state.station)
            figures = requests.get(f"http://127.0.0.1:{port}/metrics", timeout=30).text
        assert (told.phase, told.lamp, told.asked_ahead) == (ENTRANCE, LampState.OFF, 1)
        assert "greenlane_entrance_asked_ahead_total 1.0" in figures
        assert "greenlane_entrance_heard 1.0" in figures
        with closing(HttpAheadLink(url, "S1", "L1")) as link:
            assert [one.plate for one in link.expected(0, 0.0, 5.0).plates] == [PLATE]
    assert "asks ahead for" in caplog.text
    assert PLATE not in caplog.text
    assert "1 plates asked ahead" in unit.runner.words


@pytest.mark.slow
def test_simulate_plays_the_entrance_first(clip: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["simulate", str(clip), "--entry", str(clip), "--card", f"{PLATE}=500"]) == 0
    out = capsys.readouterr().out
    assert f"entrance.mp4: 1 asked ahead: {PLATE}" in out
    assert "1 green" in out


def test_an_entry_camera_stands_at_no_pump() -> None:
    with pytest.raises(SettingsError, match="is not at a pump"):
        settings_file.parse('[lane]\nrole = "entry"\n[dispenser]\nkind = "simulated"\n')
    assert settings_file.parse('[lane]\nrole = "entry"\n').lane.role == "entry"
