"""The station's own page: line, exposure, conflicts and parked messages, live and on its own database."""

from __future__ import annotations

import re
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from service.errors import Unavailable
from service.identity import trail
from service.identity.people import PeopleStore, Role
from service.live.changes import station_topic
from service.offline.visits import CONFLICTS
from service.station import words
from service.store.live_tables import live_changes
from service.store.zones import zone_of
from station.store.pages_file import carry_over, set_aside_if_damaged
from tests.full_disk import full_disk
from tests.service.identity.kit import CHEAP, PLATE, START, lane_status, visit_report
from tests.station.rig import PATIENCE_S, StationRig
from wire.codec import decode
from wire.live import LampState, LaneStatus, OrderKind, VisitReport

PASSWORD = "correct horse battery"


@pytest.fixture
def client(rig: StationRig) -> Iterator[TestClient]:
    people = rig.wiring.app.state.identity.people
    people.add("wang", PASSWORD, Role.OPERATOR, "S1", "test")
    people.add("li", PASSWORD, Role.ATTENDANT, "S1", "test")
    with TestClient(rig.wiring.app, client=("127.0.0.1", 4711), follow_redirects=False) as opened:
        yield opened


def log_in(client: httpx.Client, name: str = "wang") -> str:
    """A logged-in browser; returns what its forms send."""
    page = client.get("/login?lang=en").text
    secret = page.partition('name="csrf" value="')[2].partition('"')[0]
    answer = client.post("/login", data={"name": name, "password": PASSWORD, "csrf": secret, "next": "/station"})
    assert answer.status_code == 303, answer.text
    return client.get("/station?station=S1").text.partition('name="csrf" value="')[2].partition('"')[0]


def view(client: httpx.Client) -> str:
    answer = client.get("/station/view?station=S1")
    assert answer.status_code == 200
    return answer.text


def test_the_page_has_the_stations_title_and_zone(rig: StationRig, client: TestClient) -> None:
    """It showed "S1" alone, and times in China's zone, whatever the server says of the station."""
    log_in(client)
    assert "<h1>Station S1</h1>" in client.get("/station?station=S1").text
    rig.admin.stations.set("S1", title="环路东站", zone="Asia/Urumqi")
    rig.step()
    assert "<h1>Station S1 · 环路东站</h1>" in client.get("/station?station=S1").text
    with rig.wiring.books.database.reading() as connection:
        assert str(zone_of(connection, "S1")) == "Asia/Urumqi"
    deeds = len(changes_of_station(rig))
    rig.step()
    rig.restart()
    assert len(changes_of_station(rig)) == deeds, "what it knows it does not write down again"


def changes_of_station(rig: StationRig) -> list[trail.Deed]:
    with rig.wiring.books.database.reading() as connection:
        return [deed for deed in trail.last(connection, 100) if deed.action == "set_station"]


def test_line_and_exposure(rig: StationRig, client: TestClient) -> None:
    rig.step()
    log_in(client)
    assert 'data-line="up"' in view(client)
    rig.cut()
    rig.ask()
    shown = view(client)
    assert 'data-line="down"' in shown
    assert "¥200.00</strong> / ¥500.00 (40 %)" in shown
    assert "good until" in shown
    rig.clock.move(13 * 3600)
    rig.wiring.uplink.changed()
    log_in(client)
    assert "the offline list has expired" in view(client)


def test_every_change_is_told_to_open_pages(rig: StationRig, client: TestClient) -> None:
    rig.step()

    def number() -> int:
        query = select(live_changes.c.number).where(live_changes.c.topic == station_topic("S1"))
        with rig.wiring.books.database.reading() as connection:
            return int(connection.execute(query).scalar() or 0)

    seen = [number()]
    rig.cut()
    decision = rig.ask()
    seen.append(number())
    rig.report(rig.fuelling(decision, 5_000))
    seen.append(number())
    rig.mend()
    rig.step()
    seen.append(number())
    assert seen == sorted(set(seen)), seen


def test_conflicts_are_shown_at_the_station_and_at_the_server(rig: StationRig, client: TestClient) -> None:
    rig.step()
    rig.cut()
    rig.report(rig.fuelling(rig.ask(), 15_000))
    rig.admin.cards.block("C1", True)
    rig.mend()
    rig.step()
    log_in(client)
    shown = view(client)
    assert "card blocked meanwhile" in shown
    assert PLATE in shown
    rig.server.identity.people.add("wang", PASSWORD, Role.OPERATOR, "S1", "test")
    with httpx.Client(base_url=rig.cable.url, timeout=30) as at_server:
        log_in(at_server)
        shown = view(at_server)
    assert "card blocked meanwhile" in shown
    assert "data-line" not in shown


