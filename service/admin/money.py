"""Money that operators pay in, pay out and correct."""

from __future__ import annotations

from service.admin.recorded import RecordedChanges, require_amount
from service.books.messages import Correct, Refund, TopUp
from service.errors import AdminError
from service.payers.wallets import operator_key


class MoneyAdmin:
    """Raises AdminError for what can't be done."""

    def __init__(self, changes: RecordedChanges) -> None:
        self._changes = changes

    def top_up(self, card: str, amount_fen: int, *, key: str | None = None, note: str = "") -> bool:
        """Pay money in. False when the key was posted before: then nothing was posted now."""
        require_amount(amount_fen)
        return self._changes.post(
            TopUp(card=card, amount_fen=amount_fen, key=operator_key(key), actor=self._changes.actor, note=note)
        )

    def refund(self, card: str, amount_fen: int, *, key: str | None = None, note: str = "") -> bool:
        """Pay money out, at most what is free."""
        require_amount(amount_fen)
        return self._changes.post(
            Refund(card=card, amount_fen=amount_fen, key=operator_key(key), actor=self._changes.actor, note=note)
        )

    def correct(self, card: str, amount_fen: int, *, note: str, key: str | None = None) -> bool:
        """Post a correction with its reason, above zero in the card's favour."""
        require_amount(abs(amount_fen))
        if not note.strip():
            raise AdminError("a correction needs a reason")
        return self._changes.post(
            Correct(card=card, amount_fen=amount_fen, key=operator_key(key), actor=self._changes.actor, note=note)
        )
