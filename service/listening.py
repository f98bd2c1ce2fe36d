"""How the service shows itself to a network: TLS by certificate files, proxies it trusts, who may read metrics."""

from __future__ import annotations

import errno
import ipaddress
import socket
import ssl
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from cryptography.x509 import load_pem_x509_certificate

from service.errors import ServiceError
from service.http.connections import GuardedProtocol
from service.http.door import is_host
from service.identity.guard import LOOPBACK, Guard
from service.identity.signed.gate import GateRules
from wire.files import LONGEST_PEM, read_regular

CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"
"""For TLS 1.2, forward secret and authenticated; TLS 1.3 has no others."""
SOON = timedelta(days=14)
_DAY = "%Y-%m-%d %H:%M UTC"


@dataclass(frozen=True, slots=True)
class Listening:
    """allow_unsigned: devices need no key (development and demonstrations). hosts: names this service answers to.

    tls_cert, tls_key: PEM files, the certificate with its chain. trusted_proxies: addresses or networks whose
    X-Forwarded-For and X-Forwarded-Proto are believed. metrics_from: networks that may read /metrics, beside loopback
    where unsigned requests are allowed.
    Raises ValueError for what is not an address or a host, or a certificate without key.
    """

    allow_unsigned: bool = False
    hosts: tuple[str, ...] = ()
    tls_cert: str | None = None
    tls_key: str | None = None
    trusted_proxies: tuple[str, ...] = ()
    metrics_from: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if (self.tls_cert is None) != (self.tls_key is None):
            raise ValueError("--tls-cert and --tls-key belong together")
        for name in self.hosts:
            if not is_host(name):
                raise ValueError(f"--host-name {name}: write NAME or NAME:PORT, such as books.example:8443")
        for option, networks in (("--proxy-headers", self.trusted_proxies), ("--metrics-from", self.metrics_from)):
            for network in networks:
                try:
                    ipaddress.ip_network(network)
                except ValueError:
                    raise ValueError(f"{option} {network}: write an address or a network such as 10.0.0.0/8") from None

    def guard(self) -> Guard:
        """Who is let in."""
        near = LOOPBACK if self.allow_unsigned else ()
        return Guard(
            gate=GateRules(self.allow_unsigned, frozenset(name.lower() for name in self.hosts)),
            metrics_from=(*near, *(ipaddress.ip_network(network) for network in self.metrics_from)),
            proxies=tuple(ipaddress.ip_network(network) for network in self.trusted_proxies),
        )

    def server_options(self) -> dict[str, Any]:
        """Arguments of uvicorn. Raises ServiceError when the certificate cannot be used."""
        options: dict[str, Any] = {
            "proxy_headers": bool(self.trusted_proxies),
            "forwarded_allow_ips": list(self.trusted_proxies),
            "server_header": False,
            "http": GuardedProtocol,
            "ws": "none",
        }
        if self.tls_cert is not None and self.tls_key is not None:
            _check_certificate(self.tls_cert, self.tls_key)
            options |= {"ssl_certfile": self.tls_cert, "ssl_keyfile": self.tls_key, "ssl_ciphers": CIPHERS}
        return options

    def warnings(self, host: str, now: datetime) -> list[str]:
        """What an operator should know before this is reachable from a network at that address."""
        found = [] if self.tls_cert is None else _dates(self.tls_cert, now)
        if _is_loopback(host):
            return [*found, "unsigned requests are taken: --allow-unsigned"] if self.allow_unsigned else found
        if self.allow_unsigned:
            found.append("anyone on the network can spend money: --allow-unsigned is for development")
        if self.tls_cert is None and not self.trusted_proxies:
            found.append("passwords cross the network in the clear: give --tls-cert and --tls-key, or a proxy")
        if not self.hosts and not self.allow_unsigned:
            found.append("give --host-name NAME, so that signatures made for another service are not taken here")
        return found


def _dates(cert: str, now: datetime) -> list[str]:
    """Whether the time of the server's certificate, the first of its file, is over, to come, or soon over."""
    try:
        found = load_pem_x509_certificate(read_regular(cert, LONGEST_PEM))
    except (OSError, ValueError):
        return []  # server_options says what is wrong
    begins, ends = found.not_valid_before_utc, found.not_valid_after_utc
    if now < begins:
        return [
            f"--tls-cert {cert}: valid from {begins:{_DAY}} on; until then no device connects (is the clock right?)"
        ]
    if now >= ends:
        return [f"--tls-cert {cert}: expired {ends:{_DAY}}; no device connects: renew it, or set the clock"]
    return [f"--tls-cert {cert}: expires {ends:{_DAY}}: renew it"] if ends - now < SOON else []


def _check_certificate(cert: str, key: str) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        for file in (cert, key):
            read_regular(file, LONGEST_PEM)
        context.load_cert_chain(cert, key)
    except ssl.SSLError as error:
        raise ServiceError(f"--tls-cert {cert}, --tls-key {key}: not a certificate and its key: {error}") from error
    except OSError as error:
        raise ServiceError(f"--tls-cert {cert}, --tls-key {key}: {error.strerror}") from error


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def require_free(host: str, port: int) -> None:
    """Raises ServiceError where that address cannot be had, in one line and before anything is opened."""
    refusal, is_free = None, False
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        raise ServiceError(f"--listen {host}:{port} is not available: {error.strerror}") from error
    for family, kind, number, _, address in found:
        try:
            with socket.socket(family, kind, number) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if family == socket.AF_INET6:
                    probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                probe.bind(address)
                is_free = True
        except OSError as error:
            refusal = error if refusal is None or error.errno == errno.EADDRINUSE else refusal
    if refusal is not None and (not is_free or refusal.errno == errno.EADDRINUSE):
        raise ServiceError(f"--listen {host}:{port} is not available: {refusal.strerror}")
