"""A fuelling's money goes back: who was charged last first, each fen at most once, and the way it came."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from sqlalchemy import Connection, Row, and_, func, select

from service.books.decisions.person_charges import UNPAID, ChargeEvent
from service.books.records import AccountKind, TransferKind, TransferPhase
from service.errors import AdminError
from service.payer_rules.capabilities import CAPABILITIES
from service.payers import wallets
from service.payers.charging import BY_CASH, Charging, LockedCharge, StepCause, asking
from service.payers.escalation import first_request
from service.store import schema
from service.store.database import telling_faults
from service.store.payer_tables import charge_events, charges, persons
from service.store.payment_tables import payment_refunds, payments
from wire.money import format_yuan
from wire.payers import ChargeState

CHARGING = (TransferKind.FUELLING, TransferKind.DEBT, TransferKind.CLAIM)
"""Kinds that charge somebody for a fuelling; their order in the ledger is the order of charging."""
WHOLE, ONCE = "all", "1"
"""End the keys of what a resolved dispute gives back, and of a refund without a number of its own."""


@dataclass(frozen=True, slots=True)
class Share:
    """What one payer was charged for a fuelling, and has back. name: of the charge, else of the card.

    charge: its row, none for a card's share. own: the payer's accounts, what they have and what they owe.
    """

    name: str
    charged_fen: int
    back_fen: int
    charge: Row[Any] | None
    own: tuple[int, int]

    @property
    def left_fen(self) -> int:
        return self.charged_fen - self.back_fen

    @property
    def is_open(self) -> bool:
        return self.charge is not None and ChargeState(self.charge.state) in UNPAID


@dataclass(frozen=True, slots=True)
class PayerRefund:
    """What goes back to one payer. kind: card or phone; was_open: it was not paid yet, and is waived.

    cash: the key of its transfer where it goes back over the counter.
    """

    kind: str
    id: str
    amount_fen: int
    was_open: bool = False
    cash: str | None = None


class BesideRefund(Protocol):
    """What is written in the transaction of a refund, or not at all."""

    def before(self, connection: Connection) -> None:
        """Before anything is locked."""

    def after(self, connection: Connection, backs: tuple[PayerRefund, ...]) -> None:
        """When everything has gone back."""


class _Nothing:
    def before(self, connection: Connection) -> None: ...

    def after(self, connection: Connection, backs: tuple[PayerRefund, ...]) -> None: ...


NOTHING = _Nothing()


class Refunds(Charging):
    """Raises AdminError with the reason for what can't go back; with nothing half done."""

    def refund(
        self,
        charge: str,
        actor: str,
        amount_fen: int | None = None,
        *,
        key: str | None = None,
        beside: BesideRefund = NOTHING,
    ) -> tuple[PayerRefund, ...]:
        """Give money of a charge's fuelling back the way it came, what was charged last first; what went to whom.

        amount_fen: up to the whole fuelling; by default the charge, and before it what was charged after it. key: the
        refund's own number, which gives back once; without one nothing must have gone back before.
        """
        with telling_faults(), self._database.writing() as connection:
            beside.before(connection)
            locked, shares = self._lock_shares(connection, charge)
            tag = tag_of(key)
            if key is not None and (earlier_fen := before(connection, shares, locked.row.fuelling, tag)):
                if amount_fen not in (None, earlier_fen):
                    raise AdminError(f"key {key} was used before for {format_yuan(earlier_fen)} yuan")
                return ()
            self._require(locked, ChargeEvent.REFUND)
            if key is None:
                require_first(shares, charge)
            amount_fen = until(shares, charge) if amount_fen is None else amount_fen
            left_fen = sum(share.left_fen for share in shares)
            if not 0 < amount_fen <= left_fen:
                raise AdminError(f"charge {charge}: an amount above 0 and up to {format_yuan(left_fen)}")
            backs = self._give_back(connection, locked, shares, amount_fen, StepCause(actor, said_of(tag)), tag)
            beside.after(connection, backs)
            return backs

    def resolve(
        self, charge: str, *, for_driver: bool, why: str, actor: str, beside: BesideRefund = NOTHING
    ) -> ChargeState:
        """End a dispute with its reason. For the driver: paid money goes back, an open charge is waived.

        What was charged for the same fuelling after it goes back before it.
        """
        if not why.strip():
            raise AdminError("a dispute is resolved with a reason: --why TEXT")
        cause = StepCause(actor, why)
        with telling_faults(), self._database.writing() as connection:
            beside.before(connection)
            locked, shares = self._lock_shares(connection, charge)
            if locked.state is not ChargeState.DISPUTED:
                raise AdminError(f"charge {charge} is {locked.row.state}, not disputed")
            if not for_driver:
                beside.after(connection, ())
                return self._uphold(connection, locked, cause)
            whole_fen = until(shares, charge)
            backs = self._give_back(connection, locked, shares, whole_fen, cause, WHOLE, disputed=charge)
            beside.after(connection, backs)
            return ChargeState.REFUNDED

    def _uphold(self, connection: Connection, locked: LockedCharge, cause: StepCause) -> ChargeState:
        """What was paid stays paid; an open charge asks its payer again."""
        if locked.row.paid_us is not None:
            return self._step(connection, locked, ChargeEvent.FOR_STATION, cause)
        again = first_request(locked.row.person, self._now_us(), self._books.settings)
        return self._step(connection, locked, ChargeEvent.REOPEN, cause, **asking(again))

    def _lock_shares(self, connection: Connection, charge: str) -> tuple[LockedCharge, tuple[Share, ...]]:
        """A charge, and what every payer of its fuelling was charged: all their accounts locked, then the charges."""
        c = charges.c
        found = connection.execute(select(c.fuelling).where(c.id == charge)).scalar()
        if found is None:
            raise AdminError(f"no charge {charge}")
        paid_by = select(c.paid_by).where(c.fuelling == found)
        own = select(persons.c.wallet).where(persons.c.id.in_(paid_by))
        numbers = accounts_of(shares_of(connection, found))
        revenue = select(schema.stations.c.revenue_account).join(charges, c.station == schema.stations.c.id)
        numbers |= {*connection.execute(own).scalars(), *connection.execute(revenue.where(c.id == charge)).scalars()}
        wallets.lock(connection, *numbers, wallets.CLEARING, wallets.PROVIDER)
        connection.execute(select(c.id).where(c.fuelling == found).order_by(c.id).with_for_update()).all()
        return self._lock(connection, charge), shares_of(connection, found)

    def _give_back(
        self,
        connection: Connection,
        locked: LockedCharge,
        shares: tuple[Share, ...],
        amount_fen: int,
        cause: StepCause,
        tag: str,
        disputed: str | None = None,
    ) -> tuple[PayerRefund, ...]:
        """From the last share to the first. disputed: the charge whose dispute this ends."""
        found = []
        for share, part_fen in split(shares, amount_fen):
            require_ready(share, part_fen, disputed)
            posting = wallets.Posting(
                TransferKind.FUELLING_BACK if share.charge is None else TransferKind.PAY_BACK,
                locked.revenue,
                wallets.CLEARING,
                part_fen,
                key_of(share, locked.row.fuelling, tag),
                cause.actor,
                fuelling_id=locked.row.fuelling if share.charge is None else None,
            )
            if share.charge is None:
                for part in card_postings(connection, share, posting):
                    wallets.post(connection, part, self._books.ids, self._now_us())
                found.append(PayerRefund("card", share.name, part_fen))
                continue
            one = replace(locked, row=share.charge, wallet=share.own[0], owed=share.own[1])
            self._give_charge_back(connection, one, posting, cause, disputed)
            cash = posting.key if share.charge.paid_by == BY_CASH else None
            found.append(PayerRefund("phone", share.name, part_fen, share.charge.paid_us is None, cash))
        return tuple(found)

    def _give_charge_back(
        self,
        connection: Connection,
        locked: LockedCharge,
        posting: wallets.Posting,
        cause: StepCause,
        disputed: str | None,
    ) -> None:
        """To the wallet that paid, the provider, or over the counter; what was not paid is waived."""
        row, refunded_fen = locked.row, locked.row.refunded_fen + posting.amount_fen
        is_whole = refunded_fen == row.amount_fen
        if row.paid_us is None:
            self._require_at_rest(connection, locked)
            self._move(connection, locked, TransferKind.PAY_BACK, locked.revenue, locked.owed, cause.actor)
            event = ChargeEvent.WAIVE
        else:
            credit = self._way_back(connection, row, posting.amount_fen)
            wallets.post(connection, replace(posting, credit=credit), self._books.ids, self._now_us())
            event = ChargeEvent.REFUND if is_whole else ChargeEvent.REFUND_PART
        event = ChargeEvent.FOR_DRIVER if row.id == disputed else event
        ended: dict[str, Any] = {"due_us": None, "overdue_us": None} if is_whole else {}
        self._step(connection, locked, event, cause, refunded_fen=refunded_fen, **ended)

    def _way_back(self, connection: Connection, row: Row[Any], amount_fen: int) -> int:
        """The account that money of a paid charge goes back to; a provider is asked to give it back, until it has."""
        if row.paid_by == BY_CASH:
            return wallets.CLEARING
        if row.paid_by not in CAPABILITIES:
            return int(connection.execute(select(persons.c.wallet).where(persons.c.id == row.paid_by)).scalar_one())
        number = connection.execute(select(payments.c.number).where(payments.c.charge == row.id)).scalar_one()
        earlier = select(func.count()).select_from(payment_refunds).where(payment_refunds.c.payment == number)
        part, now_us = connection.execute(earlier).scalar_one() + 1, self._now_us()
        values = {"made_us": now_us, "due_us": now_us, "state": "waiting", "times": 0, "reason": ""}
        asked = {"number": f"{number}r{part}", "payment": number, "amount_fen": amount_fen}
        connection.execute(payment_refunds.insert().values(**asked, **values))
        return wallets.PROVIDER


