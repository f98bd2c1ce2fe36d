"""The chain of seals against the rows, and against a head that was kept elsewhere."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, Row, text

from service.books.rows.sealing import (
    FACTS,
    NO_SEAL,
    TEXTS,
    Head,
    each_facts,
    head,
    seal_digest,
    seal_facts,
    short_digest,
    text_digest,
)
from service.reports.proofs.findings import Finding, rows

MOST_NAMED = 100


def chain(connection: Connection) -> Iterator[Finding]:
    """Each seal follows from the one before and from its rows; every row is sealed once, or waits."""
    previous, number = NO_SEAL, 0
    sealed: dict[str, set[int]] = {kind: set() for kind in FACTS}
    for row in rows(connection, "select number, sealed_rows, facts, digest from seals order by number"):
        number += 1
        if row.number != number:
            yield Finding("chain", f"seal {number} is missing: after {number - 1} comes {row.number}")
            number = row.number
        if seal_digest(previous, row.sealed_rows, row.facts) != row.digest:
            yield Finding("chain", f"seal {row.number} does not follow from the one before and its own rows")
        previous = row.digest
        yield from _rows_of(connection, row, sealed)
    for kind, numbers in sealed.items():
        yield from _unsealed(connection, kind, numbers)
        yield from _texts(connection, kind)
        yield from _erased(connection, kind)


def against(connection: Connection, kept: Head) -> Iterator[Finding]:
    """The head kept elsewhere must be a seal of this chain: else what it covered was deleted or rewritten."""
    found = connection.execute(text("select digest from seals where number = :number"), {"number": kept.number}).first()
    digest = NO_SEAL if kept.number == 0 else None if found is None else found[0]
    if digest is None:
        newest = head(connection).number
        yield Finding("head", f"seal {kept.number} was kept elsewhere and is gone: the chain ends at seal {newest}")
    elif digest != kept.digest:
        words = (
            f"seal {kept.number} is {digest[:12]}..., and {kept.digest[:12]}... was kept elsewhere: rows up to it were "
            "rewritten or deleted"
        )
        yield Finding("head", words)


def waiting(connection: Connection) -> int:
    """How many rows are not sealed yet."""
    return int(connection.execute(text("select count(*) from unsealed")).scalar_one())


def _rows_of(connection: Connection, seal: Row[Any], sealed: dict[str, set[int]]) -> Iterator[Finding]:
    """The rows as they are now: gone, rewritten, or sealed twice."""
    try:
        listed = {str(kind): dict(pairs) for kind, pairs in json.loads(seal.sealed_rows).items()}
    except (ValueError, TypeError, AttributeError):
        yield Finding("chain", f"seal {seal.number}: its list of rows cannot be read")
        return
    for kind in FACTS:
        numbers = listed.get(kind, {}).keys()
        before = len(sealed[kind])
        sealed[kind].update(numbers)
        if len(sealed[kind]) - before != len(numbers):
            yield Finding("chain", f"seal {seal.number} seals {kind} that an earlier one sealed")
    if seal_facts(connection, {kind: list(rows) for kind, rows in listed.items()}) != seal.facts:
        yield from _which(connection, seal.number, listed)


def _which(connection: Connection, seal: int, listed: dict[str, dict[int, str]]) -> Iterator[Finding]:
    named = 0
    for kind in FACTS:
        digests = listed.get(kind, {})
        found = dict(each_facts(connection, kind, list(digests))) if digests else {}
        for row, digest in digests.items():
            facts = found.get(row)
            if facts is None or short_digest(facts) != digest:
                named += 1
                words = f"{kind} row {row}, sealed by seal {seal}, is gone"
                if facts is not None:
                    words = f"{kind} row {row}, sealed by seal {seal}, was rewritten, it is now {facts}"
                yield Finding("chain", words)
    if not named:
        yield Finding("chain", f"seal {seal} does not fit the rows that it lists")


def _unsealed(connection: Connection, kind: str, sealed: set[int]) -> Iterator[Finding]:
    """Rows that nobody sealed; counted first, since each sealed one was looked at already."""
    waits = {row.row_id for row in rows(connection, "select row_id from unsealed where kind = :kind", kind=kind)}
    count = int(connection.execute(text(f"select count(*) from {kind}")).scalar_one())
    if count == len(sealed) + len(waits) and not sealed & waits:
        return
    there = {row.id for row in rows(connection, f"select id from {kind}")}
    for number in sorted(there - sealed - waits)[:MOST_NAMED]:
        yield Finding("chain", f"{kind} row {number} is not sealed and does not wait for it: it came past the guards")
    for number in sorted(waits - there)[:MOST_NAMED]:
        yield Finding("chain", f"{kind} row {number} was written, waits for its seal and is gone")


def _texts(connection: Connection, kind: str) -> Iterator[Finding]:
    """The texts of sealed rows against their salted digests; those that were erased have no salt any more."""
    columns = ", ".join(f"t.{column}" for column in TEXTS[kind])
    query = (
        f"select t.id, s.salt, s.digest, {columns} from sealed_texts s join {kind} t on t.id = s.row_id "
        "where s.kind = :kind and s.salt is not null"
    )
    for row in rows(connection, query, kind=kind):
        if text_digest(row[1], row[3:]) != row[2]:
            yield Finding("chain", f"{kind} row {row[0]}: its texts ({', '.join(TEXTS[kind])}) were rewritten")


def _erased(connection: Connection, kind: str) -> Iterator[Finding]:
    """A seal without its salt is that of a row which the erasure of a person names."""
    query = "select row_id from sealed_texts where kind = :kind and salt is null order by row_id"
    erased = [row.row_id for row in rows(connection, query, kind=kind)]
    if not erased:
        return
    named: set[int] = set()
    for event in rows(connection, "select detail from operator_events where action = 'phone.erase'"):
        try:
            named |= {int(number) for number in json.loads(event.detail).get(kind, "").split()}
        except (ValueError, AttributeError):
            continue
    for number in [number for number in erased if number not in named][:MOST_NAMED]:
        yield Finding("chain", f"{kind} row {number}: its texts were erased, and no erasure of a person names it")
