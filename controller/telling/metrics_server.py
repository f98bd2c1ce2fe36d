"""Serves /metrics and /healthz of a lane unit or station on an address of the operator's choice."""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self

from controller.errors import SettingsError
from controller.telling.metrics import CONTENT_TYPE

log = logging.getLogger(__name__)

REQUEST_TIMEOUT_S = 5.0


class MetricsServer:
    """Listens from construction to close(). Its threads are daemons and touch nothing but the two functions given.

    text: the exposition. problem: what is wrong now, in words, or None; then /healthz answers 503.
    Raises SettingsError when the address cannot be listened on.
    """

    def __init__(self, host: str, port: int, text: Callable[[], str], problem: Callable[[], str | None]) -> None:
        pages = {"/metrics": lambda: (200, text()), "/healthz": lambda: _health(problem())}
        try:
            self._server = _Server((host, port), pages)
        except OSError as error:
            raise SettingsError(f"metrics address {host}:{port}: {error.strerror}") from error
        self.port = int(self._server.server_address[1])
        self._thread = threading.Thread(target=self._server.serve_forever, name="metrics", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Idempotent."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


Pages = dict[str, Callable[[], tuple[int, str]]]


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address: tuple[str, int], pages: Pages) -> None:
        self.pages = pages
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        super().__init__(address, _Handler)

    def handle_error(self, request: object, client_address: object) -> None:
        log.debug("metrics: %s went away", client_address)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = REQUEST_TIMEOUT_S
    server_version = "greenlane"
    sys_version = ""

    def do_GET(self) -> None:
        page = self.server.pages.get(self.path.partition("?")[0])
        try:
            status, text = (404, "there are /metrics and /healthz\n") if page is None else page()
        except Exception:
            log.exception("metrics")
            status, text = 500, "internal error\n"
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", CONTENT_TYPE)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """A scrape every few seconds is not news."""


def _health(problem: str | None) -> tuple[int, str]:
    return (200, "ok\n") if problem is None else (503, problem + "\n")
