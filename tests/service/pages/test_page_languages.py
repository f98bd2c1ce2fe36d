"""Every page for every role, with something to show on it, is in the reader's language from end to end."""

from __future__ import annotations

from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from service.identity.people import Role
from service.mileage.vehicles import VehicleStore
from tests.service.conftest import migrated_file, sqlite_url  # noqa: F401 - fixtures
from tests.service.identity.kit import PLATE, ServiceRig, fuelling, lane_status, offline_grant, visit_report
from tests.service.identity.test_pages import PASSWORD, fields, log_in
from tests.service.pages.readable import is_checked, look, pages, wrong
from tests.service.phone.kit import fuel, person
from wire.codec import encode
from wire.devices import DeviceKind
from wire.live import Stage, StoryLine
from wire.reasons import Reason

PEOPLE = {
    "li": (Role.CASHIER, "S1"),
    "wang": (Role.OPERATOR, "S1"),
    "zhao": (Role.ADMINISTRATOR, None),
    "pump": (Role.PANEL, "S1"),
    "chen": (Role.ATTENDANT, "S1"),
    "mei": (Role.FLEET, None),
}
ROLES = (*PEOPLE, "nobody")
"""mei is of a fleet; nobody is a browser without a log-in, as a driver's phone is."""

DATA = ("Wang", "Chen")
WORDS = (
    (Stage.READ, "no plate"),
    (Stage.READ, "weakest character 0.93, new energy small, doubted: edge"),
    (Stage.VOTED, "3 reads agree, the province character is 0.61 sure"),
    (Stage.FUELLING, "nozzle hung up, nothing flowed"),
    (Stage.FUELLING, "nozzle hung up, 12.34 L, 97.49 yuan"),
    (Stage.NOTE, "a typed plate was ignored: no vehicle waits for one"),
    (Stage.NOTE, "the wall clock jumped by +61.0 s"),
)
STORY = tuple(StoryLine(at_s=float(n), stage=stage, words=words) for n, (stage, words) in enumerate(WORDS))
ASIDE = (
    "/nowhere",
    "/panel/L99",
    "/station?station=S9",
    "/station/visits/none?station=S1",
    "/counter?station=S1&q=zzz",
    "/counter?station=S1&q=12345",
    "/counter/card?station=S1&card=C99",
    "/counter/top-up?station=S1&card=C1&yuan=abc",
    "/counter/top-up?station=S1&card=C1&yuan=9999999999999",
    "/office/prices/change?station=S1&product=92&yuan=abc",
    "/office/reconcile?station=S1&day=2026-05-04",
    "/office/reconcile?station=S1&day=yesterday",
    "/fleet/vehicles/%E7%B2%A4B99999",
    "/fleet/vehicles/%E7%B2%A4B12345?from=abc",
    "/phone/charges/none",
)
"""Where things are missing, mistyped or not theirs."""


def busy(rig: ServiceRig, client: TestClient) -> dict[str, str]:
    """A day on which something happened everywhere; what stands for the parts of an address."""
    vehicles = VehicleStore(rig.app.state.books, "test")
    vehicles.add_fleet("Wang")
    vehicles.give_to_fleet("Wang", PLATE)
    vehicles.set_vehicle(PLATE, tank_ml=9_000, per_100km_ml=8_000, product="95")
    for name, (role, station) in PEOPLE.items():
        bound = {"lane": "L1" if role is Role.PANEL else None, "fleet": "Wang" if role is Role.FLEET else None}
        rig.identity.people.add(name, PASSWORD, role, station, "test", **bound)
    lane, station_key = rig.enrol(DeviceKind.LANE), rig.enrol(DeviceKind.STATION)
    report = visit_report(plate=None, reason=Reason.UNSURE) | {"story": [encode(line) for line in STORY]}
    for key, path, body in (
        (lane, "/v1/lane-status", lane_status()),
        (lane, "/v1/visits", report),
        (station_key, "/v1/offline-grants", offline_grant()),
        (lane, "/v1/fuellings", fuelling(sequence=900)),
        (lane, "/v1/fuellings", fuelling(sequence=900) | {"volume_ml": 11_000}),
    ):
        rig.signed(key, "POST", path, body).send(client)
    person(rig, client, "Chen", plate="粤B77777")
    fuel(rig, 7_900, "粤B77777")
    counter(rig, "li", "/counter/shift/open", yuan="200")
    counter(rig, "li", "/counter/top-up", card="C1", yuan="300", method="cash")
    counter(rig, "wang", "/office/block", what="card", name="C1", card="C1", word="block")
    return {"lane": "L1", "visit": str(report["visit"]), "plate": PLATE, "charge": "none", "provider": "x"}


def counter(rig: ServiceRig, who: str, path: str, **form: str) -> None:
    """Fill in a form of the counter's pages."""
    client = opened(rig.app, who)
    token = fields(client.get("/"))["csrf"]
    data = {"csrf": token, "form": f"form-{path[-5:]}-of-this-test", **form}
    answer = client.post(path, params={"station": "S1"}, data=data)
    assert answer.status_code in (200, 303), answer.text


def opened(app: FastAPI, name: str) -> TestClient:
    client = TestClient(app, client=("10.0.0.1", 4711), follow_redirects=False)
    if name != "nobody":
        answer = log_in(client, name)
        assert answer.status_code == 303, answer.text
    return client


@pytest.mark.slow
def test_every_page_is_in_the_readers_language(sqlite_url: str, tmp_path: Path) -> None:  # noqa: F811 - its value
    rig = ServiceRig(tmp_path, url=sqlite_url)
    found: dict[tuple[str, str], list[str]] = {}
    shown = set()
    with TestClient(rig.app) as browser:
        names = busy(rig, browser)
        addresses = [f"{path}?station=S1&card=C1" for path in pages(rig.app, names)]
        for name in ROLES:
            client = opened(rig.app, name)
            for language in ("zh", "en"):
                for path in (*addresses, *ASIDE):
                    answer = look(client, path, language)
                    assert answer.status_code != 500, path
                    if is_checked(answer, path):
                        shown.add((path.partition("?")[0], answer.status_code))
                        found[path, language] = wrong(answer.text, language, DATA)
    assert len({path for path, status in shown if status == 200}) > 20
    assert {status for _, status in shown} >= {200, 400, 403, 404}
    assert not {key: left for key, left in found.items() if left}
