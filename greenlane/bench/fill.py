"""Fills books with history for the bench: cards that were fuelled many times, written as the service would have."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, select

from service.admin.admin import Admin
from service.books.books import Books
from service.books.rows.writing import put
from service.store import schema
from service.store.clock import US_PER_S, to_us

HISTORY_CARDS = 1_000
BATCH_VISITS = 2_000
HOLD_FEN = 10_000
AMOUNT_FEN = 800
VOLUME_ML = 1_000
DISPENSERS = 16


def fill(books: Books, postings: int) -> Iterator[int]:
    """Add visits until there are about `postings` transfers more; yields how many were added so far."""
    admin = Admin(books, "bench")
    admin.stations.set("history", preset_fen=HOLD_FEN)
    accounts = _cards(admin, books)
    with books.database.reading() as connection:
        query = select(schema.stations.c.revenue_account).where(schema.stations.c.id == "history")
        revenue = connection.execute(query).scalar_one()
    start_us = to_us(books.clock.now()) - 400 * 86_400 * US_PER_S
    visits = postings // 2
    for first in range(0, visits, BATCH_VISITS):
        numbers = range(first, min(first + BATCH_VISITS, visits))
        _write(books, accounts, revenue, [(n, start_us + n * US_PER_S) for n in numbers])
        yield 2 * (numbers[-1] + 1)
    with books.database.writing() as connection:
        put(connection, {"dispensers": _dispensers(visits), "dispenser_lanes": _lanes(connection)})


def _cards(admin: Admin, books: Books) -> list[tuple[str, int]]:
    for number in range(HISTORY_CARDS):
        admin.cards.create(f"history-{number}")
        admin.money.top_up(f"history-{number}", 10**10)
    with books.database.reading() as connection:
        query = select(schema.cards.c.id, schema.cards.c.account).where(schema.cards.c.id.like("history-%"))
        return [(row.id, row.account) for row in connection.execute(query)]


def _write(books: Books, accounts: list[tuple[str, int]], revenue: int, visits: list[tuple[int, int]]) -> None:
    fuellings: list[dict[str, Any]] = []
    transfers: list[dict[str, Any]] = []
    questions: list[dict[str, Any]] = []
    for number, at_us in visits:
        card, account = accounts[number % len(accounts)]
        fuelling, hold, capture = (books.ids.next(at_us) for _ in range(3))
        fuellings.append(_fuelling(fuelling, number, card, at_us))
        pair = {"debit_account": account, "credit_account": revenue, "at_us": at_us}
        empty = {"resolves": None, "resolves_fen": None, "fuelling_id": None}
        transfers.append({"id": hold, "phase": "pending", "kind": "hold", "amount_fen": HOLD_FEN, **pair, **empty})
        resolved = {"resolves": hold, "resolves_fen": HOLD_FEN, "fuelling_id": fuelling}
        transfers.append(
            {"id": capture, "phase": "post", "kind": "fuelling", "amount_fen": AMOUNT_FEN, **pair, **resolved}
        )
        questions.append(_question(hold, number, card, at_us))
    with books.database.writing() as connection:
        put(connection, {"fuellings": fuellings, "transfers": transfers, "authorisations": questions})


def _dispensers(visits: int) -> list[dict[str, Any]]:
    """What the newest of so many fuellings leaves of each dispenser."""
    newest = {number % DISPENSERS: number // DISPENSERS + 1 for number in range(max(0, visits - DISPENSERS), visits)}
    return [
        {"id": f"history-{n}", "station": "history", "last_sequence": last, "totaliser_ml": last * VOLUME_ML}
        for n, last in newest.items()
    ]


def _lanes(connection: Connection) -> list[dict[str, Any]]:
    """Each dispenser is its first fuelling's lane's."""
    first = schema.fuellings.c
    query = select(first.id, first.dispenser, first.received_us).where(first.station == "history", first.sequence == 1)
    bound = {"station": "history", "lane": "L", "after_sequence": 0}
    return [
        {**bound, "dispenser": row.dispenser, "bound_us": row.received_us, "fuelling": row.id}
        for row in connection.execute(query)
    ]


def _fuelling(number: int, sequence: int, card: str, at_us: int) -> dict[str, Any]:
    return {
        "id": number,
        "dispenser": f"history-{sequence % DISPENSERS}",
        "sequence": sequence // DISPENSERS + 1,
        "station": "history",
        "lane": "L",
        "visit": f"history-{sequence}",
        "authorisation": f"history-{sequence}",
        "plate": "粤B00000",
        "started_us": at_us,
        "ended_us": at_us + US_PER_S,
        "volume_ml": VOLUME_ML,
        "amount_fen": AMOUNT_FEN,
        "unit_price_fen_per_l": 800,
        "product": "92",
        "totaliser_before_ml": sequence // DISPENSERS * VOLUME_ML,
        "totaliser_after_ml": (sequence // DISPENSERS + 1) * VOLUME_ML,
        "unit_flags": "[]",
        "received_us": at_us,
        "card": card,
        "captured_fen": AMOUNT_FEN,
        "overrun_fen": 0,
        "released_fen": HOLD_FEN - AMOUNT_FEN,
        "balance_fen": 0,
        "flags": "[]",
    }


def _question(hold: int, number: int, card: str, at_us: int) -> dict[str, Any]:
    return {
        "visit": f"history-{number}",
        "station": "history",
        "lane": "L",
        "plate": "粤B00000",
        "typed": False,
        "captured_us": at_us,
        "confidence": 1.0,
        "weakest": 1.0,
        "asked_us": at_us,
        "decision": "allow",
        "reason": "ok",
        "id": f"history-{number}",
        "card": card,
        "hold": hold,
        "limit_fen": HOLD_FEN,
        "first_expires_us": at_us,
        "expires_us": at_us,
        "state": "captured",
    }
