"""Every movement of money as a line of the trail: who moved what from which account to which, and why."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Connection, RowMapping, or_, select

from service.books.records import AccountKind, TransferPhase
from service.identity.trail import TrailEntry
from service.store import schema
from service.store.clock import from_us
from wire.money import format_yuan

_DEBIT, _CREDIT = schema.accounts.alias("debit"), schema.accounts.alias("credit")
_PAYERS = {AccountKind.CARD, AccountKind.RECEIVABLE, AccountKind.WALLET, AccountKind.OWED}
_STATIONS = {AccountKind.REVENUE, AccountKind.SUSPENSE}


def movements(connection: Connection, limit: int, subject: str | None = None) -> Iterator[TrailEntry]:
    """The newest movements first; subject: of this card, person, station or plate only."""
    transfers, fuellings = schema.transfers.c, schema.fuellings.c
    query = (
        select(
            *(transfers[name] for name in ("at_us", "kind", "amount_fen", "note", "actor")),
            *(fuellings[name] for name in ("station", "lane", "dispenser", "sequence", "plate")),
            _DEBIT.c.kind.label("debit_kind"),
            _DEBIT.c.owner.label("debit_owner"),
            _CREDIT.c.kind.label("credit_kind"),
            _CREDIT.c.owner.label("credit_owner"),
        )
        .select_from(
            schema.transfers.join(_DEBIT, _DEBIT.c.id == transfers.debit_account)
            .join(_CREDIT, _CREDIT.c.id == transfers.credit_account)
            .outerjoin(schema.fuellings)
        )
        .where(transfers.phase.in_([TransferPhase.SINGLE.value, TransferPhase.POST.value]))
        .order_by(transfers.at_us.desc(), transfers.id.desc())
        .limit(limit)
    )
    if subject is not None:
        query = query.where(or_(_DEBIT.c.owner == subject, _CREDIT.c.owner == subject, fuellings.plate == subject))
    for row in connection.execute(query).mappings():
        yield _deed(row)


def _deed(row: RowMapping) -> TrailEntry:
    detail = {
        "yuan": format_yuan(row["amount_fen"]),
        "from": f"{row['debit_kind']}:{row['debit_owner']}".rstrip(":"),
        "to": f"{row['credit_kind']}:{row['credit_owner']}".rstrip(":"),
    }
    actor = row["actor"] or "service"
    if row["dispenser"] is not None:
        actor = row["actor"] or f"lane:{row['station']}/{row['lane']}"
        detail["fuelling"] = f"{row['station']}/{row['dispenser']}/{row['sequence']}"
        detail["plate"] = row["plate"] or "-"
    if row["note"]:
        detail["note"] = row["note"]
    return TrailEntry(from_us(row["at_us"]), actor, row["kind"], _whose(row), detail)


def _whose(row: RowMapping) -> str:
    """The account's owner whom the movement concerns: rather a card than the station that it paid."""
    for kinds in (_PAYERS, _STATIONS):
        for side in ("debit", "credit"):
            if row[f"{side}_kind"] in kinds:
                return str(row[f"{side}_owner"])
    return str(row["debit_owner"])
