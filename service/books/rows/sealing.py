"""Seals what was written, after its commit: a chain of digests over transfers and operator events.

Each seal covers some thousand rows: numbers, amounts and times as they are, texts (keys, notes, names, details) as one
salted digest a row, so that a person's texts can be erased without breaking the chain. Whoever changes a sealed row
has to make anew all seals after it; the head, kept elsewhere, shows that.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, text

from service.store.clock import WallClock, to_us
from service.store.database import Database

MOST_ROWS = 2_000
"""In one seal."""
NO_SEAL = "0" * 64
SHORT = 24
"""Hexadecimal digits of a single row's digest: enough to name it, the seal's own digest proves it."""
_LOCK = 7_305_091
"""PostgreSQL's advisory lock of whoever seals."""

TEXTS = {"transfers": ("key", "note", "actor"), "operator_events": ("actor", "subject", "detail")}
"""Columns of a table that are sealed as one salted digest. Column "key" is the receipt's number at the till."""
FACTS = {
    "transfers": (
        "id",
        "at_us",
        "phase",
        "kind",
        "debit_account",
        "credit_account",
        "amount_fen",
        "resolves",
        "resolves_fen",
        "fuelling_id",
    ),
    "operator_events": ("id", "at_us", "action"),
}
"""Columns that are sealed as they are."""


@dataclass(frozen=True, slots=True)
class Head:
    """The newest seal. str() is what is kept elsewhere."""

    number: int
    digest: str

    def __str__(self) -> str:
        return f"{self.number}-{self.digest}"


def head_of(words: str) -> Head:
    """Raises ValueError for a text that is not a head."""
    number, _, digest = words.strip().partition("-")
    if not number.isdecimal() or len(digest) != len(NO_SEAL) or set(digest) - set("0123456789abcdef"):
        raise ValueError(f"{words.strip()[:80]!r} is not a head: it is a number, a hyphen and 64 hexadecimal digits")
    return Head(int(number), digest)


def seal(database: Database, clock: WallClock, most: int = MOST_ROWS) -> int:
    """Seal what waits, up to `most` rows of each table; how many were sealed. Raises what the database raises."""
    with database.writing() as connection:
        if (
            not database.is_sqlite
            and not connection.execute(text(f"select pg_try_advisory_xact_lock({_LOCK})")).scalar()
        ):
            return 0
        waiting = {kind: _waiting(connection, kind, most) for kind in FACTS}
        if not any(waiting.values()):
            return 0
        for kind, numbers in waiting.items():
            _salt_texts(connection, kind, numbers)
        _add(connection, waiting, to_us(clock.now()))
        for kind, numbers in waiting.items():
            taken = f"delete from unsealed where kind = :kind and row_id in ({_listed(connection)})"
            connection.execute(text(taken), {"kind": kind, "rows": json.dumps(numbers)})
        return sum(map(len, waiting.values()))


def seal_all(database: Database, clock: WallClock) -> None:
    """Seal until nothing waits."""
    while seal(database, clock):
        pass


def head(connection: Connection) -> Head:
    """The newest seal; number 0 before the first."""
    row = connection.execute(text("select number, digest from seals order by number desc limit 1")).first()
    return Head(0, NO_SEAL) if row is None else Head(row.number, row.digest)


def facts_of(connection: Connection, kind: str, numbers: Sequence[int]) -> str:
    """The facts of these rows in the order of their numbers, and the digests of their texts, as one text.

    Put together by the database, from the list on (`cross join` says so to SQLite): this is most of the audit's work.
    """
    rows = {"rows": json.dumps(list(numbers))}
    parts = []
    listed = f"({_listed(connection)}) j cross join"
    for query, given in (
        (
            f"select t.id as number, {_facts(connection, kind)} as words from {listed} {kind} t where t.id = j.value",
            rows,
        ),
        (
            f"select s.row_id as number, {_TEXT_FACTS} as words from {listed} sealed_texts s "
            "where s.kind = :kind and s.row_id = j.value",
            {**rows, "kind": kind},
        ),
    ):
        parts.append(connection.execute(text(_joined(connection, query)), given).scalar_one() or "")
    return "\n".join(parts)


