"""HTTP calls that end in time: sessions whose connection another thread can cut."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any

import requests
from requests.adapters import HTTPAdapter

from controller.errors import ClientError, NotValidNow, ServiceFault, ServiceSilent
from wire.versions import WIRE_HEADER, WIRE_VERSION

MAX_BODY_BYTES = 64 * 1024
MAX_CONNECTIONS = 8
"""Connections at one time, overdue calls that have not ended yet included (a resolver can hang for half a minute)."""

_NOT_YET_VALID, _EXPIRED = 9, 10
"""OpenSSL's X509_V_ERR_CERT_NOT_YET_VALID and X509_V_ERR_CERT_HAS_EXPIRED."""

Sign = Callable[[requests.PreparedRequest], None]
"""Adds signature headers to a request that is otherwise ready; called once per attempt."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer as it came: body of limited length, complete as far as HTTP can tell."""

    status: int
    content_type: str
    body: bytes
    date: str = ""


@dataclass(frozen=True, slots=True)
class Call:
    method: str
    url: str
    data: bytes | None


class ConnectionPool:
    """Sessions waiting for their next call, and the count of those that are busy or overdue."""

    def __init__(
        self, sign: Sign | None, verify: str | bool, most: int = MAX_CONNECTIONS, longest_bytes: int = MAX_BODY_BYTES
    ) -> None:
        self._sign = sign
        self._verify = verify
        self._most = most
        self._longest_bytes = longest_bytes
        self._lock = threading.Lock()
        self._idle: list[_Connection] = []
        self._busy: set[_Connection] = set()
        self._closed = False

    def call(self, call: Call, deadline_s: float) -> Answer:
        """The complete answer, within deadline_s. Raises ServiceSilent or ServiceFault."""
        taken = self._take()
        done = threading.Event()
        outcome: list[Answer | BaseException] = []

        def work() -> None:
            result = taken.attempt(call, deadline_s)
            with self._lock:
                outcome.append(result)
                self._put_back(taken)
            done.set()

        threading.Thread(target=work, name="balance-call", daemon=True).start()
        done.wait(deadline_s)
        with self._lock:
            if not outcome:
                taken.cut()
                raise ServiceSilent(f"no complete answer within {deadline_s:g} s")
        if isinstance(outcome[0], BaseException):
            raise _client_error(outcome[0]) from outcome[0]
        return outcome[0]

    def close(self) -> None:
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
            busy = tuple(self._busy)
        for taken in busy:
            taken.cut()
        for taken in idle:
            taken.close()

    def _take(self) -> _Connection:
        with self._lock:
            if self._closed:
                raise ServiceSilent("the client is closed")
            if not self._idle and len(self._busy) >= self._most:
                raise ServiceSilent(f"{self._most} calls are still hanging; is the name server reachable?")
            taken = self._idle.pop() if self._idle else _Connection(self._sign, self._verify, self._longest_bytes)
            self._busy.add(taken)
            return taken

    def _put_back(self, taken: _Connection) -> None:
        self._busy.discard(taken)
        if taken.is_cut or self._closed:
            taken.close()
        else:
            self._idle.append(taken)


class _Connection:
    """One session with at most one connection, which another thread can cut."""

    def __init__(self, sign: Sign | None, verify: str | bool, longest_bytes: int) -> None:
        self._sign = sign
        self._longest_bytes = longest_bytes
        self._sockets = _Sockets()
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.verify = verify
        self._session.headers.update(
            {
                "Accept": "application/json",
                "Accept-Encoding": "identity",
                "User-Agent": "greenlane-lane",
                WIRE_HEADER: str(WIRE_VERSION),
            }
        )
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, _Adapter(self._sockets))

    @property
    def is_cut(self) -> bool:
        return self._sockets.is_cut

    def cut(self) -> None:
        """End the call under way from outside; the line is of no further use."""
        self._sockets.cut()

    def close(self) -> None:
        self._sockets.cut()
        self._session.close()

    def attempt(self, call: Call, timeout_s: float) -> Answer | BaseException:
        """As send, but an error is a value: it crosses from one thread to another."""
        try:
            return self.send(call, timeout_s)
        except BaseException as error:
            return error

    def send(self, call: Call, timeout_s: float) -> Answer:
        """Send and read to the end.

        A kept connection that turns out dead is replaced once; every message may be repeated.
        """
        kept = self._sockets.opened
        try:
            return self._once(call, timeout_s)
        except requests.ConnectionError:
            stale = kept > 0 and self._sockets.opened == kept and not self.is_cut
            if not stale:
                raise
            return self._once(call, timeout_s)

    def _once(self, call: Call, timeout_s: float) -> Answer:
        headers = {"Content-Type": "application/json"} if call.data is not None else None
        request = self._session.prepare_request(
            requests.Request(call.method, call.url, data=call.data, headers=headers)
        )
        if self._sign is not None:
            self._sign(request)
        response = self._session.send(
            request, timeout=timeout_s, allow_redirects=False, stream=True, verify=self._session.verify
        )
        with response:
            return _read(response, self._longest_bytes)


