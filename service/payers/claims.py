"""Fuel that nobody was charged for is charged to a person who pays by phone: their phone is asked, no machine pays."""

from __future__ import annotations

import secrets
from typing import Any

from sqlalchemy import Connection, Row, func, select

from service.books.decisions.person_charges import CREATE
from service.books.records import TransferKind
from service.errors import AdminError
from service.live.changes import count_change, person_topic
from service.payers import wallets
from service.payers.charging import Charging
from service.payers.escalation import first_request
from service.payers.phones import require_person
from service.store import schema
from service.store.database import telling_faults
from service.store.payer_tables import charge_events, charges
from wire.payers import ChargeState
from wire.plates import normalise

_RESOLVING = (TransferKind.CLAIM.value, TransferKind.WRITE_OFF.value)


class Claims(Charging):
    """Raises AdminError with the reason for what can't be claimed; with nothing half done."""

    def claim(self, station: str, dispenser: str, sequence: int, name: str, *, actor: str, note: str = "") -> str:
        """Charge what is in suspense of a fuelling to a person; the new charge's id."""
        f, c = schema.fuellings.c, schema.stations.c
        mine = f.station == station, f.dispenser == dispenser, f.sequence == sequence
        with telling_faults(), self._database.writing() as connection:
            person = require_person(connection, name)
            query = select(schema.fuellings, c.suspense_account).join(schema.stations, c.id == f.station)
            fuelling = connection.execute(query.where(*mine)).first()
            words = f"fuelling {dispenser} {sequence} of station {station}"
            if fuelling is None:
                raise AdminError(f"no fuelling {dispenser} {sequence} of station {station}")
            wallets.lock(connection, person.owed, fuelling.suspense_account)
            if not fuelling.suspended_fen:
                raise AdminError(f"{words} is not in suspense: somebody was charged for all of it")
            moved = schema.transfers.c
            resolved = moved.fuelling_id == fuelling.id, moved.kind.in_(_RESOLVING)
            if connection.execute(select(moved.id).where(*resolved)).first() is not None:
                raise AdminError(f"{words} was charged or written off already")
            accounts = (person.owed, fuelling.suspense_account, fuelling.suspended_fen)
            posting = wallets.Posting(
                TransferKind.CLAIM, *accounts, f"claim {fuelling.id}", actor, note, fuelling_id=fuelling.id
            )
            wallets.post(connection, posting, self._books.ids, self._now_us())
            return self._ask(connection, fuelling, person.id, actor)

    def _ask(self, connection: Connection, fuelling: Row[Any], person: str, actor: str) -> str:
        """A charge of its own after those that the fuelling has; its clock begins now."""
        number, now_us = f"c-{secrets.token_hex(8)}", self._now_us()
        last = select(func.coalesce(func.max(charges.c.part), 0)).where(charges.c.fuelling == fuelling.id)
        asked = first_request(person, now_us, self._books.settings)
        row = {
            "id": number,
            "fuelling": fuelling.id,
            "part": connection.execute(last).scalar_one() + 1,
            "visit": fuelling.visit,
            "plate": None if fuelling.plate is None else normalise(fuelling.plate),
            "station": fuelling.station,
            "person": person,
            "asked": person,
            "amount_fen": fuelling.suspended_fen,
            "captured_us": fuelling.started_us,
            "created_us": now_us,
            "state": ChargeState.CREATED.value,
            "due_us": asked.due_us,
            "overdue_us": asked.overdue_us,
            "refunded_fen": 0,
        }
        connection.execute(charges.insert().values(row))
        step = {"charge": number, "at_us": now_us, "event": CREATE, "new": ChargeState.CREATED.value}
        whom = {"asked": person, "actor": actor[:80], "detail": "claimed"}
        connection.execute(charge_events.insert().values(id=self._books.ids.next(now_us), **step, **whom))
        count_change(connection, person_topic(person))
        return number
