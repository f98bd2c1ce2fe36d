"""Money of persons: a wallet that is never overdrawn, and what is charged to them and not paid yet."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace

from sqlalchemy import Connection, select

from service.books.records import Account, AccountKind, TransferKind, TransferPhase
from service.errors import AdminError
from service.store import schema
from service.store.ids import IdMaker
from wire.money import MAX_FEN, format_yuan

CLEARING = 1
"""The account of money that came in or went out at the counter; made with the first schema."""
ADJUSTMENT = 2
"""The account of operators' corrections; made with the first schema."""
COUNTER_FORM = "counter "
"""Begins the key of every form of the counter."""
PROVIDER = 4
"""The account of what payment providers have taken for the company."""
OWN_KEYS = (COUNTER_FORM, "shift ", "charge ", "charge-refund ", "fuelling-refund ", "claim ", "provider ")
"""What begins the keys that the service makes itself; nobody types one of these."""


@dataclass(frozen=True, slots=True)
class Posting:
    """One movement of money and why. key: the same key posts once, for ever."""

    kind: TransferKind
    debit: int
    credit: int
    amount_fen: int
    key: str
    actor: str
    note: str = ""
    fuelling_id: int | None = None

    def part(self, credit: int, amount_fen: int, end: str) -> Posting:
        """A part of it for one account, under a key that ends so."""
        return replace(self, credit=credit, amount_fen=amount_fen, key=self.key + end)


def open_accounts(connection: Connection, person: str, ids: IdMaker, now_us: int) -> tuple[int, int]:
    """The numbers of a new person's wallet and of what they owe."""
    numbers = ids.next(now_us), ids.next(now_us)
    for number, kind in zip(numbers, (AccountKind.WALLET, AccountKind.OWED), strict=True):
        connection.execute(schema.accounts.insert().values(id=number, kind=kind.value, owner=person))
    return numbers


def operator_key(given: str | None) -> str:
    """The given key of an operator's posting, or a new one. Raises AdminError for one of the service's own."""
    if given is None:
        return f"desk-{secrets.token_hex(12)}"
    own = next((own for own in OWN_KEYS if given.startswith(own)), None)
    if own is not None:
        raise AdminError(f"a key that begins with {own!r} belongs to the service; give the payment another key")
    return given


def lock(connection: Connection, *numbers: int) -> dict[int, Account]:
    """The accounts, locked in the order that all transactions use."""
    query = select(schema.accounts).where(schema.accounts.c.id.in_(numbers)).order_by(schema.accounts.c.id)
    rows = connection.execute(query.with_for_update(key_share=True)).mappings()
    return {row["id"]: Account(**row) for row in rows}


def read(connection: Connection, *numbers: int) -> dict[int, Account]:
    rows = connection.execute(select(schema.accounts).where(schema.accounts.c.id.in_(numbers))).mappings()
    return {row["id"]: Account(**row) for row in rows}


def post(connection: Connection, posting: Posting, ids: IdMaker, now_us: int) -> bool:
    """Move money once; False where the key was posted before. Raises AdminError for the key of another posting."""
    table = schema.transfers
    earlier = connection.execute(select(table).where(table.c.key == posting.key)).mappings().first()
    moved = {"debit_account": posting.debit, "credit_account": posting.credit, "amount_fen": posting.amount_fen}
    if earlier is not None:
        if any(earlier[name] != value for name, value in moved.items()):
            raise AdminError(f"key {posting.key} was used before for another posting")
        return False
    accounts = lock(connection, posting.debit, posting.credit)
    payer = accounts[posting.debit]
    if payer.kind in (AccountKind.WALLET, AccountKind.CARD) and payer.free_fen < posting.amount_fen:
        raise AdminError(f"{format_yuan(payer.free_fen)} yuan are free, not {format_yuan(posting.amount_fen)}")
    payee = accounts[posting.credit]
    if payee.kind in (AccountKind.WALLET, AccountKind.CARD) and payee.balance_fen + posting.amount_fen > MAX_FEN:
        raise AdminError(
            f"a {payee.kind} holds at most {format_yuan(MAX_FEN)} yuan, and has {format_yuan(payee.balance_fen)}"
        )
    connection.execute(
        table.insert().values(
            id=ids.next(now_us),
            at_us=now_us,
            phase=TransferPhase.SINGLE.value,
            kind=posting.kind.value,
            key=posting.key,
            actor=posting.actor[:80],
            note=posting.note,
            fuelling_id=posting.fuelling_id,
            **moved,
        )
    )
    return True
