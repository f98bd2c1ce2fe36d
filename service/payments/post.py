"""One POST with one deadline for the whole call, however slowly the answer drips."""

from __future__ import annotations

import http.client
import ssl
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

from service.errors import ServiceError

_CHUNK = 16_384


class Silent(ServiceError):
    """Nobody answered in time, or not with an answer."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """A client's certificate and key, as files."""

    chain: str
    key: str


def post(url: str, body: bytes, deadline_s: float, longest: int, certificate: Certificate | None = None) -> bytes:
    """The body of an answer with status 200. Raises Silent for everything else."""
    until = time.monotonic() + deadline_s
    parts = urlsplit(url)
    connection = _connection(parts.scheme, parts.netloc, deadline_s, certificate)
    try:
        connection.request("POST", parts.path, body, {"Content-Type": "text/xml; charset=utf-8"})
        _shorten(connection, until)
        answer = connection.getresponse()
        if answer.status != http.client.OK:
            raise Silent(f"status {answer.status}")
        found = b""
        while len(found) <= longest and (chunk := answer.read1(_CHUNK)):
            found += chunk
            _shorten(connection, until)
    except (OSError, http.client.HTTPException) as error:
        raise Silent(type(error).__name__) from None
    finally:
        connection.close()
    if len(found) > longest:
        raise Silent("an answer without end")
    return found


def _connection(
    scheme: str, place: str, timeout_s: float, certificate: Certificate | None
) -> http.client.HTTPConnection:
    if scheme == "http":
        return http.client.HTTPConnection(place, timeout=timeout_s)
    context = ssl.create_default_context()
    if certificate is not None:
        context.load_cert_chain(certificate.chain, certificate.key)
    return http.client.HTTPSConnection(place, timeout=timeout_s, context=context)


def _shorten(connection: http.client.HTTPConnection, until: float) -> None:
    left_s = until - time.monotonic()
    if left_s <= 0:
        raise Silent("no answer in time")
    if connection.sock is not None:
        connection.sock.settimeout(left_s)