def each_facts(connection: Connection, kind: str, numbers: Sequence[int]) -> list[tuple[int, str]]:
    """Number and facts of each row that is there, with the digest of its texts."""
    query = (
        f"select t.id, {_facts(connection, kind)} || ' ' || coalesce(s.digest, '-') as facts "
        f"from ({_listed(connection)}) j cross join {kind} t left join sealed_texts s on s.kind = :kind "
        "and s.row_id = t.id where t.id = j.value order by t.id"
    )
    found = connection.execute(text(query), {"rows": json.dumps(list(numbers)), "kind": kind})
    return [(row.id, str(row.facts)) for row in found]


def _facts(connection: Connection, kind: str) -> str:
    """Both write numbers and texts alike, and nothing for null."""
    name = "printf" if connection.dialect.name == "sqlite" else "format"
    columns = FACTS[kind]
    return f"{name}('{' '.join(['%s'] * len(columns))}', {', '.join(f't.{column}' for column in columns)})"


_TEXT_FACTS = "s.row_id || ' ' || s.digest"


def _joined(connection: Connection, query: str) -> str:
    if connection.dialect.name == "sqlite":
        return f"select group_concat(words, char(10)) from ({query} order by number)"
    return f"select string_agg(words, chr(10) order by number) from ({query}) as facts"


def text_digest(salt: str, texts: Sequence[object]) -> str:
    return hashlib.sha256(f"{salt} {json.dumps(list(texts), ensure_ascii=False)}".encode()).hexdigest()


def short_digest(facts: str) -> str:
    return hashlib.sha256(facts.encode()).hexdigest()[:SHORT]


def facts_digest(facts: str) -> str:
    return hashlib.sha256(facts.encode("utf-8", "surrogatepass")).hexdigest()


def seal_facts(connection: Connection, numbers: Mapping[str, Sequence[int]]) -> str:
    """The digest of all facts of a seal's rows."""
    parts = [facts_of(connection, kind, numbers[kind]) for kind in FACTS if numbers.get(kind)]
    return facts_digest("\n".join(parts))


def seal_digest(previous: str, sealed_rows: str, facts: str) -> str:
    return hashlib.sha256(f"{previous} {sealed_rows} {facts}".encode()).hexdigest()


_POSTGRESQL_ROWS = "select cast(value as bigint) as value from json_array_elements_text(cast(:rows as json))"


def _listed(connection: Connection) -> str:
    return "select value from json_each(:rows)" if connection.dialect.name == "sqlite" else _POSTGRESQL_ROWS


def _waiting(connection: Connection, kind: str, most: int) -> list[int]:
    query = "select row_id from unsealed where kind = :kind order by row_id limit :most"
    return [row.row_id for row in connection.execute(text(query), {"kind": kind, "most": most})]


def _salt_texts(connection: Connection, kind: str, numbers: Sequence[int]) -> None:
    """Write the digest of each row's texts, where it has any."""
    columns = ", ".join(f"t.{column}" for column in TEXTS[kind])
    some = " or ".join(f"t.{column} is not null" for column in TEXTS[kind])
    query = (
        f"select t.id, {columns} from ({_listed(connection)}) j cross join {kind} t where t.id = j.value and ({some}) "
        "and not exists "
        f"(select 1 from sealed_texts s where s.kind = '{kind}' and s.row_id = t.id)"
    )
    salted = [_salted(kind, row) for row in connection.execute(text(query), {"rows": json.dumps(list(numbers))})]
    if salted:
        connection.execute(text("insert into sealed_texts values (:kind, :row_id, :salt, :digest)"), salted)


def _salted(kind: str, row: Any) -> dict[str, object]:
    salt = secrets.token_hex(16)
    return {"kind": kind, "row_id": row[0], "salt": salt, "digest": text_digest(salt, row[1:])}


def _add(connection: Connection, numbers: Mapping[str, Sequence[int]], now_us: int) -> None:
    """The next seal over these rows; one that waited and is gone is left out, and missed by the audit."""
    last = head(connection)
    listed: dict[str, list[tuple[int, str]]] = {}
    for kind, waiting in numbers.items():
        listed[kind] = [(number, short_digest(words)) for number, words in each_facts(connection, kind, waiting)]
    sealed_rows = json.dumps({kind: rows for kind, rows in listed.items() if rows}, separators=(",", ":"))
    together = seal_facts(connection, {kind: [number for number, _ in rows] for kind, rows in listed.items()})
    connection.execute(
        text("insert into seals values (:number, :at_us, :sealed_rows, :facts, :digest)"),
        {
            "number": last.number + 1,
            "at_us": now_us,
            "sealed_rows": sealed_rows,
            "facts": together,
            "digest": seal_digest(last.digest, sealed_rows, together),
        },
    )
