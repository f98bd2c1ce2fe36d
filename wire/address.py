"""What is an address on a network, before anything is sent there or listened on."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Container
from urllib.parse import urlsplit

_LISTENING = re.compile(r"(\[[^\[\]]+\]|[A-Za-z0-9._:-]+):([0-9]{1,5})", re.ASCII)
MOST_PORTS = 65_535
STREAMS = {"rtsp": ("rtsp", "rtsps"), "http": ("http", "https")}
"""Kind of a network camera -> how its address begins."""


def is_address(url: str) -> bool:
    """Whether it is http(s)://host[:port][/path]: no user, no query, no blank, and a port that exists."""
    if not is_stream(url, STREAMS["http"]):
        return False
    parts = urlsplit(url)
    return not (parts.query or parts.fragment or "@" in parts.netloc)


def is_stream(url: str, schemes: Container[str]) -> bool:
    """Whether it is scheme://host[:port] with anything behind it, a user before it: as a network camera has it."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:  # brackets around something else than an address of IPv6, a port out of bounds or of letters
        return False
    return parts.scheme in schemes and bool(parts.hostname) and port != 0 and url.isprintable() and " " not in url


def listening_at(text: str) -> tuple[str, int]:
    """The host and port of HOST:PORT, of IPv6 as [::1]:PORT. Raises ValueError, which says what to write."""
    found = _LISTENING.fullmatch(text)
    if found is None or int(found[2]) > MOST_PORTS:
        raise ValueError("write HOST:PORT, such as 127.0.0.1:8080")
    host = found[1].strip("[]")
    if ":" in host or host != found[1]:
        try:
            ipaddress.IPv6Address(host)
        except ValueError:
            raise ValueError("write an address of IPv6 as [::1]:8080") from None
    return host, int(found[2])
