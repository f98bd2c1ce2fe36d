"""The keys of the station's devices, as the server knows them, kept in the station's own database for its gate."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from service.store.clock import WallClock, to_us
from service.store.database import Database, telling_faults
from service.store.identity_tables import device_keys, devices
from wire.devices import DeviceKey


class DeviceKeys:
    """What take() has kept outlives a restart with the line down."""

    def __init__(self, database: Database, station: str, clock: WallClock) -> None:
        self._database = database
        self._station = station
        self._clock = clock

    def take(self, keys: Iterable[DeviceKey]) -> int:
        """Make the station's keys those of the server; how many changed. A key once retired here stays retired.

        Devices that the server no longer names are revoked. Raises Unavailable; nothing is half done.
        """
        mine = {key.key_id: key for key in keys if key.station == self._station}
        with telling_faults(), self._database.reading() as connection:
            known = _known(connection)
        if not _changes(mine, known):
            return 0
        with telling_faults(), self._database.writing() as connection:
            known = _known(connection)
            changes = _changes(mine, known)
            for key_id in changes:
                self._apply(connection, key_id, mine.get(key_id), known.get(key_id))
            return len(changes)

    def add_waiting(self, key_id: str, public_key: str, old_key_id: str) -> None:
        """A device's next key, known before the server is asked again; the old one goes when this one speaks."""
        with telling_faults(), self._database.writing() as connection:
            known = _known(connection)
            if key_id not in known and old_key_id in known:
                self._add_key(connection, key_id, known[old_key_id].id, public_key, "waiting")

    def _apply(self, connection: Connection, key_id: str, key: DeviceKey | None, row: Row[Any] | None) -> None:
        if key is None or key.revoked:
            self._shut_out(connection, key_id, key, row)
        elif row is None:
            self._add_device(connection, key)
            self._add_key(connection, key_id, key.device, key.public_key, "active")

    def _shut_out(self, connection: Connection, key_id: str, key: DeviceKey | None, row: Row[Any] | None) -> None:
        """A revoked key is kept, so that its device hears why it is refused."""
        if row is None and key is not None:
            self._add_device(connection, key)
            self._add_key(connection, key_id, key.device, key.public_key, "retired")
        elif row is not None:
            mine = update(device_keys).where(device_keys.c.key_id == key_id)
            connection.execute(mine.values(state="retired"))

    def _add_device(self, connection: Connection, key: DeviceKey) -> None:
        if connection.execute(select(devices.c.id).where(devices.c.id == key.device)).first() is None:
            columns = {"id": key.device, "kind": key.kind.value, "station": key.station, "lane": key.lane}
            connection.execute(insert(devices).values(**columns, enrolled_us=to_us(self._clock.now())))

    def _add_key(self, connection: Connection, key_id: str, device: str, public_key: str, state: str) -> None:
        row = {"key_id": key_id, "device": device, "public_key": public_key, "state": state}
        connection.execute(insert(device_keys).values(**row, added_us=to_us(self._clock.now())))


def _known(connection: Connection) -> Mapping[str, Row[Any]]:
    query = select(devices, device_keys.c.key_id, device_keys.c.state).join_from(device_keys, devices)
    return {row.key_id: row for row in connection.execute(query)}


def _changes(mine: Mapping[str, DeviceKey], known: Mapping[str, Row[Any]]) -> list[str]:
    """Keys that the server tells otherwise than they are kept here."""
    found = [key_id for key_id, key in mine.items() if key_id not in known]
    for key_id, row in known.items():
        key = mine.get(key_id)
        if (key is None or key.revoked) and row.state not in ("retired", "waiting"):
            found.append(key_id)
    return found
