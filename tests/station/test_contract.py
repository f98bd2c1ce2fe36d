"""schemathesis over the station's own OpenAPI document, line up and cut: nothing but announced answers."""

from __future__ import annotations

from pathlib import Path

import pytest

from service.server import running
from tests.service.identity.test_contract import Caller, send_everything
from tests.station.conftest import prepared
from tests.station.rig import StationRig
from wire.devices import DeviceKind

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("line", ["up", "cut"])
@pytest.mark.parametrize("mode", ["POSITIVE", "NEGATIVE"])
def test_every_answer_is_as_announced(mode: str, line: str, migrated_file: Path, tmp_path: Path) -> None:
    """No error of the station's own; 503 alone, announced, for what cannot be answered without the server."""
    with StationRig(prepared(migrated_file, tmp_path)).open() as rig:
        key = rig.server.enrol(DeviceKind.LANE)
        rig.step()
        if line == "cut":
            rig.cut()
        with running(rig.wiring.app) as url:
            sender = Caller(rig.clock, url, key)
            send_everything(rig.wiring.app, sender, mode)
    wrong = {status for status in sender.statuses if status >= 500}
    assert wrong <= ({503} if line == "cut" else set())
    if mode == "POSITIVE":
        assert {200, 403} <= sender.statuses
