"""The pump and the clip of the live demonstration: who lifts the nozzle, and what follows a clip's last picture."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np
import pytest
import requests
from sqlalchemy import select

from controller.clock import ManualClock
from greenlane.cli.demo import why_of
from greenlane.living.demo_pages import serve_start
from greenlane.living.seeding import FLEET, TITLE, seed
from greenlane.living.system import READ_TIMEOUT_S
from greenlane.simulation.cast import bundled
from greenlane.simulation.world import UNIT_PRICE_FEN_PER_L
from hardware.cameras import CameraWishes, open_camera
from hardware.dispensers.simulated import Customer, SimulatedDispenser
from service.app import create_app
from service.books.books import Books
from service.payers.phones import Phones
from service.reports.statement import cards
from service.server import running
from service.store import schema
from service.store.clock import SystemWallClock
from service.store.database import Database
from tests.service.new_books import put_new_books
from wire.live import LampState, LaneStatus
from wire.reasons import Reason
from wire.typed import TypedRule


@pytest.fixture
def pump() -> tuple[SimulatedDispenser, ManualClock]:
    clock = ManualClock()
    return SimulatedDispenser(clock, customer=Customer(2.0)), clock


def advance(pump: SimulatedDispenser, clock: ManualClock, seconds: float) -> list[bool]:
    """The nozzle at each turn of a loop that polls ten times a second."""
    seen = []
    for _ in range(round(seconds * 10)):
        clock.advance(0.1)
        seen.append(pump.poll().nozzle_lifted)
    return seen


def test_a_customer_comes_with_each_permit(pump: tuple[SimulatedDispenser, ManualClock]) -> None:
    dispenser, clock = pump
    assert not any(advance(dispenser, clock, 5)), "nobody lifts the nozzle without a permit"
    for visit in (1, 2):
        dispenser.permit(True)
        dispenser.permit(True)
        seen = advance(dispenser, clock, 10)
        assert (seen[0], any(seen), seen[-1]) == (False, True, False)
        assert dispenser.poll().pulses == 200 * visit
        dispenser.permit(False)
        advance(dispenser, clock, 1)


def test_a_customer_hangs_up_when_the_permit_goes(pump: tuple[SimulatedDispenser, ManualClock]) -> None:
    dispenser, clock = pump
    dispenser.permit(True)
    advance(dispenser, clock, 3.4)
    dispenser.permit(False)
    flowed = dispenser.poll().pulses
    assert 0 < flowed < 200
    assert not advance(dispenser, clock, 3)[-1]
    assert dispenser.poll().pulses == flowed


def test_a_clip_begins_again_and_its_times_go_on(tmp_path: Path) -> None:
    clip = tmp_path / "clip.avi"
    writer = cv2.VideoWriter(str(clip), cv2.VideoWriter.fourcc(*"MJPG"), 10, (64, 48))
    for shade in (20, 120, 220):
        writer.write(np.full((48, 64, 3), shade, np.uint8))
    writer.release()
    with open_camera("file", str(clip), ManualClock(), CameraWishes(paced=False, loop=True)) as camera:  # type: ignore[attr-defined]
        frames = [camera.read() for _ in range(8)]
    shades = [int(np.asarray(frame.image).mean()) for frame in frames]
    assert shades == pytest.approx([20, 120, 220, 20, 120, 220, 20, 120], abs=6)
    assert [frame.captured_s for frame in frames] == pytest.approx([0.1 * n for n in range(8)], abs=0.01)


def test_names_of_the_demonstration_can_be_read_in_either_language() -> None:
    for name in (TITLE, FLEET):
        assert re.search(r"[\u4e00-\u9fff]{4,}", name), name
        assert re.search(r"[A-Z][a-z]+ [A-Za-z][a-z]+", name), name


def test_who_may_refuel_has_money_for_a_long_day(tmp_path: Path) -> None:
    """The clip comes again each minute: what is green in the first round is green hours later."""
    own = bundled()
    database = Database(f"sqlite:///{tmp_path / 'books.sqlite3'}")
    database.migrate()
    books = Books(database, SystemWallClock())
    seed(books, own)
    rich = {view.plates[0]: view.available_fen for view in cards(database)}
    hour_fen = 60 * 2 * UNIT_PRICE_FEN_PER_L
    assert [plate for plate, fen in rich.items() if own.preset_fen <= fen < 8 * hour_fen] == []
    assert min(rich.values()) < own.preset_fen, "one is poor, for the counter to mend"
    (payer,) = Phones(books, "test").list(own.phones[0].name)
    assert payer.balance_fen >= 8 * hour_fen


def test_whose_plate_cannot_be_read_turns_green_as_soon_as_it_is_typed(tmp_path: Path) -> None:
    """It stands for ten seconds: six of them went before the keyboard was there, and then somebody had to confirm."""
    database = Database(f"sqlite:///{tmp_path / 'books.sqlite3'}")
    database.migrate()
    seed(Books(database, SystemWallClock()), bundled())
    with database.reading() as connection:
        assert set(connection.execute(select(schema.cards.c.typed_rule)).scalars()) == {TypedRule.FREE}
    assert READ_TIMEOUT_S <= 3


def test_the_brand_of_the_start_page_leads_to_it(tmp_path: Path) -> None:
    app = create_app(put_new_books(tmp_path / "books.sqlite3"))
    serve_start(app, "token", "password", ())
    with running(app) as url:
        page = requests.get(f"{url}/demo/token", timeout=30)
        brand = re.search(r'class="brand" href="([^"]+)"', page.text)
        assert brand
        assert requests.get(url + brand[1], timeout=30).url == page.url, "nobody is logged in at this host"


@pytest.mark.parametrize(
    ("phase", "reason", "told"),
    [
        ("reading", Reason.UNSURE, "reading"),
        ("asking", Reason.UNSURE, "asking"),
        ("red", Reason.UNKNOWN_PLATE, "unknown_plate"),
    ],
)
def test_a_vehicle_that_is_being_read_is_not_called_unreadable(phase: str, reason: Reason, told: str) -> None:
    status = LaneStatus(
        station="S1",
        lane="L1",
        at=datetime(2026, 5, 4, tzinfo=UTC),
        phase=phase,
        lamp=LampState.RED,
        reason=reason,
    )
    assert told in why_of(status)
