"""`greenlane bench sales`: every mix-up that a true figure contradicts is found, and a clean fill never."""

from __future__ import annotations

import json

import pytest

from greenlane.bench import sales
from greenlane.cli import main


def measured(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, dict[str, object]]:
    status = main(["bench", "sales", "--json", *words])
    return status, json.loads(capsys.readouterr().out)


@pytest.mark.slow
def test_mixed_up_sales_are_found_and_clean_fills_are_not(capsys: pytest.CaptureFixture[str]) -> None:
    status, document = measured(capsys, "--fills", "1500", "--faults", "360", "--seed", "7")
    assert (status, document["missed"], document["wrongly_flagged"]) == (0, 0, 0)
    rows = document["faults"]
    assert isinstance(rows, list)
    assert len(rows) == 12
    assert sum(row["spoilt"] for row in rows) == 360 + 120, "two sales are spoilt where two are exchanged"
    for row in rows:
        assert row["found"] == row["contradicted"] <= row["spoilt"]
    by_witness = {w: sum(row["found"] for row in rows if row["witness"] == w) for w in sales.WITNESSES}
    assert min(by_witness.values()) > 5, "no witness goes untried"


def test_what_is_missed_ends_with_status_1(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sales, "BAD", frozenset())
    status, document = measured(capsys, "--fills", "0", "--faults", "12")
    assert status == 1
    assert document["missed"]
