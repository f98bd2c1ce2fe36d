"""Views that many pages show are rendered once per change, and nobody gets one that is older than what it was told."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import event

from controller.outbound.key_pair import KeyPair
from service.identity.people import Role
from service.station.overview.shared import Rendering, SharedViews
from tests.service.identity.kit import ServiceRig, lane_status
from tests.service.identity.test_pages import PASSWORD, csrf, log_in
from tests.service.station.test_station import PARKED, tell
from wire.devices import DeviceKind


class Painter:
    """Counts its renderings and says which change each shows."""

    def __init__(self, fresh_s: float = 60.0) -> None:
        self.number = 1
        self.made = 0
        self._fresh_s = fresh_s

    async def render(self) -> Rendering:
        self.made += 1
        number = self.number
        await asyncio.sleep(0.01)
        return Rendering(number, f"made {self.made}", self._fresh_s)


def test_all_who_ask_share_one_rendering_per_change() -> None:
    async def scene() -> None:
        views, painter = SharedViews(), Painter()
        first = await asyncio.gather(*[views.get("a", 1, painter.render) for _ in range(100)])
        assert {found.text for found in first} == {"made 1"}
        painter.number = 2
        second = await asyncio.gather(*[views.get("a", 2, painter.render) for _ in range(100)])
        assert {found.text for found in second} == {"made 2"}
        other = await views.get("b", 1, painter.render)
        assert (other.text, painter.made) == ("made 3", 3)

    asyncio.run(scene())


def test_who_was_told_of_a_change_during_a_rendering_waits_for_the_next() -> None:
    async def scene() -> None:
        views, painter = SharedViews(), Painter()
        early = asyncio.create_task(views.get("a", 1, painter.render))
        await asyncio.sleep(0.005)
        painter.number = 2
        late = await views.get("a", 2, painter.render)
        assert (late.number, (await early).number, painter.made) == (2, 1, 2)

    asyncio.run(scene())


def test_a_stream_of_changes_is_rendered_now_and_then_only() -> None:
    async def scene() -> None:
        views, painter = SharedViews(), Painter()
        loop = asyncio.get_running_loop()
        ends_s = loop.time() + 0.6
        while loop.time() < ends_s:
            painter.number += 1
            await views.get("a", painter.number, painter.render)
        assert painter.made <= 8, "10 ms of work are worth a pause of 100 ms"

    asyncio.run(scene())


def test_what_time_has_made_untrue_is_rendered_again() -> None:
    async def scene() -> None:
        views, painter = SharedViews(), Painter(fresh_s=0.05)
        await views.get("a", 1, painter.render)
        await asyncio.sleep(0.06)
        assert (await views.get("a", 1, painter.render)).text != "made 1"

    asyncio.run(scene())


def test_a_failed_rendering_fails_for_all_who_waited_and_is_tried_again() -> None:
    async def fail() -> Rendering:
        await asyncio.sleep(0.01)
        raise ValueError("the database is away")

    async def scene() -> None:
        views = SharedViews()
        found = await asyncio.gather(*[views.get("a", 1, fail) for _ in range(3)], return_exceptions=True)
        assert [type(error) for error in found] == [ValueError] * 3
        assert (await views.get("a", 1, Painter().render)).text == "made 1"

    asyncio.run(scene())


@pytest.fixture
def rig(tmp_path: Path) -> ServiceRig:
    made = ServiceRig(tmp_path)
    for name, role in (("wang", Role.OPERATOR), ("zhao", Role.OPERATOR), ("li", Role.ATTENDANT)):
        made.identity.people.add(name, PASSWORD, role, "S1", "test")
    return made


@pytest.fixture
def client(rig: ServiceRig) -> Iterator[TestClient]:
    with TestClient(rig.app, client=("10.0.0.1", 4711), follow_redirects=False) as opened:
        yield opened


def test_a_shared_view_carries_each_session_s_own_token(rig: ServiceRig, client: TestClient) -> None:
    key = rig.enrol(DeviceKind.LANE)
    tell(rig, client, key, "/v1/lane-status", lane_status() | {"parked": [PARKED]})
    shown = {}
    for name in ("wang", "zhao", "li"):
        client.cookies.clear()
        log_in(client, name)
        shown[name] = client.get("/station/view").text
        assert (f'name="csrf" value="{csrf(client)}"' in shown[name]) is (name != "li")
    assert "Discard" not in shown["li"]
    assert len(set(shown.values())) == 3


def test_a_view_says_when_time_makes_it_untrue_and_is_rendered_again_then(rig: ServiceRig, client: TestClient) -> None:
    key = rig.enrol(DeviceKind.LANE)
    tell(rig, client, key, "/v1/lane-status", lane_status())
    rig.clock.move(29.8)
    log_in(client, "li")
    for path in ("/station/view", "/panel/L1/view"):
        assert float(client.get(path).headers["Greenlane-Fresh-S"]) <= 0.5, path
    rig.clock.move(1)
    for path in ("/station/view", "/panel/L1/view"):
        assert 'data-lamp="silent"' in wait_for(client, path, 'data-lamp="silent"'), path
        assert float(client.get(path).headers["Greenlane-Fresh-S"]) > 20, path


def wait_for(client: TestClient, path: str, words: str) -> str:
    """The page as it asks again after its freshness, a few times."""
    for _ in range(20):
        text = client.get(path).text
        if words in text:
            return text
        time.sleep(0.1)
    return text


def test_the_work_of_a_view_does_not_grow_with_the_lanes(rig: ServiceRig, client: TestClient) -> None:
    statements: list[str] = []
    event.listen(
        rig.app.state.books.database.engine, "before_cursor_execute", lambda *given: statements.append(given[2])
    )
    log_in(client, "wang")
    counts = []
    for lane in ("L1", "L2"):
        key: KeyPair = rig.enrol(DeviceKind.LANE, lane=lane)
        tell(rig, client, key, "/v1/lane-status", lane_status(lane=lane))
        statements.clear()
        assert f'data-lane="{lane}"' in client.get("/station/view").text
        counts.append(sum("lane_" in one or "visit_reports" in one for one in statements))
    assert counts[0] == counts[1] <= 4