def shares_of(connection: Connection, fuelling: int) -> tuple[Share, ...]:
    """In the order of charging."""
    moved, account = schema.transfers.c, schema.accounts.c
    query = (
        select(moved.amount_fen, account.kind, account.owner)
        .join_from(schema.transfers, schema.accounts, account.id == moved.debit_account)
        .where(moved.fuelling_id == fuelling, moved.phase.in_([TransferPhase.SINGLE.value, TransferPhase.POST.value]))
        .where(moved.kind.in_([kind.value for kind in CHARGING]))
        .order_by(moved.id)
    )
    by_part = iter(_charges(connection, fuelling))
    found: dict[str, Share] = {}
    for row in connection.execute(query).all():
        if row.kind in (AccountKind.CARD, AccountKind.RECEIVABLE):
            before = found.get(row.owner)
            already_fen = 0 if before is None else before.charged_fen
            found[row.owner] = _card_share(connection, fuelling, row.owner, already_fen + row.amount_fen)
        elif row.kind in (AccountKind.WALLET, AccountKind.OWED) and (charge := next(by_part, None)) is not None:
            own = (charge.wallet, charge.owed)
            found[charge.id] = Share(charge.id, charge.amount_fen, charge.refunded_fen, charge, own)
    return tuple(found.values())


