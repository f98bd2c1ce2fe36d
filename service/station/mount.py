"""Puts the station's routes and pages onto the service's application."""

from __future__ import annotations

from typing import NoReturn

from fastapi import FastAPI

from service.errors import Unavailable
from service.http.batches import Batches
from service.live.changes import Changes
from service.live.streams import OpenStreams
from service.station import routes
from service.station.expected import ExpectedStore
from service.station.overview import routes as overview
from service.station.overview.shared import SharedViews
from service.station.panel import device_routes
from service.station.panel import routes as panel
from service.station.store import ReportListener, StationStore, silence
from service.store.clock import WallClock
from service.store.database import Database

RECORDS = routes.RECORDS


def no_pins(station: str, lane: str, plate: str, pin: str) -> NoReturn:
    """Where nobody judges PINs."""
    raise Unavailable("PINs cannot be checked here")


def mount(app: FastAPI, database: Database, clock: WallClock, listener: ReportListener = silence) -> StationStore:
    """Adds routes and pages; app.state.station, changes, views and statuses carry what they work with.

    app.state.check_pin judges a typed PIN: service.payers.pins.check_pin, or a central control that asks the service.
    app.state.control is for a central control that shows itself on the page; None for the service.
    """
    changes = Changes(database)
    database.on_counted = changes.ring
    store = StationStore(database, clock.now, listener)
    app.state.changes = changes
    app.state.streams = OpenStreams(changes)
    app.state.station = store
    app.state.expected = ExpectedStore(database, clock.now)
    app.state.control = None
    app.state.check_pin = no_pins
    app.state.views = SharedViews()
    app.state.statuses = Batches(store.lanes.take)
    app.include_router(routes.router)
    app.include_router(device_routes.router)
    app.include_router(panel.router)
    app.include_router(overview.router)
    return store