def parked(rig: StationRig) -> int:
    rig.step()
    rig.cut()
    bad = rig.fuelling(rig.ask(), 5_000)
    rig.report(replace(bad, volume_ml=1))
    rig.mend()
    rig.step()
    (message,) = rig.wiring.store.outbox.parked()
    return message.id


@pytest.mark.slow
def test_parked_messages_are_decided_by_operators(rig: StationRig, client: TestClient) -> None:
    message = parked(rig)
    csrf = log_in(client)
    assert "impossible_fuelling" in view(client)
    form = {"csrf": csrf, "kind": "retry", "lane": "", "message": str(message)}
    assert client.post("/station/orders?station=S1", data=form).status_code == 303
    assert len(rig.wiring.store.outbox.waiting()) == 1
    rig.step()
    form |= {"kind": "discard", "why": "counted by hand"}
    assert client.post("/station/orders?station=S1", data=form).status_code == 303
    assert rig.wiring.store.outbox.parked() == ()
    assert rig.exposure_fen == 0
    with rig.wiring.books.database.reading() as connection:
        deeds = [(d.actor, d.action) for d in trail.last(connection, 3)]
    assert ("person:wang", "did discard") in deeds
    assert ("person:wang", "did retry") in deeds
    again = client.post("/station/orders?station=S1", data=form)
    assert again.status_code == 409


def test_attendants_only_look(rig: StationRig, client: TestClient) -> None:
    message = parked(rig)
    csrf = log_in(client, "li")
    form = {"csrf": csrf, "kind": "discard", "lane": "", "message": str(message), "why": "no"}
    assert client.post("/station/orders?station=S1", data=form).status_code == 403
    assert len(rig.wiring.store.outbox.parked()) == 1


def test_the_panel_works_on_the_stations_own_database(rig: StationRig, client: TestClient) -> None:
    rig.cut()
    rig.wiring.app.state.station.lanes.take(
        [replace(decode(LaneStatus, lane_status()), at=rig.clock.now(), phase="red", lamp=LampState.RED)]
    )
    csrf = log_in(client)
    answer = client.post(
        "/panel/L1/typed?station=S1", data={"csrf": csrf, "plate": PLATE}, headers={"Accept": "application/json"}
    )
    assert answer.status_code == 202
    (order,) = rig.wiring.app.state.station.orders.waiting("S1", "L1")
    assert (order.kind, order.plate) == (OrderKind.TYPED, PLATE)


def test_what_lanes_tell_reaches_the_servers_page(rig: StationRig) -> None:
    at_station, at_server = rig.wiring.app.state.station, rig.server.app.state.station
    at_station.lanes.take([replace(decode(LaneStatus, lane_status()), at=rig.clock.now(), phase="asking")])
    at_station.lanes.take([replace(decode(LaneStatus, lane_status()), at=rig.clock.now(), phase="red")])
    at_station.visits.take(decode(VisitReport, visit_report()))
    rig.cut()
    with pytest.raises(Exception, match="no connection"):
        rig.wiring.uplink.ask(rig.wiring.upstream.devices, PATIENCE_S)
    assert not rig.wiring.status_forwarder.send_one(), "it waits while the line is down"
    rig.mend()
    rig.step(1)
    while rig.wiring.status_forwarder.send_one():
        pass
    assert [lane.status.phase for lane in at_server.lanes.all_of("S1")] == ["red"]
    assert len(at_server.visits.newest("S1")) == 1


def test_alerts_name_figures_that_exist(rig: StationRig) -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "alerts.md").read_text(encoding="utf-8")
    named = set(re.findall(r"\b(greenlane_station_\w+)", page))
    exposed = set(re.findall(r"^# TYPE (\w+) ", rig.wiring.app.state.metrics.exposition().decode(), re.MULTILINE))
    assert len(named) >= 9
    assert named <= exposed, named - exposed


def test_every_conflict_has_its_words_and_its_place_in_the_documents() -> None:
    docs = Path(__file__).resolve().parents[2] / "docs"
    page = (docs / "station.md").read_text(encoding="utf-8")
    assert set(CONFLICTS) == set(words.CONFLICTS)
    assert [flag for flag in CONFLICTS if f"`{flag}`" not in page] == []


def test_figures(rig: StationRig) -> None:
    rig.step()
    rig.cut()
    rig.ask()
    text = rig.wiring.app.state.metrics.exposition().decode()
    for line in (
        "greenlane_station_line_up 0.0",
        "greenlane_station_exposure_fen 20000.0",
        "greenlane_station_cap_fen 50000.0",
        "greenlane_station_open_grants 1.0",
        "greenlane_station_list_usable 1.0",
        "greenlane_station_disk_up 1.0",
    ):
        assert line in text, line


