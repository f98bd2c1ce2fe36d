"""Devices, people and their sessions of one service, put together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from argon2 import PasswordHasher

from service.identity.log_in_threads import LogInThreads
from service.identity.people import PeopleStore
from service.identity.sessions import SessionStore
from service.identity.signed.devices import DeviceStore
from service.identity.signed.gate import GateRules
from service.identity.signed.keys import KeyBook, LaneOf
from service.store.database import Database


@dataclass(frozen=True)
class Identity:
    """Everything that knows who speaks. close() ends its database connections; the database itself is the caller's."""

    keys: KeyBook
    devices: DeviceStore
    people: PeopleStore
    sessions: SessionStore
    now: Callable[[], datetime]
    rules: GateRules
    log_in_threads: LogInThreads

    @classmethod
    def open(
        cls,
        database: Database,
        now: Callable[[], datetime],
        rules: GateRules,
        hasher: PasswordHasher | None = None,
        lane_of: LaneOf | None = None,
    ) -> Identity:
        """hasher: cheaper parameters for tests; the default is argon2-cffi's (RFC 9106, low memory)."""
        return cls(
            KeyBook(database, lane_of),
            DeviceStore(database, now),
            PeopleStore(database, now, hasher),
            SessionStore(database, now),
            now,
            rules,
            LogInThreads(),
        )

    def close(self) -> None:
        self.keys.close()
        self.log_in_threads.close()
