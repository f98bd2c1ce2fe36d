"""`greenlane bench paid`: every fuelling of a schedule is paid by its mandate, and its payer's phone sees it."""

from __future__ import annotations

import itertools
import json
import random

import pytest

from greenlane.bench.paid.posting_lanes import DueFuelling, schedule
from greenlane.cli import main
from tests.service.postgres import Cluster


def measured(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, dict[str, object]]:
    status = main(["bench", "paid", "--json", *words])
    return status, json.loads(capsys.readouterr().out)


@pytest.mark.slow
def test_what_is_fuelled_is_seen_paid_and_the_books_say_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    status, document = measured(capsys, "--rates", "4,8", "--seconds", "2", "--phones", "6")
    rows = document["rows"]
    assert isinstance(rows, list)
    assert status == 0
    assert [(row["rate"], row["fuellings"], row["seen"]) for row in rows] == [(4, 8, 8), (8, 16, 16)]
    assert document["charges_paid"] == 20 + 8 + 16
    assert [row["watched"] for row in rows] == [8, 16]
    for row in rows:
        assert 0 < row["receipt_p50_ms"] <= row["receipt_p99_ms"]
        assert row["seen_p50_ms"] <= row["seen_p90_ms"] <= row["seen_p99_ms"] <= row["seen_max_ms"]
        assert row["receipt_p50_ms"] < row["seen_max_ms"], "a phone hears of it after the books"
        assert 0 <= row["late"] <= row["fuellings"]


@pytest.mark.slow
@pytest.mark.database
def test_two_workers_on_postgresql(capsys: pytest.CaptureFixture[str], cluster: Cluster) -> None:
    words = [
        "--postgresql",
        cluster.database(),
        "--workers",
        "2",
        "--open",
        "0.5",
        "--rates",
        "4",
        "--seconds",
        "2",
        "--phones",
        "4",
    ]
    status, document = measured(capsys, *words)
    assert (status, document["charges_paid"]) == (0, 28)
    rows = document["rows"]
    assert isinstance(rows, list)
    assert [(row["fuellings"], row["watched"], row["seen"]) for row in rows] == [(8, 4, 4)]


def test_the_schedule_waits_for_nobody_and_has_its_rate() -> None:
    visits = schedule(50.0, 5_000, 100.0, random.Random(1))
    times = [visit.due_s for visit in visits]
    gaps = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert times == sorted(times)
    assert 0.95 < (times[-1] - 100.0) / 100.0 < 1.05
    mean = sum(gaps) / len(gaps)
    assert 0.9 < (sum((gap - mean) ** 2 for gap in gaps) / len(gaps)) ** 0.5 / mean < 1.1, "as a Poisson process has it"
    assert all(isinstance(visit, DueFuelling) and visit.posted_s is None for visit in visits)


@pytest.mark.parametrize(
    ("words", "refused"),
    [
        (("--rates", "5,fast"), "--rates"),
        (("--rates", "0"), "--rates"),
        (("--workers", "2"), "PostgreSQL"),
    ],
)
def test_what_cannot_be_measured_is_said(
    capsys: pytest.CaptureFixture[str], words: tuple[str, ...], refused: str
) -> None:
    assert main(["bench", "paid", *words]) == 1
    assert refused in capsys.readouterr().err
