"""A fuelling of more than its vehicle's tank takes is flagged, and is charged all the same."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from controller.outbound.key_pair import KeyPair
from greenlane.cli import main
from tests.service.identity.kit import PLATE, START, ServiceRig, fuelling, question
from wire.codec import decode, encode
from wire.devices import DeviceKind
from wire.fuellings import Fuelling
from wire.money import amount_fen

TANK_ML = 50_000
MOST_ML = 55_000


class Forecourt:
    """Lane L1 of the service, which reports over its signed connection what its dispenser delivered."""

    def __init__(self, rig: ServiceRig, client: TestClient, key: KeyPair) -> None:
        self.rig, self.client, self.key = rig, client, key
        self.total_ml = 0

    def sold(self, volume_ml: int, **changes: object) -> dict[str, object]:
        first, self.total_ml = self.total_ml, self.total_ml + volume_ml
        made = decode(Fuelling, fuelling(sequence=self.rig.number()))
        made = replace(
            made,
            ended_at=START,
            started_at=START.replace(hour=7),
            volume_ml=volume_ml,
            amount_fen=amount_fen(volume_ml, 790),
            totaliser_before_ml=first,
            totaliser_after_ml=self.total_ml,
        )
        body = encode(replace(made, **changes))  # type: ignore[arg-type]
        answer = self.rig.signed(self.key, "POST", "/v1/fuellings", body).send(self.client)
        assert answer.status_code == 200, answer.text
        receipt: dict[str, object] = answer.json()
        assert receipt["charged_fen"] == made.amount_fen, "a flag takes nothing and gives nothing"
        return receipt

    def flagged(self, volume_ml: int, **changes: object) -> bool:
        flags = self.sold(volume_ml, **changes)["flags"]
        assert isinstance(flags, list)
        return "above_tank" in flags


@pytest.fixture
def forecourt(tmp_path: Path, database_url: str) -> Iterator[Forecourt]:
    rig = ServiceRig(tmp_path, url=database_url)
    with TestClient(rig.app) as client:
        yield Forecourt(rig, client, rig.enrol(DeviceKind.LANE))


def set_tank(rig: ServiceRig, plate: str, litres: str) -> None:
    assert main(["admin", "--database", rig.url, "vehicle", "set", plate, "--tank", litres]) == 0


def test_a_tank_and_a_tenth_is_enough(forecourt: Forecourt) -> None:
    assert not forecourt.flagged(200_000), "nobody has said what its tank holds"
    set_tank(forecourt.rig, PLATE, "50")
    volumes_ml = (TANK_ML - 1, TANK_ML, TANK_ML + 1, MOST_ML - 1, MOST_ML, MOST_ML + 1, 67_960)
    assert [forecourt.flagged(volume_ml) for volume_ml in volumes_ml] == [False] * 5 + [True] * 2
    assert not forecourt.flagged(67_960, plate=None)
    set_tank(forecourt.rig, PLATE, "65")
    assert not forecourt.flagged(67_960)
    assert not forecourt.flagged(67_960, plate="粤B54321")
    assert main(["admin", "--database", forecourt.rig.url, "audit"]) == 0


def test_the_authorised_plate_counts_where_the_report_names_none(forecourt: Forecourt) -> None:
    set_tank(forecourt.rig, PLATE, "50")
    asked = forecourt.rig.signed(forecourt.key, "POST", "/v1/authorisations", question()).send(forecourt.client)
    allowed = {"authorisation": asked.json()["authorisation"], "visit": "v1", "plate": None}
    assert forecourt.flagged(MOST_ML + 1, **allowed)


def test_a_vehicle_without_a_card_has_a_tank_too(forecourt: Forecourt) -> None:
    set_tank(forecourt.rig, "粤C00001", "50")
    assert forecourt.flagged(MOST_ML + 1, plate="粤C·00001")
    assert not forecourt.flagged(MOST_ML, plate="粤C00001")