def until(shares: Sequence[Share], charge: str) -> int:
    """How much goes back where this charge goes back whole: what was charged after it goes before it."""
    at = [share.name for share in shares].index(charge)
    return sum(share.left_fen for share in shares[at:])


def split(shares: Sequence[Share], amount_fen: int) -> Iterator[tuple[Share, int]]:
    """Whom how much goes back to, in the reverse of the order of charging."""
    for share in reversed(shares):
        part_fen = min(amount_fen, share.left_fen)
        if part_fen:
            yield share, part_fen
            amount_fen -= part_fen


def require_ready(share: Share, part_fen: int, disputed: str | None) -> None:
    """Raises AdminError for a charge that cannot go back as it stands. disputed: the one that is resolved now."""
    row = share.charge
    if row is None or row.id == disputed or row.state == ChargeState.PAID:
        return
    if not share.is_open:
        what = "resolve it first" if row.state == ChargeState.DISPUTED else "wait until it is paid or not"
        raise AdminError(f"charge {row.id} is {row.state}: it cannot be given back; {what}")
    if part_fen < share.left_fen:
        yuan = format_yuan(share.charged_fen)
        words = f"its {yuan} yuan are waived whole, or paid first"
        raise AdminError(f"charge {row.id} was charged last and is not paid: {words}")


