"""The server as the station asks it: over one signed connection of its own, each call within its deadline."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from controller.errors import ServiceFault
from controller.outbound.connections import Call, ConnectionPool, Sign
from controller.outbound.http import HttpBalanceService, decoded, understood
from controller.outbound.station_http import HttpStationLink
from wire.codec import WireError, decode, encode
from wire.devices import DeviceKey, Enrolment, EnrolmentRequest, KeyRotation
from wire.offline import LONGEST_LIST, OfflineGrant, OfflineReceipt, SignedOfflineList
from wire.typed import PinAnswer, PinCheck

MOST_QUESTIONS = 64
"""Questions on their way at one time, each on a connection of its own."""


log = logging.getLogger(__name__)


def _readable(entry: object) -> DeviceKey | None:
    """One key that makes no sense must not keep the others, and revocations, from this station."""
    try:
        return decode(DeviceKey, entry)
    except WireError as error:
        log.warning("device keys: one entry is left out: %s", error)
        return None


class Upstream:
    """What a station says to the server. Thread-safe; close() when done. Raises as controller.outbound.http does."""

    def __init__(self, base_url: str, station: str, *, sign: Sign | None, ca_file: str | None) -> None:
        self.station = station
        self._base_url = base_url.rstrip("/")
        self.balance = HttpBalanceService(
            base_url, station, sign=sign, ca_file=ca_file, most_connections=MOST_QUESTIONS
        )
        self.link = HttpStationLink(base_url, station, "", sign=sign, ca_file=ca_file)
        self._connections = ConnectionPool(sign, ca_file or True, longest_bytes=2 * LONGEST_LIST)

    def devices(self, deadline_s: float) -> tuple[DeviceKey, ...]:
        """The keys that may speak at this station, revoked ones included."""
        answer = self._call("GET", f"/v1/devices?station={quote(self.station, safe='')}", None, deadline_s)
        if not isinstance(answer, list):
            raise ServiceFault("answer: expected a list of keys")
        return tuple(key for entry in answer if (key := _readable(entry)) is not None)

    def offline_list(self, have: int, deadline_s: float) -> SignedOfflineList | None:
        """The list, or None when the version that is here is still the newest."""
        path = f"/v1/offline-list?station={quote(self.station, safe='')}&have={have}"
        answer = self._call("GET", path, None, deadline_s)
        return None if answer is None else decoded(SignedOfflineList, answer)

    def tell_grant(self, grant: OfflineGrant, deadline_s: float) -> OfflineReceipt:
        receipt = decoded(OfflineReceipt, self._call("POST", "/v1/offline-grants", encode(grant), deadline_s))
        if receipt.authorisation != grant.authorisation:
            raise ServiceFault("the service answered about another grant")
        return receipt

    def enrol(self, request: EnrolmentRequest, deadline_s: float) -> Enrolment:
        """A device's enrolment, passed on; the station has seen that the device holds the key."""
        return decoded(Enrolment, self._call("POST", "/v1/enrolments", encode(request), deadline_s))

    def rotate(self, rotation: KeyRotation, deadline_s: float) -> Enrolment:
        """A device's next key, passed on."""
        return decoded(Enrolment, self._call("POST", "/v1/keys", encode(rotation), deadline_s))

    def check_pin(self, check: PinCheck, deadline_s: float) -> PinAnswer:
        """Whether a PIN that was typed here is right."""
        return decoded(PinAnswer, self._call("POST", "/v1/pins", encode(check), deadline_s))

    def spoken(self, key_id: str, deadline_s: float) -> None:
        """A device's next key has spoken here: the one before it may go."""
        self._call("POST", f"/v1/keys/{quote(key_id, safe='')}/spoken", {}, deadline_s)

    def close(self) -> None:
        """Cut what is under way and close the connections. Idempotent."""
        for part in (self.balance, self.link, self._connections):
            part.close()

    def _call(self, method: str, path: str, body: Mapping[str, Any] | None, deadline_s: float) -> object:
        data = None if body is None else json.dumps(body, ensure_ascii=False).encode()
        return understood(self._connections.call(Call(method, self._base_url + path, data), deadline_s))
