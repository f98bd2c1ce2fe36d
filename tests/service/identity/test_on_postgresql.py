"""The parts of identity whose SQL or locking differs, on PostgreSQL."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import requests
from fastapi.testclient import TestClient

from controller.clock import SystemClock as LaneClock
from controller.outbound.key_pair import KeyPair
from controller.outbound.signing import Signer
from service.admin.admin import Admin
from service.app import create_app
from service.books.books import Books
from service.identity.guard import Guard
from service.identity.people import Attempt, LoginRefused, Person, Role
from service.identity.signed.devices import DeviceStore, Place
from service.identity.signed.signatures import SignatureRefused
from service.store.clock import SystemWallClock
from service.store.database import Database
from tests.service.identity.kit import CHEAP, ServiceRig
from tests.service.identity.served import Served
from tests.service.postgres import Cluster
from wire.devices import DeviceKind, EnrolmentRequest

pytestmark = pytest.mark.database


@pytest.fixture
def rig(tmp_path: Path, cluster: Cluster, migrated_template: str) -> ServiceRig:
    return ServiceRig(tmp_path, url=cluster.database(migrated_template))


@pytest.fixture
def client(rig: ServiceRig) -> Iterator[TestClient]:
    with TestClient(rig.app, follow_redirects=False) as opened:
        yield opened


def test_signed_replayed_revoked_in_every_worker(rig: ServiceRig, client: TestClient) -> None:
    key = rig.enrol(DeviceKind.LANE)
    parcel = rig.signed(key, "GET", "/v1/prices?station=S1")
    other = TestClient(create_app(rig.url, rig.clock, guard=Guard(hasher=CHEAP)))
    assert parcel.send(client).status_code == 200
    assert parcel.send(other).status_code == 401
    rig.identity.devices.revoke(rig.identity.keys.find(key.key_id).caller.device, "test")
    for at in (client, other):
        assert "revoked" in rig.signed(key, "GET", "/v1/prices?station=S1").send(at).json()["detail"]


def test_one_signature_shown_sixteen_times_at_once(rig: ServiceRig, client: TestClient) -> None:
    parcel = rig.signed(rig.enrol(DeviceKind.LANE), "GET", "/v1/prices?station=S1")
    answers: list[int] = []
    threads = [threading.Thread(target=lambda: answers.append(parcel.send(client).status_code)) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [200] + [401] * 15


@pytest.mark.slow
def test_workers_of_one_service_count_and_remember_together(cluster: Cluster, migrated_template: str) -> None:
    """Two processes: whichever takes a request, a signature passes once, and /metrics tells the sum."""
    url = cluster.database(migrated_template)
    database = Database(url)
    Admin(Books(database, SystemWallClock()), "test").stations.set("S1")
    devices, key = DeviceStore(database, SystemWallClock().now), KeyPair.make()
    code = devices.issue_code(Place(DeviceKind.LANE, "S1", "L1"), "test")
    devices.enrol(EnrolmentRequest(code=code, public_key=key.public_text), "test")
    with Served(url, "--workers", "2", "--metrics-from", "127.0.0.1") as port:
        request = requests.Request("GET", f"http://127.0.0.1:{port}/v1/prices?station=S1").prepare()
        Signer(key, LaneClock())(request)
        answers = []
        for _ in range(24):
            with requests.Session() as fresh:
                answers.append(fresh.send(request, timeout=30).status_code)
        assert sorted(answers) == [200] + [401] * 23
        text = requests.get(f"http://127.0.0.1:{port}/metrics", timeout=30).text
    database.close()
    assert 'greenlane_refused_signatures_total{flaw="replayed"} 23.0' in text


def test_two_devices_race_for_one_place(rig: ServiceRig) -> None:
    store, place, won = rig.identity.devices, Place(DeviceKind.LANE, "S1", "L1"), []
    codes = [store.issue_code(place, "test") for _ in range(8)]

    def attempt(code: str) -> None:
        with suppress(SignatureRefused):
            request = EnrolmentRequest(code=code, public_key=KeyPair.make().public_text)
            won.append(store.enrol(request, "10.0.0.1"))

    threads = [threading.Thread(target=attempt, args=(code,)) for code in codes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    assert sum(d.revoked_at is None for d in store.list()) == 1


def test_rotation(rig: ServiceRig, client: TestClient) -> None:
    old, new = rig.enrol(DeviceKind.LANE), KeyPair.make()
    body = {"public_key": new.public_text, "proof": new.rotation_proof(old.key_id)}
    assert rig.signed(old, "POST", "/v1/keys", body).send(client).status_code == 200
    assert rig.signed(new, "GET", "/v1/prices?station=S1").send(client).status_code == 200
    assert rig.signed(old, "GET", "/v1/prices?station=S1").send(client).status_code == 401


def test_guessing_is_slowed_together_in_all_workers(rig: ServiceRig) -> None:
    people = rig.identity.people
    people.add("wang", "correct horse battery", Role.OPERATOR, None, "test")
    outcomes: list[Person | LoginRefused] = []

    def guess() -> None:
        outcomes.extend(people.log_in(Attempt("wang", "incorrect horse", "10.9.9.9")) for _ in range(25))

    threads = [threading.Thread(target=guess) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    looked_at = [o for o in outcomes if o == LoginRefused()]
    assert (len(outcomes), len(looked_at)) == (100, 5)
    right = people.log_in(Attempt("wang", "correct horse battery", "10.0.0.1"))
    assert isinstance(right, Person)
    token = rig.identity.sessions.begin(right, "10.0.0.1")
    assert rig.identity.sessions.find(token) is not None
