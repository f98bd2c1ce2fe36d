"""Two workers on PostgreSQL: what one of them charges is told by the stream that a phone holds at the other."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
import requests

from service.app import create_app
from service.identity.guard import EMBEDDED
from service.server import running
from tests.service.identity.kit import ServiceRig
from tests.service.live.test_live import HOUR, next_event, next_number
from tests.service.phone.kit import fuel, person
from tests.service.postgres import Cluster


@pytest.mark.database
def test_a_charge_of_one_worker_reaches_the_stream_of_a_phone_at_the_other(
    tmp_path: Path, cluster: Cluster, migrated_template: str
) -> None:
    """Nothing is read by itself within the test (HOUR), so that only the workers' telling each other is left."""
    rig = ServiceRig(tmp_path, guard=EMBEDDED, url=cluster.database(migrated_template))
    other = create_app(rig.url, rig.clock, guard=EMBEDDED)
    for app in (rig.app, other):
        app.state.changes.pace = HOUR
    with running(rig.app) as one, running(other) as two, httpx.Client(base_url=one, timeout=60) as client:
        phone, stranger = (
            person(rig, client, name, plate=plate) for name, plate in (("N1", "粤B10001"), ("N2", "粤B10002"))
        )
        streams = [
            requests.get(
                f"{two}/v1/phone/events", headers=own.headers("GET", "/v1/phone/events", b""), stream=True, timeout=60
            )
            for own in (phone, stranger)
        ]
        mine, beside = (stream.iter_lines(chunk_size=1, decode_unicode=True) for stream in streams)
        first, _ = next_number(mine), next_number(beside)
        fuel(rig, 7_900, "粤B10001")
        assert next_number(mine) > first
        with httpx.Client(base_url=two, timeout=60) as elsewhere:
            (charge,) = phone.signed("GET", "/v1/phone/charges").send(elsewhere).json()
        assert (charge["amount_fen"], charge["plate"]) == (7_900, "粤B10001")
        assert [next_event(beside) for _ in range(2)] == ["event: alive"] * 2  # the stranger is told nothing
        for stream in streams:
            stream.close()
