"""A database's URL as people write it: PostgreSQL's own form with several hosts is taken too."""

from __future__ import annotations

import re

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from service.errors import Unavailable

_SEVERAL = re.compile(r"(postgres(?:ql)?(?:\+psycopg)?)://(?:(.*)@)?([^/?@]*,[^/?@]*)(/[^?]*)?(?:\?(.*))?")
_HOST = re.compile(r"[A-Za-z0-9.\-_]+(?::[0-9]{1,5})?")
WRITABLE = "target_session_attrs=read-write"
"""Of several hosts the one that takes writes: the others are its standbys."""


def database_url(text: str) -> URL:
    """The URL with its driver. Raises Unavailable for one that names neither SQLite nor PostgreSQL."""
    try:
        parsed = make_url(_spelt_out(text))
    except ArgumentError:
        raise Unavailable(
            f"{text!r} is not a database URL: write sqlite:////path/file.sqlite3 or postgresql://user@host/name"
        ) from None
    if parsed.drivername in ("postgresql", "postgres"):
        parsed = parsed.set(drivername="postgresql+psycopg")
    if parsed.drivername not in ("sqlite", "postgresql+psycopg"):
        raise Unavailable(f"{parsed.drivername}: the balance service works on sqlite and postgresql")
    return parsed


def _spelt_out(text: str) -> str:
    """`//u@h1:p,h2:p/db` as `//u@/db?host=h1:p&host=h2:p`, which SQLAlchemy understands."""
    found = _SEVERAL.fullmatch(text)
    if found is None:
        return text
    scheme, user, hosts, database, query = found.groups()
    named = hosts.split(",")
    for host in named:
        if not _HOST.fullmatch(host):
            raise Unavailable(f"{host!r} is not a host of a database: write postgresql://user@host:port,host:port/name")
    given = [query] if query else []
    if "target_session_attrs=" not in (query or ""):
        given.append(WRITABLE)
    words = "&".join([*(f"host={host if ':' in host else f'{host}:5432'}" for host in named), *given])
    return f"{scheme}://{f'{user}@' if user is not None else ''}{database or '/'}?{words}"
