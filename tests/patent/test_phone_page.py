"""P13: each phone has a period that is set on the phone: proposed there, confirmed by the plate's owner."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from fastapi.testclient import TestClient

from service.payers.plate_payers import PlatePayers
from tests.service.identity.kit import ServiceRig
from tests.service.phone.kit import PLATE, person


def test_P13_each_phone_s_period_is_set_on_the_phone(tmp_path: Path) -> None:
    rig = ServiceRig(tmp_path)
    payers = PlatePayers(rig.app.state.books, "test")
    with TestClient(rig.app) as client:
        owner = person(rig, client, "Boss", hours=None)
        payers.set_owner(PLATE, "Boss")
        drivers = {"0-8": "A", "8-16": "B", "16-24": "C"}
        for hours, name in drivers.items():
            phone = person(rig, client, name, hours=None)
            proposal = phone.ask("POST", "/v1/phone/hours", {"plate": PLATE, "hours": hours}).json()["id"]
            assert payers.turn(PLATE, rig.clock.now())[0].payer.name != name, "not before the owner has confirmed"
            assert owner.ask("POST", f"/v1/phone/hours/{proposal}/confirm").status_code == 204
    midnight = rig.clock.now().replace(hour=16, minute=0)
    found = [payers.turn(PLATE, midnight + timedelta(hours=hour))[0].payer.name for hour in (0, 7, 8, 15, 16, 23)]
    assert found == ["A", "A", "B", "B", "C", "C"]
