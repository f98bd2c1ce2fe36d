"""Plates as operators bind them to cards, free them and block them."""

from __future__ import annotations

from typing import Literal

from sqlalchemy import Connection, select

from service.admin.recorded import RecordedChanges, exists
from service.books.records import ACTIVE, BLOCKED
from service.errors import AdminError
from service.store import schema
from service.store.clock import to_us
from service.store.naming import require_plate
from service.store.payer_tables import plate_payers

AnyCard = Literal["any card"]
ANY_CARD: AnyCard = "any card"


class PlateAdmin:
    """Raises AdminError for what can't be done."""

    def __init__(self, changes: RecordedChanges) -> None:
        self._changes = changes

    def bind(self, plate: str, card: str, *, moved_from: str | AnyCard | None = ANY_CARD) -> str:
        """Bind a plate to a card, or move it there from moved_from alone; returns the plate as it is kept."""
        kept = require_plate(plate)
        detail = {"card": card}
        with self._changes.change("bind_plate", kept, detail) as connection:
            if not exists(connection, schema.cards, card):
                raise AdminError(f"no card {card}; `card create` makes one")
            plates = schema.plates.c
            before = connection.execute(select(plates.card).where(plates.plate == kept)).scalar()
            if before not in (None, card):
                if moved_from not in (ANY_CARD, before):
                    raise AdminError(f"plate {kept} is now bound to card {before}; check it and bind it again")
                detail["from"] = before
            now_us = to_us(self._changes.books.clock.now())
            values = {"card": card, "payer_kind": "card", "bound_us": now_us}
            changed = connection.execute(schema.plates.update().where(schema.plates.c.plate == kept).values(**values))
            if changed.rowcount == 0:
                connection.execute(schema.plates.insert().values(plate=kept, state=ACTIVE, **values))
        return kept

    def unbind(self, plate: str) -> str:
        """Forget a plate, or only its card where phones pay for it too; what was fuelled under it stays."""
        kept = require_plate(plate)
        with self._changes.change("unbind_plate", kept, {}) as connection:
            if not _forget_card(connection, kept):
                raise AdminError(f"plate {kept} is not bound")
        return kept

    def block(self, plate: str, blocked: bool) -> str:
        """A blocked plate is refused while its card's other plates go on."""
        kept = require_plate(plate)
        with self._changes.change("block_plate" if blocked else "unblock_plate", kept, {}) as connection:
            state = BLOCKED if blocked else ACTIVE
            changed = connection.execute(
                schema.plates.update().where(schema.plates.c.plate == kept).values(state=state)
            )
            if changed.rowcount == 0:
                raise AdminError(f"plate {kept} is not bound")
        return kept


def _forget_card(connection: Connection, plate: str) -> bool:
    """Whether the plate was bound to a card."""
    plates = schema.plates
    bound = plates.c.plate == plate, plates.c.card.is_not(None)
    if connection.execute(select(1).where(plate_payers.c.plate == plate)).first() is None:
        return connection.execute(plates.delete().where(*bound)).rowcount > 0
    return connection.execute(plates.update().where(*bound).values(card=None, payer_kind="phone")).rowcount > 0
