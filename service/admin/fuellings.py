"""Fuellings that need an operator: nobody was charged, a gap before one, a hold that a lane cannot give back."""

from __future__ import annotations

from sqlalchemy import select

from service.admin.recorded import RecordedChanges
from service.books.messages import Claim, Release, WriteOff
from service.errors import AdminError
from service.store import schema
from service.store.database import telling_faults
from service.store.naming import require_plate
from wire.plates import normalise


class FuellingAdmin:
    """Raises AdminError for what can't be done."""

    def __init__(self, changes: RecordedChanges) -> None:
        self._changes = changes

    def claim(self, dispenser: str, sequence: int, card: str, *, station: str | None = None, note: str = "") -> None:
        """Charge what is in suspense of a fuelling to a card. station: needed where several have such a fuelling."""
        name = self.station_of(dispenser, sequence, station)
        self._changes.post(
            Claim(station=name, dispenser=dispenser, sequence=sequence, card=card, actor=self._changes.actor, note=note)
        )

    def write_off(self, dispenser: str, sequence: int, *, note: str, station: str | None = None) -> None:
        """Give up what is in suspense of a fuelling; the company bears it."""
        if not note.strip():
            raise AdminError("a write-off needs a reason")
        name = self.station_of(dispenser, sequence, station)
        self._changes.post(
            WriteOff(station=name, dispenser=dispenser, sequence=sequence, actor=self._changes.actor, note=note)
        )

    def release(self, plate: str, *, why: str) -> str:
        """Give back the open authorisation of a plate whose lane unit cannot any more; returns where it was open.

        The lane unit is not told: a green lamp there ends with its next renewal, or with the authorisation's time.
        """
        wanted, c = require_plate(plate), schema.authorisations.c
        with self._changes.books.database.reading() as connection:
            rows = connection.execute(select(c.id, c.plate, c.station, c.lane).where(c.state == "open")).all()
        mine = [row for row in rows if normalise(row.plate) == wanted]
        if not mine:
            raise AdminError(f"plate {wanted} has no open authorisation")
        for row in mine:
            detail = {"plate": wanted, "lane": f"{row.station}/{row.lane}", "why": why}
            with self._changes.change("release_authorisation", row.id, detail):
                pass
            self._changes.post(Release(row.id))
        return ", ".join(f"{row.station}/{row.lane}" for row in mine)

    def explain_gap(self, dispenser: str, sequence: int, note: str, *, station: str | None = None) -> None:
        """Say why a dispenser's sequence or totaliser jumped before this fuelling, so that the audit accepts it."""
        if not note.strip():
            raise AdminError("a gap needs an explanation")
        name = self.station_of(dispenser, sequence, station)
        with self._changes.change("explain_gap", f"{dispenser} {sequence}", {"note": note, "station": name}):
            pass

    def station_of(self, dispenser: str, sequence: int, station: str | None) -> str:
        """The station of a fuelling that is named by dispenser and sequence."""
        columns = schema.fuellings.c
        query = select(columns.station).where(columns.dispenser == dispenser, columns.sequence == sequence)
        if station is not None:
            query = query.where(columns.station == station)
        with telling_faults(), self._changes.books.database.reading() as connection:
            found = sorted(connection.execute(query).scalars())
        if not found:
            raise AdminError(f"no fuelling {dispenser} {sequence}" + ("" if station is None else f" at {station}"))
        if len(found) > 1:
            raise AdminError(f"fuelling {dispenser} {sequence} exists at {', '.join(found)}: name one with --station")
        return str(found[0])
