"""Tokens of vehicles: whoever has one may tell where that vehicle is, and nothing else."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from service.errors import AdminError, ServiceError
from service.identity import token_buckets
from service.identity.people import hashed_token
from service.identity.signed.devices import Throttled
from service.identity.trail import TrailEntry, note
from service.mileage.datum import Datum
from service.mileage.tracks import Position
from service.store.clock import WallClock, to_us
from service.store.database import Database, telling_faults
from service.store.naming import require_plate
from service.store.vehicle_tables import positions, vehicle_tokens

MOST_TOKENS = 20
"""Of one vehicle at a time: phones of its drivers, and a tracker."""
PREFIX = "gv_"
_PER_VEHICLE = (600, 2.0)
"""A phone that was without a line for an hour sends it all at once."""
_PER_SOURCE = (20, 1 / 3)


class TokenRefused(ServiceError):
    """No vehicle has this token, or not any more."""


@dataclass(frozen=True, slots=True)
class VehicleToken:
    """Shown once."""

    plate: str
    token: str
    datum: Datum


class TokenStore:
    """What an operator, `actor`, does with tokens. Raises AdminError with the reason."""

    def __init__(self, database: Database, clock: WallClock, actor: str) -> None:
        self._database = database
        self._clock = clock
        self._actor = actor

    def issue(self, plate: str, datum: Datum) -> VehicleToken:
        """A new token beside those that the vehicle has; its positions come in this datum."""
        kept, token = require_plate(plate), PREFIX + secrets.token_urlsafe(24)
        with telling_faults(), self._database.writing() as connection:
            live = connection.execute(select(vehicle_tokens.c.token_hash).where(*_living(kept))).all()
            if len(live) >= MOST_TOKENS:
                raise AdminError(f"{kept} has {MOST_TOKENS} tokens; `vehicle token {kept} --revoke` ends them")
            row = {"token_hash": hashed_token(token), "plate": kept, "datum": datum.value}
            connection.execute(insert(vehicle_tokens).values(**row, created_us=to_us(self._clock.now())))
            note(connection, TrailEntry(self._clock.now(), self._actor, "vehicle.token", kept, {"datum": datum.value}))
        return VehicleToken(kept, token, datum)

    def revoke(self, plate: str) -> int:
        """End all tokens of a vehicle, at once; how many there were."""
        kept = require_plate(plate)
        with telling_faults(), self._database.writing() as connection:
            values = {"revoked_us": to_us(self._clock.now())}
            ended = connection.execute(update(vehicle_tokens).where(*_living(kept)).values(values)).rowcount
            note(connection, TrailEntry(self._clock.now(), self._actor, "vehicle.revoke", kept, {"tokens": str(ended)}))
        return ended


def take_position(
    database: Database, clock: WallClock, token: str, source: str, read: Callable[[Datum], Position | None]
) -> None:
    """Keep what a token's holder sends; read makes it of the token's datum. What is kept for an instant stays.

    Raises TokenRefused, Throttled, and what read raises.
    """
    now, guessing = clock.now(), (token_buckets.Bucket(f"vehicle:source:{source}", *_PER_SOURCE),)
    with telling_faults(), database.reading() as connection:
        row = _row(connection, token)
        wait_s = token_buckets.wait_of(connection, guessing, now) if row is None else 0.0
    if row is None:
        if not wait_s:
            with telling_faults(), database.writing() as connection:
                token_buckets.take(connection, guessing, now)
            raise TokenRefused("no vehicle has this token: `greenlane admin vehicle token PLATE` makes one")
        raise Throttled(wait_s)
    found = read(Datum(row.datum))
    bucket = token_buckets.Bucket(f"vehicle:positions:{row.plate}", *_PER_VEHICLE)
    with telling_faults(), database.writing() as connection:
        wait_s = token_buckets.take(connection, (bucket,), now)
        if not wait_s and found is not None:
            _keep(connection, row.plate, found)
    if wait_s:
        raise Throttled(wait_s)


def _keep(connection: Connection, plate: str, position: Position) -> None:
    made = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    values = {
        "plate": plate,
        "at_us": position.at_us,
        "lat_e7": position.lat_e7,
        "lon_e7": position.lon_e7,
        "datum": position.datum.value,
        "odometer_m": position.odometer_m,
    }
    connection.execute(made(positions).values(values).on_conflict_do_nothing())


def _row(connection: Connection, token: str) -> Any:
    c = vehicle_tokens.c
    return connection.execute(
        select(c.plate, c.datum).where(c.token_hash == hashed_token(token), c.revoked_us.is_(None))
    ).first()


def _living(plate: str) -> tuple[Any, Any]:
    return vehicle_tokens.c.plate == plate, vehicle_tokens.c.revoked_us.is_(None)
