"""The lines of a lane unit to its balance service or station, signed with the unit's key."""

from __future__ import annotations

from pathlib import Path

from controller.outbound.connections import Sign
from controller.outbound.expected import HttpAheadLink
from controller.outbound.http import HttpBalanceService
from controller.outbound.station_http import HttpStationLink
from controller.ports import Clock
from controller.settings_records import ServiceSettings, Settings


def service_of(service: ServiceSettings, station: str, clock: Clock) -> HttpBalanceService:
    """The client of [service], signing with the device's key where one is named. Raises SettingsError."""
    return HttpBalanceService(service.url, station, sign=_sign_of(service, clock), ca_file=service.ca_file or None)


def station_link_of(settings: Settings, clock: Clock) -> HttpStationLink:
    """The client of the station's pages, signing as service_of does. Raises SettingsError."""
    service, lane = settings.service, settings.lane
    sign, ca_file = _sign_of(service, clock), service.ca_file or None
    return HttpStationLink(service.url, lane.station, lane.name, sign=sign, ca_file=ca_file)


def ahead_link_of(settings: Settings, clock: Clock) -> HttpAheadLink:
    """The client of what is asked ahead, signing as service_of does. Raises SettingsError."""
    service, lane = settings.service, settings.lane
    sign, ca_file = _sign_of(service, clock), service.ca_file or None
    return HttpAheadLink(service.url, lane.station, lane.name, sign=sign, ca_file=ca_file)


def _sign_of(service: ServiceSettings, clock: Clock) -> Sign | None:
    if not service.key_file:
        return None
    from controller.outbound.key_pair import KeyPair
    from controller.outbound.signing import Signer

    return Signer(KeyPair.load(Path(service.key_file)), clock)
