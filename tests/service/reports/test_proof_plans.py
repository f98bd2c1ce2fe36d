"""The audit takes no longer for each fuelling of many: no proof looks at all rows of one table for each of another."""

from __future__ import annotations

import importlib
import pkgutil
from collections import Counter
from collections.abc import Iterator

import pytest
from sqlalchemy import text

from service.reports import proofs
from service.store.database import Database

FEW_ROWS = {
    "counter._STRAY": "shifts are a few a day",
}
"""Proofs that may do so, and why."""


def queries() -> Iterator[tuple[str, str]]:
    """Those for SQLite, by module and name."""
    for module in pkgutil.iter_modules(proofs.__path__):
        for name, value in vars(importlib.import_module(f"{proofs.__name__}.{module.name}")).items():
            is_query = isinstance(value, str) and value.strip().startswith(("select", "with"))
            if is_query and "POSTGRESQL" not in name:
                yield f"{module.name}.{name}", value


@pytest.mark.parametrize(("name", "query"), list(queries()), ids=lambda given: given if "." in given[:40] else "")
def test_a_proof_does_not_grow_with_the_square(sqlite_url: str, name: str, query: str) -> None:
    database = Database(sqlite_url)
    try:
        with database.reading() as connection:
            rows = connection.execute(text("explain query plan " + query)).all()
    finally:
        database.close()
    loops = Counter(parent for _, parent, _, detail in rows if detail.startswith("SCAN"))
    is_square = max(loops.values(), default=0) > 1
    assert is_square == (name in FEW_ROWS), [detail for *_, detail in rows]
