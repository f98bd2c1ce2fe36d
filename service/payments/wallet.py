"""The embedded way of paying: the money stands in the ledger, and is captured with the fuelling in one transaction."""

from __future__ import annotations

from service.payer_rules.capabilities import WALLET
from service.payments.port import Forged, Notice, PaymentOrder, PaymentOutcome, Said

_IN_THE_LEDGER = Said(PaymentOutcome.PAID)


class Wallet:
    """Whatever it is asked for was posted already, or was refused by the ledger before anybody asked."""

    name = WALLET

    def plate_state(self, plate: str) -> str | None:
        del plate
        return "NORMAL"

    def pay(self, order: PaymentOrder) -> Said:
        del order
        return _IN_THE_LEDGER

    def query(self, order: str, amount_fen: int) -> Said:
        del order, amount_fen
        return _IN_THE_LEDGER

    def refund(self, order: str, number: str, amount_fen: int, total_fen: int) -> Said:
        del order, number, amount_fen, total_fen
        return _IN_THE_LEDGER

    def heard(self, body: bytes) -> Notice:
        raise Forged("nobody notifies of a wallet")
