"""A real HTTP server on loopback whose every connection is handled by a function that may do anything."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

MISBEHAVES = Callable[["Connection"], None]


@dataclass
class Connection:
    """One accepted connection: what it asked and a way to answer."""

    socket: socket.socket
    number: int
    stop: threading.Event
    requests: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)

    def request(self) -> tuple[str, str, dict[str, str], bytes] | None:
        """Method, path, headers (lower case) and body of the next request; None at the end of the connection."""
        data = b""
        while b"\r\n\r\n" not in data:
            more = self.socket.recv(65536)
            if not more:
                return None
            data += more
        head, _, body = data.partition(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")
        headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in lines)}
        while len(body) < int(headers.get("content-length", 0)):
            body += self.socket.recv(65536)
        method, path, _ = first.split(" ")
        self.requests.append((method, path, headers, body))
        return self.requests[-1]

    def send(self, data: bytes) -> None:
        with suppress(OSError):
            self.socket.sendall(data)

    def answer(self, body: Any, status: str = "200 OK", content_type: str = "application/json", **headers: str) -> None:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        lines = {"Content-Type": content_type, "Content-Length": str(len(data)), **headers}
        head = "".join(f"{k.replace('_', '-')}: {v}\r\n" for k, v in lines.items())
        self.send(f"HTTP/1.1 {status}\r\n{head}\r\n".encode() + data)

    def trickle(self, data: bytes, every_s: float) -> None:
        for byte in data:
            if self.stop.wait(every_s):
                return
            self.socket.sendall(bytes([byte]))


@dataclass
class HostileServer:
    url: str
    connections: list[Connection]


@contextmanager
def serving(misbehaves: MISBEHAVES) -> Iterator[HostileServer]:
    """The server while the block runs; the function is called in a thread per connection, which ends with it."""
    listener = socket.create_server(("127.0.0.1", 0))
    stop = threading.Event()
    server = HostileServer(f"http://127.0.0.1:{listener.getsockname()[1]}", [])

    def handle(connection: Connection) -> None:
        with connection.socket, suppress(OSError):
            misbehaves(connection)

    def accept() -> None:
        while True:
            try:
                opened, _ = listener.accept()
            except OSError:
                return
            connection = Connection(opened, len(server.connections) + 1, stop)
            server.connections.append(connection)
            threading.Thread(target=handle, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield server
    finally:
        stop.set()
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        for connection in server.connections:
            with suppress(OSError):
                connection.socket.shutdown(socket.SHUT_RDWR)
