"""A warm process that forks stations, each of which may kill itself at a chosen write point of its state file.

Usage: python -m tests.faults.station_zygote STATE UPSTREAM COUNT_FILE. Speaks as service_zygote does: a number per line
on stdin starts a station that dies at that write point (0: at none); "up PID" and "gone" come back.
"""

from __future__ import annotations

import contextlib
import os
import socket
import sys
from pathlib import Path

import uvicorn

from station.settings import StationSettings
from station.wiring import StationSite, StationWiring
from tests.faults.service_zygote import CHEAP, Points, serve_children
from wire.errors import GreenlaneError

SETTINGS = StationSettings(cap_fen=10**9, deadline_s=10.0, fuelling_wait_s=1.0)


def main(state: Path, upstream: str, count_file: Path) -> None:
    StationWiring(StationSite(state, upstream), CHEAP, SETTINGS).close()
    serve_children(lambda deadly, listener: _serve(StationSite(state, upstream), deadly, count_file, listener))


def _serve(place: StationSite, deadly: int, count_file: Path, listener: socket.socket) -> None:
    points = Points(deadly, count_file)
    wiring = StationWiring(place, CHEAP, SETTINGS)
    wiring.state._connection.set_trace_callback(points.pass_one)
    wiring.start()
    config = uvicorn.Config(points.around(wiring.app), log_level="critical", access_log=False)
    server = uvicorn.Server(config)
    with contextlib.suppress(KeyboardInterrupt, SystemExit):
        server.run(sockets=[listener])
    with contextlib.suppress(GreenlaneError):
        wiring.close()
    os._exit(0)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))
