"""A street camera on loopback: motion JPEG of a lane that is empty or has a vehicle with a drawn plate in it."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

import cv2
import numpy as np
from numpy.typing import NDArray

from models.training.drawing.plates import draw_plate

WIDTH, HEIGHT = 960, 540
PAUSE_S = 0.07
VARIANTS = 6
"""Pictures of each scene with noise of their own, so that no two in a row are the same."""

Picture = NDArray[np.uint8]


def ground(rng: np.random.Generator) -> Picture:
    texture = np.random.default_rng(5).normal(100, 16, (HEIGHT // 12, WIDTH // 12)).astype(np.float32)
    grey = cv2.resize(texture, (WIDTH, HEIGHT)) + rng.normal(0, 3, (HEIGHT, WIDTH))
    return np.repeat(np.clip(grey, 0, 255).astype(np.uint8)[..., None], 3, axis=2)


def vehicle(rng: np.random.Generator, plate: Picture) -> Picture:
    """A dark front with windscreen, lights and the plate, 200 px wide."""
    picture = ground(rng)
    cv2.rectangle(picture, (210, 90), (750, 500), (70, 60, 55), -1)
    cv2.rectangle(picture, (270, 110), (690, 240), (120, 110, 100), -1)
    for left in (230, 650):
        cv2.rectangle(picture, (left, 300), (left + 80, 350), (200, 210, 215), -1)
    for row in range(290, 370, 16):
        cv2.line(picture, (330, row), (630, row), (35, 35, 35), 6)
    height = round(200 * plate.shape[0] / plate.shape[1])
    picture[410 : 410 + height, 380:580] = cv2.resize(plate, (200, height), interpolation=cv2.INTER_AREA)
    noisy = picture.astype(np.float32) + rng.normal(0, 3, picture.shape)
    return cv2.GaussianBlur(np.clip(noisy, 0, 255).astype(np.uint8), (3, 3), 0.7)


class StreetCamera:
    """The server. plate: what the vehicle carries. empty() and occupied() change what it shows from now on."""

    def __init__(self, seed: int = 4) -> None:
        rng = np.random.default_rng(seed)
        drawn = draw_plate(rng, "blue")
        self.plate: str = drawn.text
        self._empty = [as_jpeg(ground(rng)) for _ in range(VARIANTS)]
        self._occupied = [as_jpeg(vehicle(rng, drawn.image)) for _ in range(VARIANTS)]
        self._shown: Sequence[bytes] = self._empty
        self._turn = 0
        self.port = 0
        self._server: _Server | None = None
        self.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/lane.mjpg"

    def empty(self) -> None:
        self.show(self._empty)

    def occupied(self) -> None:
        self.show(self._occupied)

    def show(self, jpegs: Sequence[bytes]) -> None:
        """These pictures, in turn, from now on."""
        self._shown = jpegs

    def next_jpeg(self) -> bytes:
        self._turn += 1
        shown = self._shown
        return shown[self._turn % len(shown)]

    def start(self) -> None:
        self._server = _Server(self.port, self)
        self.port = int(self._server.server_address[1])
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self) -> None:
        server, self._server = self._server, None
        if server is not None:
            server.down.set()
            server.shutdown()
            server.server_close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, port: int, street_camera: StreetCamera) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.street_camera = street_camera
        self.down = threading.Event()


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=picture")
        self.end_headers()
        try:
            while not self.server.down.is_set():
                jpeg = self.server.street_camera.next_jpeg()
                self.wfile.write(b"--picture\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n" % len(jpeg))
                self.wfile.write(jpeg + b"\r\n")
                time.sleep(PAUSE_S)
        except OSError:
            return

    def log_message(self, format: str, *args: Any) -> None:
        pass


def as_jpeg(picture: Picture) -> bytes:
    return bytes(cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 92])[1])
