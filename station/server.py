"""Runs a station's central control as a process of its own."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import uvicorn

from service.errors import ServiceError
from service.listening import Listening, require_free
from service.server import STOP_TIMEOUT_S, GracefulServer, warn_of_unbound_panels
from service.store.clock import SystemWallClock
from station.settings import StationSettings
from station.wiring import StationSite, StationWiring

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class StationServerOptions:
    """How the process runs."""

    place: StationSite
    host: str
    port: int
    settings: StationSettings
    listening: Listening
    verbose: bool = False


def serve(options: StationServerOptions) -> None:
    """Serve until SIGTERM or SIGINT. Raises ServiceError or GreenlaneError when it can't begin."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    require_free(options.host, options.port)
    wiring = StationWiring(options.place, options.listening.guard(), options.settings)
    for words in options.listening.warnings(options.host, SystemWallClock().now()):
        log.warning("%s", words)
    log.info("station %s, server %s, state in %s", wiring.station, options.place.upstream_url, options.place.folder)
    shape = {"host": options.host, "port": options.port, "access_log": options.verbose, "log_config": None}
    shape |= {"timeout_graceful_shutdown": STOP_TIMEOUT_S, **options.listening.server_options()}
    warn_of_unbound_panels(wiring.app)
    wiring.start()
    try:
        server = GracefulServer(uvicorn.Config(wiring.app, **shape))  # type: ignore[arg-type]
        server.run()
    finally:
        wiring.close()
    if not server.started:
        raise ServiceError(f"the station could not start on {options.host}:{options.port}")
