"""A line between station and server that a test can cut: a small proxy, on loopback where nothing else is said."""

from __future__ import annotations

import enum
import socket
import threading
import time
from contextlib import suppress


class Fault(enum.Enum):
    """What happens to what is said over the cable. HALF: answers are cut in their middle. LATE: by LATE_S."""

    NONE = "none"
    REFUSED = "refused"
    SILENT = "silent"
    HALF = "half"
    LOST_ANSWER = "lost answer"
    ERROR = "error"
    OWN_500 = "the server's own error"
    OWN_503 = "the server's own, away"
    OWN_NEW = "the server's own, with a code of a later version"
    PLAIN_500 = "somebody's error"
    REDIRECT = "redirect"
    NONSENSE = "nonsense"
    LATE = "late"
    TWICE = "twice"


LATE_S = 4.0
"""Longer than a station waits for a decision."""
WHOLE_AFTER_S = 0.05


def _own(status: str, code: str) -> bytes:
    body = b'{"code":"%s","detail":"words"}' % code.encode()
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\nConnection: close"
    return head.encode() + b"\r\n\r\n" + body


ANSWERS = {
    Fault.OWN_500: _own("500 Internal Server Error", "internal"),
    Fault.OWN_503: _own("503 Service Unavailable", "unavailable"),
    Fault.OWN_NEW: _own("422 Unprocessable Content", "moon_phase"),
    Fault.PLAIN_500: b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 21\r\nConnection: close\r\n\r\n"
    b"Internal Server Error",
    Fault.REDIRECT: b"HTTP/1.1 302 Found\r\nLocation: /portal\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
    Fault.ERROR: b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 3\r\nConnection: close\r\n\r\nbad",
    Fault.NONSENSE: b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 3\r\nConnection: close\r\n\r\n<p>",
}


class Cable:
    """Listens on `url` and passes on to a port; `fault` may be changed at any time, which ends all connections.

    listen: address and port of its own. host: the address whose port it leads to.
    """

    def __init__(self, port: int, listen: tuple[str, int] = ("127.0.0.1", 0), host: str = "127.0.0.1") -> None:
        self._target = port
        self._host = host
        self._fault = Fault.NONE
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._listener = socket.create_server(listen, backlog=128)
        self.host = f"{listen[0]}:{self._listener.getsockname()[1]}"
        self.url = f"http://{self.host}"
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def fault(self) -> Fault:
        return self._fault

    @fault.setter
    def fault(self, fault: Fault) -> None:
        self._fault = fault
        with self._lock:
            ends, self._open = self._open, set()
        for end in ends:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def plug_into(self, port: int) -> None:
        """Lead to another port from now on."""
        self._target = port
        self.fault = self._fault

    def close(self) -> None:
        self.fault = Fault.REFUSED
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            if self._fault is Fault.REFUSED:
                near.close()
                continue
            threading.Thread(target=self._serve, args=(near, self._fault), daemon=True).start()

    def _serve(self, near: socket.socket, fault: Fault) -> None:
        with self._lock:
            self._open.add(near)
        with suppress(OSError), near:
            if fault in ANSWERS:
                near.recv(65536)
                near.sendall(ANSWERS[fault])
            elif fault is Fault.SILENT:
                while near.recv(65536):
                    pass
            else:
                self._connect(near, fault)

    def _connect(self, near: socket.socket, fault: Fault) -> None:
        with socket.create_connection((self._host, self._target)) as far:
            with self._lock:
                self._open.add(far)
            back = threading.Thread(target=self._pump, args=(far, near, fault), daemon=True)
            back.start()
            self._pump(near, far, Fault.NONE)
            back.join()

    def _pump(self, source: socket.socket, sink: socket.socket, fault: Fault) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                if fault is Fault.LOST_ANSWER:
                    break
                if fault is Fault.LATE:
                    time.sleep(LATE_S)
                if fault is Fault.TWICE:
                    data = 2 * (data + _rest(source))
                sink.sendall(data[: len(data) // 2] if fault is Fault.HALF else data)
                if fault is Fault.HALF:
                    break
        for end in (source, sink):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


def _rest(source: socket.socket) -> bytes:
    """What still belongs to an answer whose beginning has come."""
    time.sleep(WHOLE_AFTER_S)
    try:
        return source.recv(65536, socket.MSG_DONTWAIT)
    except BlockingIOError:
        return b""
