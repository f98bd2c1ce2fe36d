"""What every part of a central control shares: its line to the server, its state on disk, its clock and settings."""

from __future__ import annotations

from dataclasses import dataclass

from controller.ports import Clock
from station.settings import StationSettings
from station.store.state_store import StateStore
from station.uplink import Uplink
from station.upstream import Upstream


@dataclass(frozen=True, slots=True)
class StationParts:
    """upstream: what can be asked of the server, each call by way of uplink, which knows whether the server answers."""

    upstream: Upstream
    uplink: Uplink
    store: StateStore
    clock: Clock
    settings: StationSettings

    @property
    def station(self) -> str:
        return self.upstream.station
