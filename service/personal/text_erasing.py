"""Erases what people wrote about a person: names in notes and details, in tables of which nothing else ever changes."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Column, Connection, Row, String, Table, and_, false, or_, select, update

import service.station.tables  # noqa: F401 - so that places_left knows every table
from service.books.records import TransferKind
from service.counter.tables import counter_entries, money_requests, shifts
from service.errors import ServiceError
from service.store.payer_tables import charge_events, charges
from service.store.schema import metadata, operator_events, transfers
from service.store.seal_tables import sealed_texts, unsealed

_WRITTEN = {"note", "why", "detail", "message"}
"""Words of an event's detail that hold what somebody typed; a card's name is not about the person."""
_BY_HAND = (TransferKind.TOP_UP, TransferKind.REFUND, TransferKind.CORRECTION)
"""Postings whose key and note an operator types."""


class NotSealed(ServiceError):
    """A row with such a text waits for its seal; seal it and try again."""


@dataclass(slots=True)
class ErasedTexts:
    """Rows whose texts are gone; sealed: by table, so that the audit knows which seals have no salt any more."""

    sealed: dict[str, list[int]] = field(default_factory=dict)
    emptied: int = 0


class TextEraser:
    """For one person, within somebody's transaction. name: as operators called them; wallet, owed: their accounts."""

    def __init__(self, connection: Connection, person: str, name: str, accounts: tuple[int, int]) -> None:
        self._connection = connection
        self._person = person
        self._name = name
        self._accounts = accounts
        self._pattern = name_pattern(name)

    def erase(self) -> ErasedTexts:
        """Raises NotSealed before anything is written."""
        events, postings = dict(self._events()), dict(self._postings())
        self._require_sealed(operator_events, list(events))
        self._require_sealed(transfers, list(postings))
        done = ErasedTexts()
        for table, changes in ((operator_events, events), (transfers, postings)):
            for row, values in changes.items():
                self._unsalt(table, row)
                self._connection.execute(update(table).where(table.c.id == row).values(**values))
            if changes:
                done.sealed[table.name] = sorted(changes)
        done.emptied = self._empty_notes()
        return done

    def _events(self) -> Iterator[tuple[int, dict[str, Any]]]:
        found = select(operator_events).where(
            _mentions(self._name, operator_events.c.detail, operator_events.c.subject)
        )
        for row in self._connection.execute(found):
            values = {"detail": self._detail(row.detail)}
            if row.subject == self._name and row.action.startswith("phone."):
                values["subject"] = self._person
            if values["detail"] != row.detail or "subject" in values:
                yield row.id, values

    def _detail(self, text: str) -> str:
        """What was typed, without the name; what the audit reads in an event stays."""
        try:
            parsed = json.loads(text)
        except ValueError:
            return self._without(text)
        if not isinstance(parsed, dict):
            return text
        cleaned = {k: self._without(v) if k in _WRITTEN and isinstance(v, str) else v for k, v in parsed.items()}
        return text if cleaned == parsed else json.dumps(cleaned, ensure_ascii=False, sort_keys=True)

    def _postings(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """Of their own wallet every typed note goes; elsewhere the name alone."""
        t = transfers.c
        own = and_(
            or_(t.debit_account.in_(self._accounts), t.credit_account.in_(self._accounts)),
            t.kind.in_([kind.value for kind in _BY_HAND]),
            t.note != "",
        )
        for row in self._connection.execute(select(transfers).where(own)):
            yield row.id, {"note": "", "key": self._key(row)}
        for row in self._connection.execute(select(transfers).where(_mentions(self._name, t.note, t.key))):
            is_own = {row.debit_account, row.credit_account} & set(self._accounts) and row.kind in _BY_HAND
            values = {"note": "" if is_own else self._without(row.note or ""), "key": self._key(row)}
            if values != {"note": row.note or "", "key": row.key}:
                yield row.id, values

    def _key(self, row: Row[Any]) -> str | None:
        """A key is what posts once: one with the name in it is exchanged for another."""
        key: str | None = row.key
        if key is None or not self._pattern.search(key):
            return key
        return f"erased-{secrets.token_hex(12)}"

    def _empty_notes(self) -> int:
        """Of their charges and of the counter: reasons and notes that nobody's key has signed."""
        theirs = select(charges.c.id).where(charges.c.person == self._person)
        e, entry = charge_events.c, counter_entries.c
        emptied = self._emptied(charge_events, e.id, e.detail, e.charge.in_(theirs), e.signature.is_(None))
        emptied += self._emptied(counter_entries, entry.key, entry.note, entry.subject.in_(theirs))
        emptied += self._emptied(shifts, shifts.c.id, shifts.c.note, false())
        return emptied + self._emptied(money_requests, money_requests.c.key, money_requests.c.note, false())

    def _emptied(self, table: Table, key: Column[Any], column: Column[Any], own: Any, *only: Any) -> int:
        """How many: rows about this person, and others that name them."""
        mine = select(key).where(column != "", own, *only)
        named = select(key, column).where(_mentions(self._name, column), *only)
        due = set(self._connection.execute(mine).scalars())
        due |= {row[0] for row in self._connection.execute(named) if self._pattern.search(row[1])}
        for one in sorted(due):
            self._connection.execute(update(table).where(key == one).values({column.name: ""}))
        return len(due)

    def _without(self, text: str) -> str:
        return self._pattern.sub(self._person, text)

    def _require_sealed(self, table: Table, numbers: list[int]) -> None:
        for number in numbers:
            waits = select(unsealed.c.row_id).where(unsealed.c.kind == table.name, unsealed.c.row_id == number)
            if self._connection.execute(waits).first() is not None:
                raise NotSealed

    def _unsalt(self, table: Table, row: int) -> None:
        sealed = sealed_texts.c.kind == table.name, sealed_texts.c.row_id == row
        self._connection.execute(update(sealed_texts).where(*sealed).values(salt=None))


def name_pattern(name: str) -> re.Pattern[str]:
    """The name as it stands in a text, however it is cased; Li is not part of Lisa, 陈 is one of 给陈退款."""
    first = r"(?<![0-9A-Za-z])" if name[0].isascii() and name[0].isalnum() else ""
    last = r"(?![0-9A-Za-z])" if name[-1].isascii() and name[-1].isalnum() else ""
    spelt = {re.escape(name), re.escape(json.dumps(name, ensure_ascii=False)[1:-1])}
    return re.compile(f"{first}(?:{'|'.join(sorted(spelt, key=len, reverse=True))}){last}", re.IGNORECASE)


def places_left(connection: Connection, name: str) -> tuple[str, ...]:
    """Where the name still stands, as "table.column": a card, a staff account or a station that somebody called so."""
    pattern, found = name_pattern(name), []
    for table in metadata.sorted_tables:
        for column in table.columns:
            if isinstance(column.type, String):
                texts = connection.execute(select(column).where(_mentions(name, column)).limit(1000)).scalars()
                if any(pattern.search(text) for text in texts):
                    found.append(f"{table.name}.{column.name}")
    return tuple(found)


def _mentions(name: str, *columns: Any) -> Any:
    """A first sieve, in the database."""
    spelt = {name, json.dumps(name, ensure_ascii=False)[1:-1]}
    return or_(*(column.icontains(one, autoescape=True) for column in columns for one in sorted(spelt)))
