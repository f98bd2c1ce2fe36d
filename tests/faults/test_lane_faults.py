"""The lane unit as a process while its camera and its service fail: red, told once, well again by itself."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.controller.hostile import Connection, serving
from tests.faults.live_lane import LiveLane
from tests.faults.street_camera import StreetCamera
from tests.hardware.servers.rtsp_process import RtspCamera
from wire.codec import decode, encode
from wire.questions import Decision, Question
from wire.reasons import Reason, Verdict

pytestmark = pytest.mark.faults

READY = r"can be trusted"


class Moods:
    """A balance service whose next answers follow its mood."""

    def __init__(self, mood: str = "well") -> None:
        self.mood = mood
        self.granted = 0

    def __call__(self, connection: Connection) -> None:
        while (request := connection.request()) is not None:
            getattr(self, self.mood)(connection, request)
            if self.mood != "well":
                return

    def well(self, connection: Connection, request: tuple[str, str, dict[str, str], bytes]) -> None:
        _, path, _, body = request
        if path != "/v1/authorisations":
            connection.answer(b"", "204 No Content")
            return
        question = decode(Question, json.loads(body))
        self.granted += 1
        connection.answer(encode(self.decision(question)))

    def decision(self, question: Question) -> Decision:
        return Decision(
            visit=question.visit,
            plate=question.plate,
            decision=Verdict.ALLOW,
            reason=Reason.OK,
            authorisation=f"auth-{self.granted}",
            limit_fen=20_000,
            expires_at=datetime.now(UTC) + timedelta(seconds=120),
        )

    def hangs(self, connection: Connection, request: object) -> None:
        connection.stop.wait(30)

    def breaks(self, connection: Connection, request: object) -> None:
        connection.answer({"detail": "oops"}, "500 Internal Server Error")

    def cuts(self, connection: Connection, request: object) -> None:
        connection.send(b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 900\r\n\r\n{"visit": ')

    def babbles(self, connection: Connection, request: object) -> None:
        connection.answer({"decision": "allow", "plate": "everything"})

    def closes(self, connection: Connection, request: object) -> None:
        return


@contextmanager
def lane(tmp_path: Path, moods: Moods, street_camera: StreetCamera) -> Iterator[LiveLane]:
    with serving(moods) as server, LiveLane(tmp_path, "http", street_camera.url, server.url) as unit:
        unit.wait_for(READY)
        yield unit


@pytest.fixture
def street_camera() -> Iterator[StreetCamera]:
    with StreetCamera() as made:
        yield made


@pytest.mark.parametrize(
    ("mood", "reason"),
    [
        ("hangs", "service_silent"),
        ("breaks", "service_fault"),
        ("cuts", "service_fault|service_silent"),
        ("babbles", "service_fault"),
        ("closes", "service_silent|service_fault"),
    ],
)
def test_a_service_that_fails_is_red_and_green_when_it_is_well(
    mood: str, reason: str, tmp_path: Path, street_camera: StreetCamera
) -> None:
    moods = Moods(mood)
    with lane(tmp_path, moods, street_camera) as unit:
        street_camera.occupied()
        unit.wait_for(rf"no usable answer, ({reason})")
        assert "green" not in unit.lamps()
        moods.mood = "well"
        unit.wait_for(r"lamp green: ok")
        assert unit.count("no usable answer") == 1
        assert street_camera.plate not in unit.log


def test_a_camera_that_is_cut_off_is_red_and_green_when_it_is_back(tmp_path: Path, street_camera: StreetCamera) -> None:
    moods = Moods()
    with lane(tmp_path, moods, street_camera) as unit:
        street_camera.occupied()
        unit.wait_for(r"lamp green: ok")
        for _ in range(2):
            mark = unit.mark()
            street_camera.stop()
            unit.wait_for(r"lamp red: camera_(lost|stale)", mark, 15.0)
            street_camera.start()
            unit.wait_for(r"lamp green: ok", mark)
            assert unit.count("camera lost:", mark) <= 1
            assert unit.count("no picture of the lane can be trusted", mark) == 1
        assert moods.granted == 1, "the vehicle never left: one authorisation is enough"
        mark = unit.mark()
        street_camera.empty()
        unit.wait_for(r"lamp off", mark)


def test_told_to_stop_under_green_it_ends_at_red_with_status_0(tmp_path: Path, street_camera: StreetCamera) -> None:
    with lane(tmp_path, Moods(), street_camera) as unit:
        street_camera.occupied()
        unit.wait_for(r"lamp green: ok")
        assert unit.stop(signal.SIGTERM) == 0
        assert unit.lamps()[-1] == "red"


def test_an_rtsp_camera_killed_frozen_and_restarted_needs_no_restart(tmp_path: Path) -> None:
    with (
        RtspCamera() as camera,
        serving(Moods()) as server,
        LiveLane(tmp_path, "rtsp", camera.url, server.url) as unit,
    ):
        unit.wait_for(r"lamp off")
        mark = unit.mark()
        camera.stop()
        unit.wait_for(r"lamp red: camera_(lost|stale)", mark, 15.0)
        mark = unit.mark()
        camera.start()
        unit.wait_for(r"lamp off", mark)
        mark = unit.mark()
        camera.freeze(True)
        unit.wait_for(r"lamp red: camera_(lost|stale)", mark, 15.0)
        mark = unit.mark()
        camera.freeze(False)
        unit.wait_for(r"lamp off", mark)
        assert unit.stop() == 0


def test_without_any_camera_or_service_it_waits_at_red(tmp_path: Path) -> None:
    with LiveLane(tmp_path, "rtsp", "rtsp://127.0.0.1:9/none", "http://127.0.0.1:9") as unit:
        unit.wait_for(r"camera lost")
        assert unit.process.poll() is None
        assert set(unit.lamps()) <= {"red"}
        assert unit.stop() == 0


def test_a_lane_that_cannot_keep_its_books_does_not_start(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("no folder", encoding="utf-8")
    with LiveLane(tmp_path, "fake", "noise", "http://127.0.0.1:9") as unit:
        assert unit.process.wait(60) == 1
        assert "green" not in unit.lamps()
