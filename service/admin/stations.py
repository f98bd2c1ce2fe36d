"""Stations and their prices as operators set them up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal

from sqlalchemy import Connection, Table, select

from service.admin.recorded import RecordedChanges, exists, require_amount, require_cap
from service.books.records import AccountKind
from service.errors import AdminError
from service.store import schema
from service.store.clock import to_us
from service.store.naming import LONGEST_PRODUCT, require_name
from service.store.zones import DEFAULT_ZONE
from wire.spelling.zones import is_zone

DEFAULT_PRESET_FEN = 10_000
AsPreset = Literal["preset"]
AS_PRESET: AsPreset = "preset"
"""In place of a cap's amount: the preset amount counts."""
NoLimit = Literal["none"]
NO_LIMIT: NoLimit = "none"
"""In place of a limit's amount: there is none."""


class StationAdmin:
    """Raises AdminError for what can't be done."""

    def __init__(self, changes: RecordedChanges) -> None:
        self._changes = changes

    def set(
        self,
        name: str,
        *,
        title: str | None = None,
        preset_fen: int | None = None,
        zone: str | None = None,
        offline_fen: int | None = None,
        unauthorised_cap_fen: int | AsPreset | None = None,
        second_person_fen: int | NoLimit | None = None,
        at: tuple[int, int, str] | None = None,
    ) -> None:
        """Set a station up, or change what is given: title, preset amount in fen, time zone by IANA name.

        offline_fen: what each card may have outstanding there while the line is down; 0 for nothing.
        unauthorised_cap_fen: what fuellings without an authorisation may take from one card in a day.
        second_person_fen: above it in a day, refunds and corrections wait at the counter for a second person.
        at: where it stands, in 1e-7 degree of latitude and longitude, and their datum.
        """
        require_station(name, zone, preset_fen, (offline_fen, unauthorised_cap_fen, second_person_fen))
        given = {
            "name": title,
            "preset_fen": preset_fen,
            "zone": zone,
            "offline_fen": offline_fen,
            "unauthorised_cap_fen": unauthorised_cap_fen,
            "second_person_fen": second_person_fen,
            **dict(zip(("lat_e7", "lon_e7", "datum"), at or (None, None, None), strict=True)),
        }
        with self._changes.change("set_station", name, given) as connection:
            changes = {c: None if v in (AS_PRESET, NO_LIMIT) else v for c, v in given.items() if v is not None}
            if exists(connection, schema.stations, name):
                if changes:
                    connection.execute(schema.stations.update().where(schema.stations.c.id == name).values(**changes))
                return
            self._add_station(connection, name, changes)

    def _add_station(self, connection: Connection, name: str, given: Mapping[str, Any]) -> None:
        row = {"name": name, "preset_fen": DEFAULT_PRESET_FEN, "zone": DEFAULT_ZONE, **given}
        connection.execute(
            schema.stations.insert().values(
                id=name,
                revenue_account=self._changes.open_account(connection, AccountKind.REVENUE, name),
                suspense_account=self._changes.open_account(connection, AccountKind.SUSPENSE, name),
                created_us=to_us(self._changes.books.clock.now()),
                **row,
            )
        )

    def set_price(self, station: str, product: str, unit_price_fen_per_l: int) -> None:
        """The price of a product from now on, in fen per litre."""
        if not 0 < unit_price_fen_per_l <= 10**6:
            raise AdminError("a price must be between 0.01 and 10000 yuan per litre")
        require_name(product, "product", LONGEST_PRODUCT)
        detail = {"product": product, "fen_per_l": unit_price_fen_per_l}
        with self._changes.change("set_price", station, detail) as connection:
            if not exists(connection, schema.stations, station):
                raise AdminError(f"no station {station}; `station set` makes one")
            since_us = to_us(self._changes.books.clock.now())
            key = {"station": station, "product": product}
            while connection.execute(select(1).where(*_equal(schema.prices, since_us=since_us, **key))).first():
                since_us += 1
            connection.execute(
                schema.prices.insert().values(since_us=since_us, unit_price_fen_per_l=unit_price_fen_per_l, **key)
            )


def require_station(name: str, zone: str | None, preset_fen: int | None, caps_fen: Iterable[object]) -> None:
    """Raises AdminError for a name or a rule that cannot be; what is not a number stands for a default."""
    require_name(name, "station")
    if zone is not None:
        _require_zone(zone)
    if preset_fen is not None:
        require_amount(preset_fen)
    for cap_fen in caps_fen:
        if isinstance(cap_fen, int):
            require_cap(cap_fen)


def _require_zone(zone: str) -> None:
    if not is_zone(zone):
        raise AdminError(f"{zone!r} is not a time zone: write one like {DEFAULT_ZONE}")


def _equal(table: Table, **values: object) -> list[Any]:
    return [table.c[name] == value for name, value in values.items()]