def require_first(shares: Sequence[Share], charge: str) -> None:
    """Raises AdminError where something went back before, so that a command sent twice gives back once."""
    back_fen = sum(share.back_fen for share in shares)
    if back_fen:
        words = "more goes back under a number of its own: --key NUMBER"
        raise AdminError(f"charge {charge}: {format_yuan(back_fen)} yuan were given back already; {words}")


def tag_of(key: str | None) -> str:
    """How the postings of a refund end their keys; the same number, the same end."""
    return ONCE if key is None else hashlib.sha256(key.encode()).hexdigest()[:16]


def said_of(tag: str) -> str:
    """The detail of the steps of a refund."""
    return f"refund {tag}"


def key_of(share: Share, fuelling: int, tag: str) -> str:
    if share.charge is not None:
        return f"charge-refund {share.name} {tag}"
    return f"fuelling-refund {fuelling} {share.own[0]} {tag}"


def before(connection: Connection, shares: Sequence[Share], fuelling: int, tag: str) -> int:
    """How much went back under this number before, waived or posted."""
    keys = [key_of(share, fuelling, tag) for share in shares]
    keys += [f"{key} owed" for key in keys]
    moved, step = schema.transfers.c, charge_events.c
    posted = select(func.coalesce(func.sum(moved.amount_fen), 0)).where(moved.key.in_(keys))
    of_it = step.event == ChargeEvent.WAIVE.value, step.detail == said_of(tag), charges.c.fuelling == fuelling
    waived = select(func.coalesce(func.sum(charges.c.amount_fen), 0)).join(charge_events, step.charge == charges.c.id)
    return int(connection.execute(posted).scalar_one() + connection.execute(waived.where(*of_it)).scalar_one())


def card_postings(connection: Connection, share: Share, posting: wallets.Posting) -> tuple[wallets.Posting, ...]:
    """Of what goes back to a card: what the card owes is settled first, the rest is its money."""
    account, receivable = share.own
    owed_fen = -wallets.read(connection, receivable)[receivable].balance_fen
    debt_fen = min(owed_fen, posting.amount_fen)
    parts = (("", account, posting.amount_fen - debt_fen), (" owed", receivable, debt_fen))
    return tuple(posting.part(number, fen, end) for end, number, fen in parts if fen)


def accounts_of(shares: Sequence[Share]) -> set[int]:
    return {number for share in shares for number in share.own}


def _charges(connection: Connection, fuelling: int) -> Sequence[Row[Any]]:
    query = select(charges, persons.c.wallet, persons.c.owed).join(persons, persons.c.id == charges.c.person)
    return connection.execute(query.where(charges.c.fuelling == fuelling).order_by(charges.c.part)).all()


def _card_share(connection: Connection, fuelling: int, card: str, charged_fen: int) -> Share:
    row = connection.execute(select(schema.cards).where(schema.cards.c.id == card)).one()
    own, moved = (row.account, row.receivable), schema.transfers.c
    is_back = and_(moved.fuelling_id == fuelling, moved.kind == TransferKind.FUELLING_BACK.value)
    back = select(func.coalesce(func.sum(moved.amount_fen), 0)).where(is_back, moved.credit_account.in_(own))
    return Share(card, charged_fen, int(connection.execute(back).scalar_one()), None, own)
