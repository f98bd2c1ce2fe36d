"""`greenlane bench audit`: a history as the service writes it, sealed, is proved to be right; a spoilt one is not."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from sqlalchemy import text

from greenlane.bench import audit as bench
from greenlane.cli import main
from service.books.books import Books
from service.store import schema


def measured(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, dict[str, object]]:
    status = main(["bench", "audit", "--json", *words])
    return status, json.loads(capsys.readouterr().out)


@pytest.mark.slow
def test_the_history_is_sealed_and_right(capsys: pytest.CaptureFixture[str]) -> None:
    status, document = measured(capsys, "--postings", "2000")
    assert (status, document["findings"]) == (0, [])
    assert document["fuellings"] == 1000
    assert document["transfers"] == document["fuellings"] * 2 + 1000, "a hold and a posting each, and the top-ups"
    assert int(str(document["sealed"])) >= 3000


@pytest.mark.slow
def test_what_the_audit_finds_ends_with_status_1(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    fill = bench.fill

    def spoilt(books: Books, postings: int) -> Iterator[int]:
        yield from fill(books, postings)
        with books.database.writing() as connection:
            connection.execute(schema.dispensers.update().values(totaliser_ml=text("totaliser_ml + 1")))

    monkeypatch.setattr(bench, "fill", spoilt)
    status, document = measured(capsys, "--postings", "200")
    assert status == 1
    assert document["findings"]
