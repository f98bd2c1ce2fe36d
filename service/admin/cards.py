"""Cards as operators make them, set them up and block them."""

from __future__ import annotations

from sqlalchemy import Connection, select

from service.admin.recorded import RecordedChanges, exists, require_amount, require_cap
from service.books.records import ACTIVE, BLOCKED, AccountKind
from service.errors import AdminError
from service.store import schema
from service.store.clock import to_us
from service.store.naming import require_name
from wire.plates import normalise


class CardAdmin:
    """Raises AdminError for what can't be done."""

    def __init__(self, changes: RecordedChanges) -> None:
        self._changes = changes

    def create(self, card: str, *, name: str = "", preset_fen: int | None = None, whole_balance: bool = False) -> None:
        """A new card without money. preset_fen None: the station's preset amount counts."""
        require_name(card, "card")
        if preset_fen is not None:
            require_amount(preset_fen)
        detail = {"name": name, "preset_fen": preset_fen, "whole": whole_balance}
        with self._changes.change("create_card", card, detail) as connection:
            if exists(connection, schema.cards, card):
                raise AdminError(f"card {card} exists already")
            if (other := _card_of_plate(connection, card)) is not None:
                raise AdminError(f"{card} is the plate of a vehicle with card {other}: name the new card otherwise")
            connection.execute(
                schema.cards.insert().values(
                    id=card,
                    name=name[:80],
                    state=ACTIVE,
                    preset_fen=preset_fen,
                    whole_balance=whole_balance,
                    account=self._changes.open_account(connection, AccountKind.CARD, card),
                    receivable=self._changes.open_account(connection, AccountKind.RECEIVABLE, card),
                    created_us=to_us(self._changes.books.clock.now()),
                )
            )

    def set_preset(self, card: str, preset_fen: int | None, whole_balance: bool) -> None:
        """Change the preset amount (None: the station's counts) and whether holds take the whole balance."""
        if preset_fen is not None:
            require_amount(preset_fen)
        detail = {"preset_fen": preset_fen, "whole": whole_balance}
        with self._changes.change("set_card_preset", card, detail) as connection:
            self._update_card(connection, card, preset_fen=preset_fen, whole_balance=whole_balance)

    def set_offline(self, card: str, offline_fen: int | None) -> None:
        """What the card may have outstanding offline at any station; 0 for nothing, None: the station's cap counts."""
        if offline_fen is not None:
            require_cap(offline_fen)
        with self._changes.change("set_card_offline", card, {"offline_fen": offline_fen}) as connection:
            self._update_card(connection, card, offline_fen=offline_fen)

    def block(self, card: str, blocked: bool) -> None:
        """A blocked card is refused; fuellings under way are still posted."""
        with self._changes.change("block_card" if blocked else "unblock_card", card, {}) as connection:
            self._update_card(connection, card, state=BLOCKED if blocked else ACTIVE)

    def _update_card(self, connection: Connection, card: str, **values: object) -> None:
        changed = connection.execute(schema.cards.update().where(schema.cards.c.id == card).values(**values))
        if changed.rowcount == 0:
            raise AdminError(f"no card {card}")


def _card_of_plate(connection: Connection, name: str) -> str | None:
    """Of the vehicle whose plate a card's name would be: who types the plate would find another's card."""
    bound = select(schema.plates.c.card).where(schema.plates.c.plate == normalise(name))
    return connection.execute(bound).scalar()
