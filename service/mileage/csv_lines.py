"""Lines of a CSV file with named columns, read one by one so that a bad line never costs its neighbours."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Generic, TextIO, TypeVar

from service.errors import AdminError
from service.store.clock import to_us

_NUMBER = re.compile(r"[+-]?[0-9]{1,12}(?:\.[0-9]{1,24})?(?:[eE][+-]?[0-9]{1,2})?\Z", re.ASCII)
_PLAIN = re.compile(r"([0-9]{1,12})(?:\.([0-9]{1,9}))?\Z", re.ASCII)
_YEARS = range(1990, 2100)
_LONGEST = 500
_LONGEST_READ = 2_000
_NO_CSV = {
    "\x1f": "it is packed: unpack it first, with gunzip",
    "PK\x03\x04": "it is a spreadsheet or an archive: save it as CSV",
    "%PDF": "it is a PDF: save it as CSV",
}
Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Bad:
    """A line that cannot be taken, by its number in the file, and why."""

    line: int
    why: str


@dataclass(frozen=True, slots=True)
class Numbered(Generic[Row]):
    """What a line says. line: its number in the file."""

    line: int
    row: Row


def records(
    lines: Iterable[str], required: set[str], optional: set[str]
) -> Iterator[Numbered[Mapping[str, str]] | Bad]:
    """The lines after the head by column name, blank lines left out. Raises AdminError for a head that does not fit."""
    numbered = enumerate(lines, 1)
    head = _head(next(numbered, (1, ""))[1], required, optional)
    for number, line in numbered:
        text = line.rstrip("\r\n")
        if not text.strip(" ,\t"):
            continue
        try:
            yield Numbered(number, _record(head, text))
        except ValueError as error:
            yield Bad(number, str(error))


def bounded(text: TextIO) -> Iterator[str]:
    """The lines of a text; of one that is far too long its beginning, so that no file fills the memory."""
    while line := text.readline(_LONGEST_READ):
        yield line
        while not line.endswith("\n") and (line := text.readline(_LONGEST_READ)):
            pass


def instant_us(text: str) -> int:
    """Microseconds of a time with its offset. Raises ValueError."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"at: {text!r} is not a time: write 2026-05-04T08:00:00+08:00") from None
    if at.tzinfo is None:
        raise ValueError(f"at: {text} has no offset: write {text}+08:00, or Z for UTC")
    if at.year not in _YEARS:
        raise ValueError(f"at: the year {at.year} cannot be right")
    return to_us(at)


def scaled(name: str, text: str, per_unit: int, low: int, high: int) -> int:
    """A decimal number as an integer of so many to the unit, rounded; low and high are in units. Raises ValueError."""
    plain = _plain(text, per_unit)
    if plain is not None and low * per_unit <= plain <= high * per_unit:
        return plain
    if not _NUMBER.match(text):
        raise ValueError(f"{name}: {text!r} is not a number: write 123 or 123.4")
    number = Decimal(text)
    if not low <= number <= high:
        raise ValueError(f"{name}: {text} is not between {low} and {high}")
    return int((number * per_unit).to_integral_value())


def _plain(text: str, per_unit: int) -> int | None:
    """Of digits with no more places than are kept, as most rows have them: without the cost of a Decimal."""
    found = _PLAIN.match(text)
    if found is None:
        return None
    whole, part = found.groups("")
    smaller = 10 ** len(part)
    return None if per_unit % smaller else int(whole + part) * (per_unit // smaller)


def _head(line: str, required: set[str], optional: set[str]) -> list[str]:
    why = next((why for begin, why in _NO_CSV.items() if line.startswith(begin)), None)
    if why is None and "\x00" in line:
        why = "it is not UTF-8 text: save it as CSV UTF-8"
    if why is not None:
        raise AdminError(f"this is not a CSV file: {why}")
    names = [name.strip().lower() for name in _fields(line.lstrip("\ufeff").rstrip("\r\n"))]
    missing, strange = required - set(names), set(names) - required - optional
    if missing or strange or len(set(names)) != len(names):
        wrong = f"{', '.join(sorted(missing))} missing" if missing else _few(strange) or "a column twice"
        if missing and any(mark in line for mark in ";\t"):
            wrong += " (commas stand between columns)"
        raise AdminError(
            f"line 1 names the columns: {', '.join(sorted(required))}, and if you have them "
            f"{', '.join(sorted(optional))}; here: {wrong}"
        )
    return names


def _few(names: set[str]) -> str:
    """Names that are none, as a terminal may show them."""
    shown = [name if name.isprintable() and len(name) <= 40 else ascii(name[:40]) for name in sorted(names)[:3]]
    return ", ".join(shown) + (" and more" if len(names) > 3 else "")


def _record(head: list[str], text: str) -> Mapping[str, str]:
    if len(text) > _LONGEST:
        raise ValueError(f"the line is longer than {_LONGEST} characters")
    found = [field.strip() for field in _fields(text)]
    if len(found) > len(head) and not any(found[len(head) :]):
        found = found[: len(head)]
    if len(found) > len(head):
        raise ValueError(f"{len(found)} fields under {len(head)} columns")
    return dict(zip(head, found + [""] * (len(head) - len(found)), strict=True))


def _fields(text: str) -> list[str]:
    if '"' not in text:
        return text.split(",")
    try:
        return next(csv.reader([text], strict=True), [])
    except csv.Error as error:
        raise ValueError(f"quotes: {error}") from None
