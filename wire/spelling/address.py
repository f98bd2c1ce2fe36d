"""What is an address on a network, before anything is sent there or listened on."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Container
from urllib.parse import urlsplit

_LISTENING = re.compile(r"(\[[^\[\]]+\]|[A-Za-z0-9._:-]+):([0-9]{1,5})", re.ASCII)
_ZONE = re.compile(r"[A-Za-z0-9._-]+", re.ASCII)
NAME = re.compile(
    r"(?=.{1,253}$)[a-z0-9]([a-z0-9_-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9_-]*[a-z0-9])?)*\.?", re.IGNORECASE | re.ASCII
)
"""A host's name, by its labels."""
MOST_PORTS = 65_535
STREAMS = {"rtsp": ("rtsp", "rtsps"), "http": ("http", "https")}
"""Kind of a network camera -> how its address begins."""


def is_address(url: str) -> bool:
    """Whether it is http(s)://host[:port][/path]: no user, no query, no blank, and a port that exists."""
    return is_stream(url, STREAMS["http"]) and not set(url) & set("?#\\") and "@" not in urlsplit(url).netloc


def is_stream(url: str, schemes: Container[str]) -> bool:
    """Whether it is scheme://host[:port] with anything behind it, a user before it: as a network camera has it."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:  # brackets around something else than an address of IPv6, a port out of bounds or of letters
        return False
    is_whole = parts.scheme in schemes and port != 0 and url.isprintable() and " " not in url
    return is_whole and _is_host(parts.hostname or "")


def ascii_name(host: str) -> str | None:
    """A host's name or IPv4 address in small letters, as DNS has it; None for what is neither."""
    try:
        name = host.encode("idna").decode().lower()
        if name.rstrip(".").rpartition(".")[2].isdigit():  # no top-level domain is a number
            return str(ipaddress.IPv4Address(name))
    except ValueError:
        return None
    return name if NAME.fullmatch(name) else None


def _is_host(host: str) -> bool:
    return _is_ipv6(host) if ":" in host else ascii_name(host) is not None


def _is_ipv6(host: str) -> bool:
    try:
        zone = ipaddress.IPv6Address(host).scope_id
    except ValueError:
        return False
    return zone is None or _ZONE.fullmatch(zone) is not None


def listening_at(text: str) -> tuple[str, int]:
    """The host and port of HOST:PORT, of IPv6 as [::1]:PORT. Raises ValueError, which says what to write."""
    found = _LISTENING.fullmatch(text)
    if found is None or int(found[2]) > MOST_PORTS:
        raise ValueError("write HOST:PORT, such as 127.0.0.1:8080")
    host = found[1].strip("[]")
    if ":" in host or host != found[1]:
        if not _is_ipv6(host):
            raise ValueError("write an address of IPv6 as [::1]:8080")
    elif ascii_name(host) is None:
        raise ValueError("write HOST:PORT, such as 127.0.0.1:8080")
    return host, int(found[2])
