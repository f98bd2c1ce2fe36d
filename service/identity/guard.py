"""Who is let in: which requests need a signature, whose addresses are believed, and who may read the metrics."""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_network

from argon2 import PasswordHasher

from service.identity.signed.gate import GateRules

Network = IPv4Network | IPv6Network
LOOPBACK: tuple[Network, ...] = (ip_network("127.0.0.0/8"), ip_network("::1/128"))


@dataclass(frozen=True)
class Guard:
    """Who is let in. The default asks every device for a signature; EMBEDDED below does not.

    metrics_from: networks that may read /metrics; nobody by default. proxies: whose word about clients'
    addresses is believed. hasher: cheaper password hashing for tests; None for argon2-cffi's default (RFC 9106).
    """

    gate: GateRules = field(default_factory=GateRules)
    metrics_from: tuple[Network, ...] = ()
    proxies: tuple[Network, ...] = ()
    hasher: PasswordHasher | None = None


SIGNED_ONLY = Guard()
EMBEDDED = Guard(gate=GateRules(allow_unsigned=True), metrics_from=LOOPBACK)
"""For programs that serve the application to themselves on loopback. A signature that is there must still hold."""
