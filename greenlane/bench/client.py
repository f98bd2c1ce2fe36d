"""HTTP for the station's bench: kept connections in one event loop, signed as lane units sign, costing little."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import secrets
import ssl
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from service.errors import ServiceError
from wire.devices import SIGNATURE_TAG, SIGNED_PARTS, key_id
from wire.files import LONGEST_PEM, read_regular

TIMEOUT_S = 40.0


@dataclass(frozen=True, slots=True)
class Target:
    """Where the service is. authority: as it stands in the Host header."""

    host: str
    port: int
    authority: str
    is_tls: bool = False

    @classmethod
    def of(cls, url: str) -> Target:
        """Raises ServiceError for what is not an http or https URL."""
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ServiceError(f"{url}: write http://HOST:PORT or https://HOST:PORT")
        is_tls = parts.scheme == "https"
        return cls(parts.hostname, parts.port or (443 if is_tls else 80), parts.netloc, is_tls)

    def context(self) -> ssl.SSLContext | None:
        return ssl.create_default_context() if self.is_tls else None


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    body: bytes
    headers: dict[str, str]

    def record(self) -> Any:
        return json.loads(self.body)


class Key:
    """Signs requests of one device (RFC 9421, Ed25519). Written out here: a library takes far longer."""

    def __init__(self, private: Ed25519PrivateKey) -> None:
        self._private = private
        self.public = private.public_key().public_bytes_raw()
        self._id = key_id(self.public)

    @classmethod
    def load(cls, path: str) -> Key:
        """Of a PEM file, as `greenlane enrol` writes it. Raises ServiceError."""
        try:
            private = load_pem_private_key(read_regular(path, LONGEST_PEM), password=None)
        except (OSError, ValueError, TypeError) as error:
            raise ServiceError(f"{path}: {error}") from None
        if not isinstance(private, Ed25519PrivateKey):
            raise ServiceError(f"{path}: expected an Ed25519 key")
        return cls(private)

    def headers(self, method: str, authority: str, path: str, body: bytes) -> dict[str, str]:
        """What a request with a JSON body is signed with, now."""
        digest = f"sha-256=:{base64.b64encode(hashlib.sha256(body).digest()).decode()}:"
        values = dict(zip(SIGNED_PARTS, (method, authority, path, "?"), strict=True))
        values |= {"content-type": "application/json", "content-digest": digest}
        covered = " ".join(f'"{name}"' for name in values)
        parameters = (
            f'({covered});created={int(time.time())};keyid="{self._id}";alg="ed25519"'
            f';nonce="{secrets.token_urlsafe(18)}";tag="{SIGNATURE_TAG}"'
        )
        lines = [f'"{name}": {value}' for name, value in values.items()] + [f'"@signature-params": {parameters}']
        signature = base64.b64encode(self._private.sign("\n".join(lines).encode())).decode()
        return {
            "Content-Digest": digest,
            "Signature-Input": f"greenlane={parameters}",
            "Signature": f"greenlane=:{signature}:",
        }


class KeptConnection:
    """One kept connection, opened when it is needed; a request at a time."""

    def __init__(self, target: Target, key: Key | None = None, cookie: str = "", source: str | None = None) -> None:
        """source: the address that it comes from, where that is not left to the system."""
        self._source = None if source is None else (source, 0)
        self._target = target
        self._key = key
        self._cookie = cookie
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def post(self, path: str, record: dict[str, Any]) -> Reply:
        """A record of wire.questions, encoded."""
        body = json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode()
        signed = self._key.headers("POST", self._target.authority, path, body) if self._key else {}
        return await self.send("POST", path, body, {"Content-Type": "application/json", **signed})

    async def send(self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None) -> Reply:
        """Raises OSError or TimeoutError. A kept connection that the service has closed meanwhile is opened again."""
        data = request_bytes(self._target, method, path, body, headers or {}, self._cookie)
        async with asyncio.timeout(TIMEOUT_S):
            if self._streams is not None:
                try:
                    return await self._exchange(data)
                except (asyncio.IncompleteReadError, ConnectionError):
                    self.close()
            self._streams = await asyncio.open_connection(
                self._target.host,
                self._target.port,
                ssl=self._target.context(),
                limit=2**18,
                local_addr=self._source,
            )
            try:
                return await self._exchange(data)
            except asyncio.IncompleteReadError as error:
                raise ConnectionError("the service closed the connection") from error

    def close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
        self._streams = None

    async def _exchange(self, data: bytes) -> Reply:
        assert self._streams is not None
        reader, writer = self._streams
        writer.write(data)
        status, headers = parse_head(await reader.readuntil(b"\r\n\r\n"))
        return Reply(status, await reader.readexactly(int(headers.get("content-length", "0"))), headers)


def request_bytes(target: Target, method: str, path: str, body: bytes, headers: dict[str, str], cookie: str) -> bytes:
    """A request as it goes over the line."""
    lines = [f"{method} {path} HTTP/1.1", f"Host: {target.authority}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    lines += [f"Content-Length: {len(body)}"] if body or method == "POST" else []
    lines += [f"Cookie: {cookie}"] if cookie else []
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def parse_head(head: bytes) -> tuple[int, dict[str, str]]:
    """Status and headers, their names in small letters; of several with one name the values with a line between."""
    first, *rest = head.decode("latin-1").strip().split("\r\n")
    headers: dict[str, str] = {}
    for name, _, value in (line.partition(":") for line in rest):
        before = headers.get(name.lower())
        headers[name.lower()] = value.strip() if before is None else f"{before}\n{value.strip()}"
    return int(first.split()[1]), headers
