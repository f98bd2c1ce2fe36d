"""The station's own page in Chromium: line, exposure and conflicts live, parked messages decided there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from service.identity.people import Role
from service.server import running
from tests.browser.test_parked_messages import has
from tests.service.conftest import migrated_file
from tests.service.identity.test_pages import PASSWORD
from tests.station.conftest import prepared
from tests.station.rig import StationRig

__all__ = ["migrated_file"]
pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture
def rig(migrated_file: Path, tmp_path: Path) -> Iterator[StationRig]:
    with StationRig(prepared(migrated_file, tmp_path)).open() as made:
        yield made


def test_a_cut_line_as_the_staff_see_it(
    chromium: Any, serious: Callable[[Any], list[str]], rig: StationRig, tmp_path: Path
) -> None:
    rig.step()
    rig.wiring.app.state.identity.people.add("wang", PASSWORD, Role.OPERATOR, "S1", "test")
    with running(rig.wiring.app) as url:
        page = chromium.new_context(locale="en-GB", viewport={"width": 1280, "height": 900}).new_page()
        page.goto(f"{url}/station")
        page.fill("#name", "wang")
        page.fill("#password", PASSWORD)
        page.click("button[type=submit]")
        page.wait_for_function(has("The line to the server is up since"), timeout=20_000)
        rig.cut()
        decision = rig.ask()
        page.wait_for_function(has("The line to the server is down since"), timeout=20_000)
        page.wait_for_function(has("Exposure: ¥200.00"), timeout=20_000)
        assert serious(page) == []
        rig.report(rig.fuelling(decision, 15_000))
        page.wait_for_function(has("Exposure: ¥150.00"), timeout=20_000)
        rig.report(replace(rig.fuelling(None, 4_000), volume_ml=1))
        rig.admin.cards.block("C1", True)
        rig.mend()
        rig.step()
        page.wait_for_function(has("card blocked meanwhile"), timeout=20_000)
        page.wait_for_function(has("impossible_fuelling"), timeout=20_000)
        assert serious(page) == []
        (parked,) = rig.wiring.store.outbox.parked()
        page.fill(f"#why--{parked.id}", "counted by hand")
        page.click("button.danger")
        page.wait_for_function(has("No message is parked"), timeout=20_000)
        assert rig.wiring.store.outbox.parked() == ()
        assert rig.exposure_fen == 0
