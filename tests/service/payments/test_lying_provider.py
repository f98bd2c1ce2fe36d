"""Two thousand fuellings against a provider that lies: not a fen wrong, never paid too early, all known in a day."""

from __future__ import annotations

import pytest

from greenlane.bench.lying_payments import Lie
from greenlane.bench.payments import measure


@pytest.mark.slow
def test_two_thousand_fuellings_against_a_lying_provider(sqlite_url: str) -> None:
    found = measure(sqlite_url, 2_000, seed=7)
    assert (found.wrong_fen, found.early, found.unknown, found.contradictions, found.findings) == (0, 0, 0, 0, ())
    assert found.paid + found.failed == 2_000
    assert set(found.lies) == set(Lie) - {Lie.REFUSES}
    assert 0 < found.longest_s <= 86_400
    assert found.failed > 100
    assert found.notifications > 1_000