def _read(response: requests.Response, longest_bytes: int) -> Answer:
    if response.headers.get("Content-Encoding", "identity") != "identity":
        raise ServiceFault("the service's answer is compressed, which was not asked for")
    body = bytearray()
    for chunk in response.iter_content(8192):
        body += chunk
        if len(body) > longest_bytes:
            raise ServiceFault(f"the service's answer is longer than {longest_bytes // 1024} KB")
    promised = response.headers.get("Content-Length")
    if promised is not None and promised != str(len(body)):
        raise ServiceFault(f"the service's answer was cut: {len(body)} of {promised} bytes")
    headers = response.headers
    return Answer(response.status_code, headers.get("Content-Type", ""), bytes(body), headers.get("Date", ""))


def _client_error(error: BaseException) -> BaseException:
    """What the lane calls this failure; an error that nobody planned stays what it is."""
    root = _root(error)
    if isinstance(error, ClientError):
        return error
    if isinstance(error, requests.exceptions.SSLError):
        return _untrusted(root)
    if isinstance(error, requests.Timeout):
        return ServiceSilent("no answer in time")
    if isinstance(error, requests.ConnectionError) and (
        isinstance(root, OSError) or not isinstance(root, HTTPException)
    ):
        cause = root.__cause__ or root
        return ServiceSilent(f"no connection: {_in_a_line(cause)}")
    if isinstance(error, (requests.RequestException, OSError, ValueError)):
        return ServiceFault(f"the service's answer was cut or is no HTTP: {_in_a_line(root)}")
    return error


def _untrusted(error: BaseException) -> ServiceFault:
    code = getattr(error, "verify_code", 0)
    if code == _EXPIRED:
        return NotValidNow("the service's certificate has expired, or this machine's clock is wrong")
    if code == _NOT_YET_VALID:
        return NotValidNow("the service's certificate is not valid yet, or this machine's clock is wrong")
    return ServiceFault(f"the service's certificate is not to be trusted: {error}"[:200])


def _in_a_line(error: BaseException) -> str:
    """A stranger's words may stand in it."""
    return " ".join(str(error).split())[:120] or type(error).__name__


def _root(error: BaseException) -> BaseException:
    """The innermost error of those that requests and urllib3 wrap into each other."""
    inner = getattr(error, "reason", None) or next((a for a in reversed(error.args) if isinstance(a, Exception)), None)
    return _root(inner) if isinstance(inner, Exception) else error


class _Sockets:
    """A second handle on each socket of a line, so that it can be shut down while another thread waits on it."""

    def __init__(self) -> None:
        self.opened = 0
        self.is_cut = False
        self._lock = threading.Lock()
        self._last: socket.socket | None = None

    def add(self, opened: socket.socket) -> None:
        with self._lock:
            self.opened += 1
            self._drop()
            self._last = opened.dup()
            if self.is_cut:
                self._shut()

    def cut(self) -> None:
        with self._lock:
            self.is_cut = True
            self._shut()

    def _shut(self) -> None:
        if self._last is not None:
            with suppress(OSError):
                self._last.shutdown(socket.SHUT_RDWR)
            self._drop()

    def _drop(self) -> None:
        if self._last is not None:
            self._last.close()
            self._last = None


class _Adapter(HTTPAdapter):
    """Tells `sockets` of every connection that is opened."""

    def __init__(self, sockets: _Sockets) -> None:
        self._sockets = sockets
        super().__init__(pool_connections=1, pool_maxsize=1, max_retries=0)

    def get_connection_with_tls_context(self, *arguments: Any, **options: Any) -> Any:
        pool: Any = super().get_connection_with_tls_context(*arguments, **options)
        if not getattr(pool.ConnectionCls, "watched", False):
            pool.ConnectionCls = _watched(pool.ConnectionCls, self._sockets)
        return pool


def _watched(connection: type[Any], sockets: _Sockets) -> type[Any]:
    """The pool's connection class, telling `sockets` of each socket before any handshake begins on it."""

    class Watched(connection):  # type: ignore[misc]
        watched = True

        def _new_conn(self) -> socket.socket:
            opened: socket.socket = super()._new_conn()
            sockets.add(opened)
            return opened

    return Watched
