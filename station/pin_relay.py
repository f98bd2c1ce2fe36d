"""Has the server judge a PIN that was typed at one of the station's panels: nothing of it stays here."""

from __future__ import annotations

from controller.errors import ClientError, Rejected
from service.errors import Unavailable
from service.payers.pins import PinWait
from station.uplink import Uplink
from station.upstream import Upstream
from wire.reasons import ErrorCode
from wire.typed import PinCheck

DEADLINE_S = 5.0
"""A driver waits at the panel."""
WAIT_WHEN_THROTTLED_S = 30.0


class PinRelay:
    """app.state.check_pin of a central control. Thread-safe."""

    def __init__(self, upstream: Upstream, uplink: Uplink) -> None:
        self._upstream = upstream
        self._uplink = uplink

    def check(self, station: str, lane: str, plate: str, pin: str) -> str | PinWait | None:
        """The server's proof for the right PIN, None for a wrong one. Raises Unavailable while it cannot be asked."""
        if not self._uplink.state.up:
            raise Unavailable("the line to the server is down, and only the server can check a PIN")
        asked = PinCheck(station=station, lane=lane, plate=plate, pin=pin)
        try:
            return self._uplink.ask(lambda s: self._upstream.check_pin(asked, s), DEADLINE_S, only_silence=True).proof
        except Rejected as error:
            if error.reason == ErrorCode.THROTTLED:
                return PinWait(WAIT_WHEN_THROTTLED_S)
            raise Unavailable(f"the server did not check the PIN: {error.detail}") from None
        except ClientError as error:
            raise Unavailable(f"the server did not check the PIN: {error}") from None
