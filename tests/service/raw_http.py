"""HTTP as bytes on a socket, for requests that no honest client can make."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

PATIENCE_S = 60.0


@dataclass(frozen=True)
class RawAnswer:
    status: int
    head: bytes
    body: bytes

    @property
    def error(self) -> dict[str, Any] | None:
        """The service's own error record; None for anything else."""
        try:
            parsed = json.loads(self.body)
        except ValueError:
            return None
        is_record = isinstance(parsed, dict) and parsed.keys() == {"code", "detail"}
        return parsed if is_record and b"content-type: application/json" in self.head.lower() else None


def head(method: str, target: bytes, headers: Iterable[tuple[str, str | bytes]], body: bytes = b"") -> bytes:
    """A request's bytes; Host, if any, is among the headers."""
    lines = [method.encode() + b" " + target + b" HTTP/1.1"]
    for name, value in headers:
        lines.append(name.encode() + b": " + (value if isinstance(value, bytes) else value.encode("utf-8")))
    lines += (
        [b"Connection: close", b"Content-Length: %d" % len(body)]
        if body or method == "POST"
        else [b"Connection: close"]
    )
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def say(port: int, data: bytes, host: str = "127.0.0.1") -> RawAnswer:
    """Send the bytes on a connection of their own; the answer up to its end."""
    with socket.create_connection((host, port), PATIENCE_S) as connection:
        connection.sendall(data)
        received = bytearray()
        while chunk := connection.recv(65536):
            received += chunk
    first, _, body = bytes(received).partition(b"\r\n\r\n")
    return RawAnswer(int(first.split(b" ")[1]), first, body)
