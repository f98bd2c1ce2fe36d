"""Network cameras on loopback that are killed, frozen, restarted and protected."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from typing import Protocol

import pytest

from controller.clock import SystemClock
from controller.errors import CameraLost, SettingsError
from controller.ports import Camera
from controller.records import Frame
from hardware.cameras import CameraWishes, open_camera
from hardware.cameras.opencv import without_credentials
from tests.hardware.servers import made_s
from tests.hardware.servers.mjpeg import MjpegCamera
from tests.hardware.servers.rtsp_process import RtspCamera, free_port
from tests.standstill import Standstill


class Server(Protocol):
    url: str

    def start(self) -> None: ...
    def stop(self) -> None: ...
    def freeze(self, frozen: bool) -> None: ...


MAKERS: dict[str, Callable[[], MjpegCamera | RtspCamera]] = {"http": MjpegCamera, "rtsp": RtspCamera}


@pytest.fixture(params=["http", pytest.param("rtsp", marks=pytest.mark.slow)])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    with MAKERS[request.param]() as made:
        yield made


@pytest.fixture
def camera(server: Server) -> Iterator[Camera]:
    opened = open_camera(server.url.partition(":")[0], server.url, SystemClock(), CameraWishes(reconnect_longest_s=1.0))
    yield opened
    opened.close()


def read_until_lost(camera: Camera, within_s: float) -> tuple[list[Frame], float]:
    """The frames that still came, and how long it took until the loss was told."""
    frames = []
    with Standstill() as still:
        while still.took_s < within_s:
            try:
                frames.append(camera.read())
            except CameraLost:
                return frames, still.took_s
    raise AssertionError(f"no loss within {within_s} s")


def read_until_found(camera: Camera, within_s: float) -> Frame:
    with Standstill() as still:
        while True:
            try:
                return camera.read()
            except CameraLost:
                assert still.took_s < within_s, f"not found again within {within_s} s"


def test_frames_are_stamped_with_the_moment_of_capture(camera: Camera) -> None:
    """The first ones too, although the decoder hands out a backlog when a stream opens."""
    with Standstill() as still:
        frames = [camera.read() for _ in range(20)]
        late_s = [frame.captured_s - made_s(frame.image) for frame in frames]
        assert min(late_s) > -0.05
        assert max(late_s) < 0.3 + still.stood_s


def test_a_killed_server_is_told_at_once_and_found_again(server: Server, camera: Camera) -> None:
    camera.read()
    server.stop()
    _, took_s = read_until_lost(camera, within_s=5)
    assert took_s < 2.5
    server.start()
    with Standstill() as still:
        found = read_until_found(camera, within_s=8)
        assert found.captured_s - made_s(found.image) < 0.5 + still.stood_s


@pytest.mark.slow
def test_a_frozen_server_is_told_in_time_and_never_looks_fresh(server: Server, camera: Camera) -> None:
    for _ in range(20):
        camera.read()
    server.freeze(True)
    frozen_s = time.monotonic()
    frames, took_s = read_until_lost(camera, within_s=10)
    assert took_s < 3.0
    assert all(frame.captured_s < frozen_s + 0.2 for frame in frames)
    server.freeze(False)
    assert made_s(read_until_found(camera, within_s=10).image) > frozen_s + took_s - 0.5


@pytest.mark.slow
def test_a_reader_that_dawdles_sees_how_old_its_pictures_are() -> None:
    with RtspCamera() as server, open_camera("rtsp", server.url, SystemClock()) as camera:  # type: ignore[attr-defined]
        for _ in range(20):
            camera.read()
        time.sleep(2)
        with Standstill() as still:
            for _ in range(40):
                frame = camera.read()
                assert frame.captured_s - made_s(frame.image) < 0.4 + still.stood_s


def test_no_server_is_a_loss_with_a_remedy() -> None:
    camera = open_camera("rtsp", f"rtsp://127.0.0.1:{free_port()}/lane", SystemClock())
    with pytest.raises(CameraLost, match="check address"):
        camera.read()
    camera.close()


def test_a_page_that_is_no_stream_is_a_loss() -> None:
    with MjpegCamera() as server:
        camera = open_camera("http", server.url.replace("lane.mjpg", "nothing"), SystemClock())
        with pytest.raises(CameraLost):
            camera.read()
        camera.close()


@pytest.mark.parametrize("password", ["s3cret", pytest.param("wr0ng", id="wrong")])
@pytest.mark.slow
def test_credentials_work_and_are_told_to_nobody(
    password: str, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with RtspCamera("guard", "s3cret") as server:
        url = server.url.replace("rtsp://", f"rtsp://guard:{password}@")
        camera = open_camera("rtsp", url, SystemClock())
        output = camera.name
        if password == "s3cret":
            camera.read()
        else:
            with pytest.raises(CameraLost) as lost:
                camera.read()
            output += str(lost.value)
        camera.close()
    captured = capfd.readouterr()
    assert password not in output + caplog.text + captured.out + captured.err


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("rtsp://guard:s3cret@10.0.0.5:554/h264/ch1", "rtsp://10.0.0.5:554/h264/ch1"),
        ("rtsp://10.0.0.5/user=admin&password=s3cret&channel=1", "rtsp://10.0.0.5/user=***&password=***&channel=1"),
        ("http://10.0.0.5/video.cgi?user=admin&pwd=s3cret", "http://10.0.0.5/video.cgi"),
        ("rtsp://u:s3cret@[fd00::1]:554/a", "rtsp://[fd00::1]:554/a"),
        ("http://cam.lan", "http://cam.lan"),
    ],
)
def test_addresses_are_shown_without_secrets(url: str, shown: str) -> None:
    assert without_credentials(url) == shown
    assert open_camera(url.partition(":")[0], url, SystemClock()).name == shown


@pytest.mark.parametrize(("kind", "url"), [("rtsp", "http://u:s3cret@cam/a"), ("http", "/dev/video0"), ("http", "")])
def test_an_address_of_another_kind_is_refused(kind: str, url: str) -> None:
    with pytest.raises(SettingsError, match=f"should begin with {kind}") as refused:
        open_camera(kind, url, SystemClock())
    assert "s3cret" not in str(refused.value)
