"""The database itself: is the file whole, do its references hold, are tables, indexes and guards as they should be."""

from __future__ import annotations

import functools
import json
import sqlite3
from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, StaticPool, create_engine

from service.errors import Unavailable
from service.reports.proofs.findings import Finding, rows
from service.store.engine.schema_version import MIGRATIONS

POSTGRESQL_GUARDS = MIGRATIONS / "postgresql_guards.json"
"""Triggers and functions as PostgreSQL shows them; docs/developer.md says what writes the file."""
MOST = 20
"""Faults of the file that are named one by one."""

_MASTER = "select type, name, tbl_name, sql from sqlite_master where name not like 'sqlite_%'"
_POSTGRESQL_TRIGGERS = """
select c.relname || '.' || t.tgname as name, pg_get_triggerdef(t.oid) as definition, t.tgenabled::text as enabled,
  t.tgisinternal as internal
from pg_trigger t join pg_class c on c.oid = t.tgrelid join pg_namespace n on n.oid = c.relnamespace
where n.nspname = current_schema()
"""
_POSTGRESQL_FUNCTIONS = """
select p.proname as name, p.prosrc as source from pg_proc p join pg_namespace n on n.oid = p.pronamespace
where n.nspname = current_schema()
"""
_POSTGRESQL_CONSTRAINTS = """
select c.relname as name, k.conname as constraint_name from pg_constraint k join pg_class c on c.oid = k.conrelid
join pg_namespace n on n.oid = c.relnamespace where n.nspname = current_schema() and not k.convalidated
"""

_NOT_READ = {
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_CANTOPEN,
}
"""What SQLite says of a file that it did not come to look into."""


def whole(path: str) -> list[Finding]:
    """What SQLite itself finds: pages, indexes, checks, references. Opens the file by itself, and only reads.

    Raises Unavailable where it may not be read, or cannot be now: that says nothing of the file.
    """
    found: list[Finding] = []
    try:
        connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True, isolation_level=None)
        try:
            connection.execute("begin")  # one snapshot: a table and its index are counted at the same moment
            for (words,) in connection.execute(f"pragma quick_check({MOST})"):
                if words != "ok":
                    found.append(Finding("file", f"the file is spoilt: {words}"))
            found += _indexes(connection)
            for table, row, parent, _ in connection.execute("pragma foreign_key_check").fetchmany(MOST):
                found.append(Finding("references", f"{table}, row {row} refers to a missing row of {parent}"))
        finally:
            connection.close()
    except (sqlite3.Error, UnicodeDecodeError) as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF in _NOT_READ:
            raise Unavailable(f"{path}: not proved: {error}") from None
        found.append(Finding("file", f"the file is spoilt: {error}"))
    return found


def _indexes(connection: sqlite3.Connection) -> list[Finding]:
    """Each index names as many rows as its table has; SQLite's own full check takes three times as long as all else."""
    found = []
    query = (
        "select tbl_name, name from sqlite_master where type = 'index' and (sql is null or sql not like '% where %')"
    )
    for table, index in connection.execute(query).fetchall():
        (rows_of,) = connection.execute(f'select count(*) from "{table}" not indexed').fetchone()
        (named,) = connection.execute(f'select count(*) from "{table}" indexed by "{index}"').fetchone()
        if rows_of != named:
            found.append(
                Finding("file", f"the file is spoilt: index {index} names {named} rows, {table} has {rows_of}")
            )
    return found


def schema(connection: Connection) -> Iterator[Finding]:
    """Every table, index, trigger and function is there as this version makes it, and no guard is switched off."""
    yield from _sqlite(connection) if connection.dialect.name == "sqlite" else _postgresql(connection)


def _sqlite(connection: Connection) -> Iterator[Finding]:
    expected = expected_of_sqlite()
    found = {(row[0], row[1]): (row[2], _plain(row[3])) for row in rows(connection, _MASTER)}
    for (kind, name), (table, definition) in expected.items():
        there = found.get((kind, name))
        if there is None:
            yield Finding("schema", f"{kind} {name} of {table} is missing")
        elif there[1] != definition:
            yield Finding("schema", f"{kind} {name} of {table} is not as it should be: {there[1][:200]}")
    for kind, name in found.keys() - expected.keys():
        yield Finding("schema", f"{kind} {name} of {found[kind, name][0]} does not belong to this program")


@functools.cache
def expected_of_sqlite() -> dict[tuple[str, str], tuple[str, str]]:
    """Table and definition of everything in a new database, by kind and name."""
    from service.store.engine.migrating import upgrade

    engine = create_engine("sqlite://", poolclass=StaticPool)
    with engine.connect() as connection:
        upgrade(connection)
        made = {(row[0], row[1]): (str(row[2]), _plain(row[3])) for row in rows(connection, _MASTER)}
    engine.dispose()
    return made


def _postgresql(connection: Connection) -> Iterator[Finding]:
    there: dict[str, Any] = {}
    for row in rows(connection, _POSTGRESQL_TRIGGERS):
        if row.enabled not in ("O", "A"):
            yield Finding("schema", f"trigger {row.name} is switched off")
        if not row.internal:
            there[row.name] = _unqualified(row.definition)
    functions = {row.name: _plain(row.source) for row in rows(connection, _POSTGRESQL_FUNCTIONS)}
    known = json.loads(POSTGRESQL_GUARDS.read_text(encoding="utf-8"))
    for what, found in (("trigger", there), ("function", functions)):
        expected = known[what]
        for name, definition in expected.items():
            if name not in found:
                yield Finding("schema", f"{what} {name} is missing")
            elif found[name] != definition:
                yield Finding("schema", f"{what} {name} is not as it should be: {found[name][:200]}")
        for name in found.keys() - expected.keys():
            yield Finding("schema", f"{what} {name} does not belong to this program")
    for row in rows(connection, _POSTGRESQL_CONSTRAINTS):
        yield Finding("references", f"constraint {row.constraint_name} of {row.name} is not proved")


def guards_of_postgresql(connection: Connection) -> dict[str, dict[str, str]]:
    """What postgresql_guards.json has to say: triggers and functions of a new database."""
    made = {r.name: _unqualified(r.definition) for r in rows(connection, _POSTGRESQL_TRIGGERS) if not r.internal}
    functions = {r.name: _plain(r.source) for r in rows(connection, _POSTGRESQL_FUNCTIONS)}
    return {"trigger": made, "function": functions}


def _unqualified(definition: str) -> str:
    """Without the schema's name, which differs between versions and installations."""
    head, on, rest = definition.partition(" ON ")
    table, _, tail = rest.partition(" ")
    return f"{head}{on}{table.rpartition('.')[2]} {tail}"


def _plain(definition: object) -> str:
    return " ".join(str(definition or "").split())
