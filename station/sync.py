"""What the station itself asks the server: is the line up, who may speak, who may refuel offline, what was allowed."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from functools import partial

from controller.errors import ClientError, ServiceFault
from controller.outbound.periodic import PeriodicTask, PeriodicTasks
from service.errors import ServiceError
from station.offline_list import HeldLists
from station.parts import StationParts
from station.prices import StationPrices
from station.store.device_keys import DeviceKeys
from wire.errors import GreenlaneError

log = logging.getLogger(__name__)

TURN_S = 0.5
TIDY_EVERY_S = 3600.0


class StationSync:
    """One worker; step() is one of its turns. close() is idempotent. learn: called whenever the list was asked for."""

    def __init__(
        self,
        parts: StationParts,
        prices: StationPrices,
        lists: HeldLists,
        keys: DeviceKeys,
        on_death: Callable[[BaseException], None],
    ) -> None:
        self._upstream = parts.upstream
        self._uplink = parts.uplink
        self._store = parts.store
        self._settings = parts.settings
        self._prices = prices
        self._lists = lists
        self._keys = keys
        self._on_death = on_death
        self.learn: Callable[[], None] = lambda: None
        self._stopping = threading.Event()
        every, retry_s = parts.settings, parts.settings.probe_every_s
        self._probe = PeriodicTasks([PeriodicTask("line", self._ask_prices, 0.0, retry_s)], parts.clock)
        self._tasks = PeriodicTasks(
            [
                PeriodicTask("prices", self._ask_prices, every.prices_every_s, retry_s),
                PeriodicTask("device keys", self._fetch_keys, every.keys_every_s, every.keys_every_s),
                PeriodicTask("offline list", self._fetch_list, every.list_every_s, every.keys_every_s),
                PeriodicTask("offline grants", self._tell_grants, every.keys_every_s, retry_s),
                PeriodicTask("memory", self._tidy, TIDY_EVERY_S, TIDY_EVERY_S),
            ],
            parts.clock,
        )
        self._thread = threading.Thread(target=self._run, name="sync", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(self._settings.task_s + 1)

    def step(self) -> None:
        """What is due now: while the line is down nothing but asking whether it is back."""
        if not self._uplink.state.up:
            self._probe.do_due(self._settings.deadline_s)
        if self._uplink.state.up:
            self._tasks.do_due(self._settings.task_s, lambda: self._uplink.state.up and not self._stopping.is_set())

    def _ask_prices(self, deadline_s: float) -> None:
        self._prices.fetch(deadline_s)

    def _fetch_keys(self, deadline_s: float) -> None:
        keys = self._uplink.ask(self._upstream.devices, deadline_s)
        try:
            changed = self._keys.take(keys)
        except ServiceError as error:
            raise ServiceFault(f"the keys cannot be kept: {error}") from error
        if changed:
            log.info("device keys: %d changed", changed)

    def _fetch_list(self, deadline_s: float) -> None:
        """A list that is refused says nothing about the line."""
        if self._lists.fetch(self._upstream, deadline_s):
            log.info("offline list: version %d", self._lists.version)
        try:
            self.learn()
        except ServiceError as error:
            raise ServiceFault(f"the station's title cannot be kept: {error}") from error

    def _tell_grants(self, deadline_s: float) -> None:
        for grant in self._store.grants.unsent():
            receipt = self._uplink.ask(partial(self._upstream.tell_grant, grant), deadline_s)
            self._store.grants.receipted(receipt)

    def _tidy(self, _deadline_s: float) -> None:
        self._store.tidy()

    def _run(self) -> None:
        """Turns until closed. A full disk is waited for; an error that nobody planned ends the station."""
        failing = False
        try:
            while not self._stopping.wait(TURN_S):
                try:
                    self.step()
                    failing = False
                except (GreenlaneError, ServiceError) as error:
                    if not failing and not isinstance(error, ClientError):
                        log.error("sync: %s", error)
                    failing = True
        except Exception as error:
            log.exception("sync: ended by an error")
            self._on_death(error)
