"""Passes on to the server what only the server can decide about devices: enrolments and new keys."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import TypeVar

from controller.errors import ClientError, Rejected, ServiceFailed
from service.errors import ServiceError, Unavailable
from service.identity import token_buckets
from service.identity.signed.devices import DeviceStore, Throttled, enrolment_buckets
from service.identity.signed.keys import Caller
from service.identity.signed.signatures import Flaw, SignatureRefused
from service.store.database import Database, telling_faults
from station.store.device_keys import DeviceKeys
from station.uplink import Uplink
from station.upstream import Upstream
from wire.devices import Enrolment, EnrolmentRequest, KeyRotation
from wire.reasons import ErrorCode

DEADLINE_S = 8.0
WAIT_WHEN_THROTTLED_S = 30.0

Result = TypeVar("Result")


class DeviceRelay(DeviceStore):
    """The devices of a station: the gate has seen that a device holds its key, the station vouches for that."""

    def __init__(
        self, database: Database, now: Callable[[], datetime], upstream: Upstream, uplink: Uplink, keys: DeviceKeys
    ) -> None:
        super().__init__(database, now)
        self._upstream = upstream
        self._uplink = uplink
        self._keys = keys

    def enrol(self, request: EnrolmentRequest, source: str, station: str | None = None) -> Enrolment:
        """The server's answer; the new key is known here at once.

        Attempts are counted here too, so that a stranger at the station's network neither uses up what the server
        grants the station's address nor keeps its line busy. Raises Throttled.
        """
        self._take(source)
        enrolled = self._asked(lambda s: self._upstream.enrol(request, s))
        with telling_faults(), self._database.writing() as connection:
            token_buckets.give_back(connection, enrolment_buckets(source), self._now())
        self._keys.take(self._asked(self._upstream.devices))
        return enrolled

    def rotate(self, caller: Caller, rotation: KeyRotation) -> Enrolment:
        """The server's answer. The device's old key is taken until the new one speaks."""
        relayed = replace(rotation, relayed_for=caller.key_id)
        enrolled = self._asked(lambda s: self._upstream.rotate(relayed, s))
        self._keys.add_waiting(enrolled.key_id, rotation.public_key, caller.key_id)
        return enrolled

    def _take(self, source: str) -> None:
        wait_s = self.wait_s(source)
        if not wait_s:
            with telling_faults(), self._database.writing() as connection:
                wait_s = token_buckets.take(connection, enrolment_buckets(source), self._now())
        if wait_s:
            raise Throttled(wait_s)

    def _asked(self, do: Callable[[float], Result]) -> Result:
        if not self._uplink.state.up:
            raise Unavailable("the line to the server is down; enrolments and new keys are the server's")
        try:
            return self._uplink.ask(do, DEADLINE_S, relayed=True)
        except Rejected as error:
            raise _refusal(error) from error
        except ServiceFailed as error:
            raise ServiceError(str(error)) from error
        except ClientError as error:
            raise Unavailable(f"the line to the server is down: {error}") from error


def _refusal(error: Rejected) -> Exception:
    """What the device would have heard from the server itself."""
    if error.reason == ErrorCode.THROTTLED:
        return Throttled(WAIT_WHEN_THROTTLED_S)
    flaw = {ErrorCode.UNAUTHENTICATED.value: Flaw.UNKNOWN_KEY, ErrorCode.FORBIDDEN.value: Flaw.FORBIDDEN}
    return SignatureRefused(flaw.get(error.reason, Flaw.MALFORMED), error.detail)