def test_a_full_disk_shows_in_figures_and_log(rig: StationRig, caplog: pytest.LogCaptureFixture) -> None:
    """Once when it is full, once when there is room, whether by a question or by who asks for its health."""
    rig.step()

    def figures() -> str:
        return str(rig.wiring.app.state.metrics.exposition().decode())

    def told() -> list[str]:
        return [r.message for r in caplog.records if r.name == "station.answers"]

    with full_disk():
        for _ in range(2):
            with pytest.raises(Unavailable):
                rig.ask()
        assert "greenlane_station_disk_up 0.0" in figures()
    (lost,) = told()
    assert "station.sqlite3" in lost
    rig.step(2)
    rig.ask()
    assert "greenlane_station_disk_up 1.0" in figures()
    assert told() == [lost, "the station's own files can be written again"]


def test_a_station_whose_pages_were_emptied_starts_and_says_so(
    rig: StationRig, caplog: pytest.LogCaptureFixture
) -> None:
    rig.stop()
    for left in (rig.folder / "station").glob("pages.sqlite3*"):
        left.unlink()
    (rig.folder / "station" / "pages.sqlite3").touch()
    rig.start()
    assert "pages.sqlite3 was empty, so who may log in at this station is lost" in caplog.text
    rig.step()
    assert rig.wiring.lists.held.why_not is None


@pytest.mark.parametrize("damage", ["head", "cut", "an index"])
def test_a_station_whose_pages_are_damaged_starts_with_what_can_be_read(rig: StationRig, damage: str) -> None:
    """It did not start any more, and every lane was red."""
    pages = rig.folder / "station" / "pages.sqlite3"
    before = PeopleStore(rig.wiring.books.database, rig.clock.now, CHEAP)
    before.add("wang", "a long password 1", Role.OPERATOR, "S1", "test")
    rig.step()
    rig.stop()
    with closing(sqlite3.connect(pages)) as opened:
        opened.execute("pragma wal_checkpoint(truncate)")
        an_index = "select rootpage from sqlite_master where type = 'index' and tbl_name = 'live_changes'"
        (page,) = opened.execute(an_index).fetchone()
    content = bytearray(pages.read_bytes())
    if damage == "an index":
        content[(page - 1) * 4096 : page * 4096] = b"\xa5" * 4096
    elif damage == "head":
        content[:24] = b"\xa5" * 24
    pages.write_bytes(content[:9000] if damage == "cut" else content)
    damaged = pages.read_bytes()
    rig.start()
    (kept,) = pages.parent.glob("pages.sqlite3.corrupt-*")
    assert kept.read_bytes() == damaged
    assert list(pages.parent.glob("*.damaged*")) == []
    people = PeopleStore(rig.wiring.books.database, rig.clock.now, CHEAP).list()
    assert [one.name for one in people] == (["wang"] if damage == "an index" else [])
    rig.step()
    assert rig.wiring.lists.held.why_not is None


def test_people_are_carried_over_wherever_the_start_is_cut_off(
    migrated_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before one renaming after another; the next start goes on from there."""
    whole, pages = tmp_path / "whole.sqlite3", tmp_path / "pages.sqlite3"
    shutil.copy(migrated_file, whole)
    with closing(sqlite3.connect(whole)) as opened, opened:
        opened.execute("insert into people (name, password_hash, role, created_us) values ('wang', 'x', 'operator', 1)")
        (page,) = opened.execute("select rootpage from sqlite_master where tbl_name = 'live_changes'").fetchone()
    content = bytearray(whole.read_bytes())
    content[(page - 1) * 4096 : page * 4096] = b"\xa5" * 4096
    pages.write_bytes(content)

    def start() -> None:
        damaged = set_aside_if_damaged(pages, START)
        if not pages.exists():
            shutil.copy(migrated_file, pages)
        if damaged is not None:
            carry_over(damaged, pages, START)

    rename = Path.rename
    for last in (0, 1):
        left = iter(range(last))

        def cut_off(path: Path, target: Path, left: Iterator[int] = left) -> Path:
            if path.exists() and next(left, None) is None:
                raise KeyboardInterrupt
            return rename(path, target)

        with monkeypatch.context() as patch:
            patch.setattr(Path, "rename", cut_off)
            with pytest.raises(KeyboardInterrupt):
                start()
    start()
    with closing(sqlite3.connect(pages)) as opened:
        assert opened.execute("select name from people").fetchall() == [("wang",)]
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "pages.sqlite3",
        "pages.sqlite3.corrupt-" + f"{START:%Y%m%dT%H%M%S}",
        "whole.sqlite3",
    ]
