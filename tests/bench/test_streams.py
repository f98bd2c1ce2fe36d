"""The streams' bench with 500 phones: every stream opens, and every one is told of a change of its own person."""

from __future__ import annotations

import pytest

from greenlane.bench.streams import measure
from service.errors import ServiceError
from service.http.connections import CONNECTIONS, ConnectionLimits, limits_of_this_process
from tests.service.postgres import Cluster

PHONES = 500
MOST_KIB = 34
"""35 kB, far above what one takes (docs/growth-measured.md): what keeps a request or a task for each is found."""


@pytest.mark.slow
def test_five_hundred_phones_hold_a_stream_and_all_are_told() -> None:
    found = measure(PHONES)
    assert (found.open, found.told) == (PHONES, PHONES)
    assert 0 < found.kib_each < MOST_KIB


@pytest.mark.slow
@pytest.mark.database
def test_two_workers_tell_all_phones_of_both(cluster: Cluster) -> None:
    found = measure(100, cluster.database(), workers=2)
    assert (found.open, found.told) == (100, 100)


def test_two_workers_on_sqlite_are_refused() -> None:
    with pytest.raises(ServiceError, match="PostgreSQL"):
        measure(100, None, workers=2)


def test_a_worker_takes_as_many_connections_as_its_setting_says(monkeypatch: pytest.MonkeyPatch) -> None:
    for words, expected in (("900", 900), ("", ConnectionLimits().in_all), ("many", ConnectionLimits().in_all)):
        monkeypatch.setenv(CONNECTIONS, words)
        assert limits_of_this_process().in_all == expected
