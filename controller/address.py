"""What is an address over HTTP, before anything is sent there."""

from __future__ import annotations

from urllib.parse import urlsplit


def is_address(url: str) -> bool:
    """Whether it is http(s)://host[:port][/path]: no user, no query, no blank, and a port that exists."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:  # brackets around something else than an address of IPv6, a port out of bounds or of letters
        return False
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
        return False
    return not (parts.query or parts.fragment or "@" in parts.netloc) and url.isprintable() and " " not in url
