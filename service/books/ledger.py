"""The ledger's rules in memory: transfers between loaded accounts, holds resolved once, no card overdrawn.

It works on the accounts of one transaction, locked in the database, and collects the transfers to be added. The
database's own triggers repeat every movement and its checks refuse what would break a rule here.
"""

from __future__ import annotations

from dataclasses import dataclass

from service.books.records import Account, AccountKind, Transfer, TransferKind, TransferPhase
from service.errors import LedgerError
from service.store.ids import IdMaker

PREPAID = (AccountKind.CARD, AccountKind.WALLET)
OWING = (AccountKind.RECEIVABLE, AccountKind.OWED)


@dataclass(frozen=True, slots=True)
class Hold:
    """An open pending transfer."""

    transfer: int
    debit_account: int
    credit_account: int
    amount_fen: int


class Ledger:
    """accounts: those of this transaction, by number. added: the transfers made so far, in order."""

    def __init__(self, accounts: dict[int, Account], ids: IdMaker, now_us: int) -> None:
        self.accounts = accounts
        self.added: list[Transfer] = []
        self._ids = ids
        self._now_us = now_us
        self._resolved: set[int] = set()

    def move(
        self,
        kind: TransferKind,
        debit: int,
        credit: int,
        amount_fen: int,
        *,
        fuelling_id: int | None = None,
        key: str | None = None,
        note: str | None = None,
        actor: str | None = None,
    ) -> None:
        """Move money at once. Raises LedgerError when a card or wallet would be overdrawn or a debt overpaid."""
        self._require(debit, credit, amount_fen)
        payer, payee = self.accounts[debit], self.accounts[credit]
        if payer.kind in PREPAID and payer.free_fen < amount_fen:
            raise LedgerError(f"{payer.kind} account {debit} has {payer.free_fen} fen free, not {amount_fen}")
        if payee.kind in OWING and -payee.balance_fen < amount_fen:
            raise LedgerError(f"account {credit} is owed {-payee.balance_fen} fen, not {amount_fen}")
        payer.debits_posted_fen += amount_fen
        payee.credits_posted_fen += amount_fen
        self._add(
            TransferPhase.SINGLE,
            kind,
            debit,
            credit,
            amount_fen,
            fuelling_id=fuelling_id,
            key=key,
            note=note,
            actor=actor,
        )

    def hold(self, debit: int, credit: int, amount_fen: int) -> Hold:
        """Reserve money of a card or wallet; or a debt, which needs none. Raises LedgerError when less is free."""
        self._require(debit, credit, amount_fen)
        payer = self.accounts[debit]
        if payer.kind not in OWING and payer.free_fen < amount_fen:
            raise LedgerError(f"{payer.kind} account {debit} has {payer.free_fen} fen free, not {amount_fen}")
        payer.debits_pending_fen += amount_fen
        number = self._add(TransferPhase.PENDING, TransferKind.HOLD, debit, credit, amount_fen)
        return Hold(number, debit, credit, amount_fen)

    def capture(self, hold: Hold, amount_fen: int, fuelling_id: int) -> None:
        """Take 1 fen up to the whole hold; the rest is free again. Raises LedgerError beyond it or twice."""
        if amount_fen > hold.amount_fen:
            raise LedgerError(f"{amount_fen} fen is more than the hold of {hold.amount_fen}")
        self._require(hold.debit_account, hold.credit_account, amount_fen)
        self._resolve(hold)
        self.accounts[hold.debit_account].debits_posted_fen += amount_fen
        self.accounts[hold.credit_account].credits_posted_fen += amount_fen
        self._end(TransferPhase.POST, TransferKind.FUELLING, hold, amount_fen, fuelling_id)

    def cancel(self, hold: Hold, phase: TransferPhase, fuelling_id: int | None = None) -> None:
        """Give the whole hold back; phase is VOID or EXPIRE. Raises LedgerError the second time."""
        self._resolve(hold)
        self._end(phase, TransferKind.HOLD, hold, hold.amount_fen, fuelling_id)

    def _resolve(self, hold: Hold) -> None:
        if hold.transfer in self._resolved:
            raise LedgerError(f"hold {hold.transfer} is resolved already")
        self._resolved.add(hold.transfer)
        self.accounts[hold.debit_account].debits_pending_fen -= hold.amount_fen

    def _end(
        self, phase: TransferPhase, kind: TransferKind, hold: Hold, amount_fen: int, fuelling_id: int | None
    ) -> None:
        self._add(
            phase,
            kind,
            hold.debit_account,
            hold.credit_account,
            amount_fen,
            resolves=hold.transfer,
            resolves_fen=hold.amount_fen,
            fuelling_id=fuelling_id,
        )

    def _require(self, debit: int, credit: int, amount_fen: int) -> None:
        if amount_fen <= 0 or debit == credit:
            raise LedgerError(f"a transfer needs two accounts and an amount above zero, not {amount_fen} fen")

    def _add(
        self,
        phase: TransferPhase,
        kind: TransferKind,
        debit: int,
        credit: int,
        amount_fen: int,
        resolves: int | None = None,
        resolves_fen: int | None = None,
        fuelling_id: int | None = None,
        key: str | None = None,
        note: str | None = None,
        actor: str | None = None,
    ) -> int:
        number = self._ids.next(self._now_us)
        self.added.append(
            Transfer(
                number,
                self._now_us,
                phase.value,
                kind.value,
                debit,
                credit,
                amount_fen,
                resolves,
                resolves_fen,
                fuelling_id,
                key,
                note,
                actor,
            )
        )
        return number
