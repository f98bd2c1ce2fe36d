"""Makes an SQLite table anew where `alter table` can't: other keys and constraints, the same rows and triggers."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection

_OTHERS = "select sql from sqlite_master where tbl_name = ? and type <> 'table' and sql is not null order by rowid"


def rebuild(connection: Connection, table: str, changes: Mapping[str, str]) -> None:
    """Replace parts of the table's own definition; each must stand in it. Foreign keys must be off (Database.migrate).

    Its indexes and triggers are put back as they were.
    """
    found = connection.exec_driver_sql("select sql from sqlite_master where type = 'table' and name = ?", (table,))
    definition = str(found.scalar_one())
    for old, new in changes.items():
        if old not in definition:
            raise RuntimeError(f"{table}: its definition has no {old!r}: {definition}")
        definition = definition.replace(old, new)
    body = definition.partition("(")[2]
    others = [str(row[0]) for row in connection.exec_driver_sql(_OTHERS, (table,))]
    connection.exec_driver_sql(f"create table moved_{table} ({body}")
    connection.exec_driver_sql(f"insert into moved_{table} select * from {table}")
    connection.exec_driver_sql(f"drop table {table}")
    connection.exec_driver_sql(f"alter table moved_{table} rename to {table}")
    for statement in others:
        connection.exec_driver_sql(statement)
