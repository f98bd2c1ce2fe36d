"""An HTTP camera on loopback: motion JPEG that can be frozen, cut and brought back."""

from __future__ import annotations

import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

import cv2

from tests.hardware.servers import stamped_picture

PAUSE_S = 0.04


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        self.server.paths.append(self.path)
        if self.path == "/nothing":
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=picture")
        self.end_headers()
        try:
            while not self.server.down.is_set():
                self._send_picture()
                time.sleep(PAUSE_S)
        except OSError:
            return

    def _send_picture(self) -> None:
        while self.server.frozen.is_set() and not self.server.down.is_set():
            time.sleep(0.01)
        jpeg = cv2.imencode(".jpg", stamped_picture(time.monotonic()))[1].tobytes()
        self.wfile.write(b"--picture\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n" % len(jpeg))
        self.wfile.write(jpeg + b"\r\n")

    def log_message(self, format: str, *args: Any) -> None:
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, port: int) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.down, self.frozen = threading.Event(), threading.Event()
        self.paths: list[str] = []


class MjpegCamera:
    """start() and stop() keep the port; freeze() holds pictures back while connections stay open."""

    def __init__(self) -> None:
        self.port = 0
        self._server: _Server | None = None
        self.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/lane.mjpg"

    def start(self) -> None:
        self._server = _Server(self.port)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self) -> None:
        server, self._server = self._server, None
        if server is not None:
            server.down.set()
            server.shutdown()
            server.server_close()

    def freeze(self, frozen: bool) -> None:
        assert self._server is not None
        if frozen:
            self._server.frozen.set()
        else:
            self._server.frozen.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()
