"""Every page of a station's central control, line up and cut, is in the reader's language."""

from __future__ import annotations

import pytest
from fastapi.testclient import TestClient

from service.identity.people import Role
from tests.service.identity.kit import PLATE, lane_status, visit_report
from tests.service.identity.test_pages import PASSWORD, log_in
from tests.service.pages.readable import is_checked, look, pages, wrong
from tests.station.rig import StationRig
from wire.codec import decode
from wire.live import LaneStatus, VisitReport

PEOPLE = {"wang": Role.OPERATOR, "li": Role.ATTENDANT, "pump": Role.PANEL}


@pytest.mark.slow
def test_every_page_is_in_the_readers_language(rig: StationRig) -> None:
    app = rig.wiring.app
    found: dict[tuple[str, str], list[str]] = {}
    for name, role in PEOPLE.items():
        lane = "L1" if role is Role.PANEL else None
        app.state.identity.people.add(name, PASSWORD, role, "S1", "test", lane=lane)
    rig.step()
    at_station = app.state.station
    at_station.lanes.take([decode(LaneStatus, lane_status())])
    at_station.visits.take(decode(VisitReport, visit_report()))
    names = {"lane": "L1", "visit": str(visit_report()["visit"]), "plate": PLATE, "charge": "none"}
    addresses = [f"{path}?station=S1" for path in pages(app, names)] + [
        "/nowhere",
        "/panel/L99",
        "/station/visits/none",
    ]
    for line in ("up", "cut"):
        for name in (*PEOPLE, "nobody"):
            client = TestClient(app, client=("127.0.0.1", 4711), follow_redirects=False)
            if name != "nobody":
                assert log_in(client, name).status_code == 303
            for language in ("zh", "en"):
                for path in addresses:
                    answer = look(client, path, language)
                    assert answer.status_code != 500, path
                    if is_checked(answer, path):
                        found[path, language] = wrong(answer.text, language)
        if line == "up":
            rig.cut()
            rig.ask()
    assert len(found) > 10
    assert not {key: left for key, left in found.items() if left}
