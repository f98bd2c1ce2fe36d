"""Proves that the books are right, from the file up, and names every row that is wrong."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from service.books.rows.sealing import Head, head
from service.errors import Unavailable
from service.reports.proofs import accounts, chain, counter, dispenser_lanes, file, fuel, holds, payers, trail
from service.reports.proofs.findings import Finding, Proof
from service.store.database import Database, fault_of, telling_faults
from service.store.engine.schema_version import found_revision

MOST_MAPPED = 4 * 1024**3
MOST_OF_A_PROOF = 200
"""Findings of one proof that are named one by one."""

PROOFS: tuple[Proof, ...] = (
    file.schema,
    accounts.balances,
    accounts.owners,
    accounts.transfers,
    holds.holds,
    holds.answers,
    fuel.postings,
    fuel.receipts,
    fuel.figures,
    fuel.dispensers,
    dispenser_lanes.dispenser_lanes,
    fuel.totalisers,
    fuel.offline,
    payers.charges,
    payers.refunds,
    payers.orders,
    payers.signatures,
    counter.shifts,
    chain.chain,
    trail.trail,
)
LONGEST_FIRST = (chain.chain, accounts.transfers, fuel.postings)
"""These begin first, so that none of them is left alone at the end."""
MOST_AT_ONCE = 4
"""Each on a connection of its own; a database answers other people meanwhile."""


@dataclass(frozen=True, slots=True)
class Audit:
    """What was looked at, and what is wrong. head: of the chain of seals; waiting: rows that have no seal yet."""

    transfers: int
    accounts: int
    authorisations: int
    fuellings: int
    findings: tuple[Finding, ...]
    head: str = ""
    waiting: int = 0

    @property
    def clean(self) -> bool:
        return not self.findings


def audit(database: Database, against: Head | None = None) -> Audit:
    """Every proof, each over an unchanging view of the books. against: a head of the chain that was kept elsewhere.

    A file that is spoilt is a finding like others. Raises Unavailable for a database that cannot be reached.
    """
    if database.is_sqlite and not Path(str(database.url.database)).is_file():
        raise Unavailable(f"{database.name}: there is no database")
    with ThreadPoolExecutor(min(MOST_AT_ONCE, os.cpu_count() or 1)) as pool:
        whole = pool.submit(_whole, database)
        try:
            return _proved(database, against, whole, pool)
        except Unavailable:
            if not database.is_sqlite or not whole.result():
                raise
            return Audit(0, 0, 0, 0, tuple(whole.result()))


def _proved(database: Database, against: Head | None, whole: Future[list[Finding]], pool: ThreadPoolExecutor) -> Audit:
    with telling_faults(), database.reading() as connection:
        if not _is_current(database, connection):
            words = f"the file is spoilt: {database.name} holds no books of this program"
            return Audit(0, 0, 0, 0, (*whole.result(), Finding("file", words)))
        proofs: list[Proof] = [*PROOFS, *([partial(chain.against, kept=against)] if against is not None else [])]
        begun = {
            proof: pool.submit(_findings, database, proof)
            for proof in (*LONGEST_FIRST, *(p for p in proofs if p not in LONGEST_FIRST))
        }
        findings = [finding for proof in proofs for finding in begun[proof].result()]
        return Audit(
            transfers=_count(connection, "transfers"),
            accounts=_count(connection, "accounts"),
            authorisations=_count(connection, "authorisations"),
            fuellings=_count(connection, "fuellings"),
            findings=(*whole.result(), *findings),
            head=_head(connection),
            waiting=_count(connection, "unsealed"),
        )


def _is_current(database: Database, connection: Connection) -> bool:
    """False where there is no version at all. Raises Unavailable for another version, which has other proofs."""
    if found_revision(connection) is None:
        return False
    database.require_current()
    return True


def _findings(database: Database, proof: Proof) -> list[Finding]:
    with telling_faults(), database.reading() as connection:
        _mapped(connection)
        return list(_guarded(proof, connection))


def _mapped(connection: Connection) -> None:
    """SQLite's default cache is far smaller than a large ledger."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql(f"pragma mmap_size = {MOST_MAPPED}")


def _whole(database: Database) -> list[Finding]:
    return file.whole(str(database.url.database)) if database.is_sqlite else []


def _guarded(proof: Proof, connection: Connection) -> Iterator[Finding]:
    """A proof that the books themselves break, by what stands in them, is a finding too."""
    named = 0
    name = getattr(proof, "__name__", "head")
    try:
        with connection.begin_nested():
            for finding in proof(connection):
                named += 1
                if named <= MOST_OF_A_PROOF:
                    yield finding
    except (SQLAlchemyError, ValueError, TypeError, OverflowError, AttributeError, KeyError) as error:
        words = fault_of(error) if isinstance(error, DBAPIError) else str(error)
        yield Finding(name, f"spoilt: what stands there cannot be read: {words}")
    if named > MOST_OF_A_PROOF:
        yield Finding(name, f"and {named - MOST_OF_A_PROOF} more")


def _head(connection: Connection) -> str:
    try:
        with connection.begin_nested():
            return str(head(connection))
    except SQLAlchemyError:
        return ""


def _count(connection: Connection, table: str) -> int:
    """0 for a table that is gone or cannot be read, which a proof has named."""
    try:
        with connection.begin_nested():
            return int(connection.execute(text(f"select count(*) from {table}")).scalar_one())
    except SQLAlchemyError:
        return 0
