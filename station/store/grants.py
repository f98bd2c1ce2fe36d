"""Offline grants, the fuellings made under them, and what of both the server does not have yet."""

from __future__ import annotations

import json
import logging
import sqlite3
from datetime import datetime, timedelta

from controller.outbound.statefile import StateFile
from controller.ports import Clock
from service.books.settings import BookSettings
from service.offline.visits import OfflineVisit, conflicts_among
from service.store.clock import US_PER_S, to_us
from station.offline_rules import Outstanding, phone_account
from station.store.facts import Facts
from station.store.lives import Lives
from wire.codec import WireError, decode_text, encode_text
from wire.offline import OfflineGrant, OfflineReceipt

log = logging.getLogger(__name__)

GRANTS = (
    """CREATE TABLE IF NOT EXISTS offline_grant (
        authorisation TEXT PRIMARY KEY,
        body TEXT NOT NULL,
        card TEXT NOT NULL,
        limit_fen INTEGER NOT NULL,
        granted_us INTEGER NOT NULL,
        expires_us INTEGER NOT NULL,
        state TEXT NOT NULL CHECK (state IN ('open', 'released')),
        receipt TEXT
    )""",
    "CREATE INDEX IF NOT EXISTS offline_grant_by_state ON offline_grant (state, expires_us)",
    "CREATE INDEX IF NOT EXISTS offline_grant_by_card ON offline_grant (card)",
    """CREATE TABLE IF NOT EXISTS grant_fuelling (
        message INTEGER PRIMARY KEY,
        authorisation TEXT NOT NULL,
        card TEXT NOT NULL,
        amount_fen INTEGER NOT NULL,
        settled_under INTEGER
    )""",
    "CREATE INDEX IF NOT EXISTS grant_fuelling_by_grant ON grant_fuelling (authorisation)",
    "CREATE INDEX IF NOT EXISTS grant_fuelling_by_card ON grant_fuelling (card)",
)
"""card: the card's name, or a phone's payer as in station.offline_rules.account_of. offline_grant.receipt: what the
server said of it, NULL until it was told. grant_fuelling.settled_under: the number of the list's fetch after whose
beginning the server had the fuelling; NULL until then."""

UNUSED_LIFE = timedelta(hours=1)
"""A grant that ran out without a fuelling or a release still counts for this long: the nozzle may still be lifted."""

# A grant counts with its whole limit until something is fuelled under it; from then on what was fuelled counts instead.
_OPEN = (
    "SELECT coalesce(sum(g.limit_fen), 0) FROM offline_grant g WHERE g.state = 'open' AND g.authorisation IN"
    " (SELECT value FROM json_each(:given))"
    " AND NOT EXISTS (SELECT 1 FROM grant_fuelling f WHERE f.authorisation = g.authorisation)"
)
# Parked counts as well as waiting: a person may yet send it. A message that the outbox has forgotten was sent.
_UNSETTLED = (
    "SELECT coalesce(sum(f.amount_fen), 0) FROM grant_fuelling f JOIN message m ON m.id = f.message"
    " WHERE m.state IN ('waiting', 'parked')"
)
# What the server had before it made the list is in the list's caps already. Whether it had it is told by the number of
# the fetch, not by a clock: a fuelling settled while fetch 7 was under way may or may not be in its answer, so it
# counts until fetch 8 has confirmed the list. LEFT JOIN, because a sent message may be tidied away before that.
_SINCE_LIST = (
    "SELECT coalesce(sum(f.amount_fen), 0) FROM grant_fuelling f LEFT JOIN message m ON m.id = f.message WHERE"
    " f.card = :card AND (m.state IN ('waiting', 'parked') OR coalesce(f.settled_under, :listed) >= :listed)"
)


class OfflineGrants:
    """Thread-safe; a method that raises StateError has done nothing."""

    def __init__(self, state: StateFile, facts: Facts, clock: Clock) -> None:
        self._state = state
        self._facts = facts
        self._clock = clock
        self._lives = Lives(clock, self._left_open())

    def add(self, grant: OfflineGrant, expires_at: datetime) -> None:
        with self._state.transaction() as connection:
            connection.execute(
                "INSERT INTO offline_grant VALUES (?, ?, ?, ?, ?, ?, 'open', NULL)",
                (
                    grant.authorisation,
                    encode_text(grant),
                    phone_account(grant.payer) if grant.card is None and grant.payer is not None else grant.card,
                    grant.limit_fen,
                    to_us(grant.granted_at),
                    to_us(expires_at),
                ),
            )
            self._facts.seen(to_us(grant.granted_at))
            self._count(grant.authorisation, to_us(expires_at))

    def find(self, authorisation: str) -> sqlite3.Row | None:
        """The row of an offline grant."""
        rows = self._state.rows("SELECT * FROM offline_grant WHERE authorisation = ?", (authorisation,))
        return rows[0] if rows else None

    def is_used(self, authorisation: str) -> bool:
        """Whether something was fuelled under a grant."""
        return bool(self._state.rows("SELECT 1 FROM grant_fuelling WHERE authorisation = ?", (authorisation,)))

    def prolong(self, authorisation: str, expires_us: int) -> None:
        with self._state.transaction() as connection:
            connection.execute(
                "UPDATE offline_grant SET expires_us = ? WHERE authorisation = ?", (expires_us, authorisation)
            )
            self._count(authorisation, expires_us)

    def release(self, authorisation: str) -> None:
        """The vehicle of a grant left without fuelling. Harmless when it is over."""
        with self._state.transaction() as connection:
            connection.execute("UPDATE offline_grant SET state = 'released' WHERE authorisation = ?", (authorisation,))

    def fuelled(self, message: int, authorisation: str, amount_fen: int) -> None:
        """The fuelling in the outbox's message was made under an offline grant."""
        with self._state.transaction() as connection:
            connection.execute(
                "INSERT OR IGNORE INTO grant_fuelling SELECT ?, authorisation, card, ?, NULL FROM offline_grant"
                " WHERE authorisation = ?",
                (message, amount_fen, authorisation),
            )

    def settled(self, message: int) -> None:
        """The server has the fuelling of this message, or people gave it up: it no longer counts as outstanding."""
        with self._state.transaction() as connection:
            connection.execute(
                "UPDATE grant_fuelling SET settled_under = ? WHERE message = ?", (self._facts.fetches, message)
            )

    def forget_fuelling(self, message: int) -> None:
        """The lane unit keeps this fuelling itself."""
        with self._state.transaction() as connection:
            connection.execute("DELETE FROM grant_fuelling WHERE message = ?", (message,))

    def exposure_fen(self) -> int:
        """Everything allowed offline that the server does not have yet: open grants, and fuellings on their way."""
        return self._sum(_OPEN, **self._alive()) + self._sum(_UNSETTLED)

    def count_open(self) -> int:
        """How many grants are counted that nothing was fuelled under yet."""
        return self._sum(_OPEN.replace("coalesce(sum(g.limit_fen), 0)", "count(*)"), **self._alive())

    def visits(self, since: datetime) -> list[OfflineVisit]:
        """What was allowed offline since then, with what the server has said about it, the newest first."""
        rows = self._state.rows(
            "SELECT g.body, g.receipt, f.amount_fen, m.body AS fuelling, m.receipt AS posted FROM offline_grant g"
            " LEFT JOIN grant_fuelling f ON f.authorisation = g.authorisation LEFT JOIN message m ON m.id = f.message"
            " WHERE g.granted_us >= ? ORDER BY g.granted_us DESC LIMIT 1000",
            (to_us(since),),
        )
        return [visit for row in rows if (visit := _offline_visit(row)) is not None]

    def outstanding(self, card: str, listed_under: int) -> Outstanding:
        """listed_under: the number of the fetch that last confirmed the list."""
        open_fen = self._sum(_OPEN + " AND g.card = :card", **self._alive(), card=card)
        return Outstanding(open_fen + self._sum(_SINCE_LIST, card=card, listed=listed_under), self.exposure_fen())

    def unsent(self) -> tuple[OfflineGrant, ...]:
        """The grants that the server does not know yet, oldest first."""
        rows = self._state.rows("SELECT body FROM offline_grant WHERE receipt IS NULL ORDER BY granted_us LIMIT 50")
        return tuple(grant for row in rows if (grant := _grant_of(row)) is not None)

    def find_unsent(self, authorisation: str) -> OfflineGrant | None:
        """That grant, while the server does not know it. Raises WireError for one that a damaged file spoilt."""
        row = self.find(authorisation)
        return decode_text(OfflineGrant, row["body"]) if row is not None and row["receipt"] is None else None

    def receipted(self, receipt: OfflineReceipt) -> None:
        """The server knows a grant, and said this of it."""
        with self._state.transaction() as connection:
            connection.execute(
                "UPDATE offline_grant SET receipt = ? WHERE authorisation = ?",
                (encode_text(receipt), receipt.authorisation),
            )

    def tidy(self, before_us: int) -> None:
        """Forget grants of before then that are told and settled; what ran out is over after a restart too."""
        with self._state.transaction() as connection:
            connection.execute(
                "UPDATE offline_grant SET state = 'released' WHERE state = 'open' AND authorisation NOT IN"
                " (SELECT value FROM json_each(:given)) AND NOT EXISTS"
                " (SELECT 1 FROM grant_fuelling f WHERE f.authorisation = offline_grant.authorisation)",
                self._alive(),
            )
            # Fuellings first, and only those whose message the outbox has forgotten: until then their sum may still
            # count. The grant goes last: without it nobody could say under what a fuelling was made.
            connection.execute(
                "DELETE FROM grant_fuelling WHERE message NOT IN (SELECT id FROM message) AND authorisation IN"
                " (SELECT authorisation FROM offline_grant WHERE granted_us < ?)",
                (before_us,),
            )
            connection.execute(
                "DELETE FROM offline_grant WHERE granted_us < ? AND receipt IS NOT NULL AND NOT EXISTS"
                " (SELECT 1 FROM grant_fuelling f WHERE f.authorisation = offline_grant.authorisation)",
                (before_us,),
            )

    def catch_up(self) -> None:
        """Mark what the server had taken when this station stopped before it could write that down."""
        with self._state.transaction() as connection:
            connection.execute(
                "UPDATE grant_fuelling SET settled_under = ? WHERE settled_under IS NULL AND message IN"
                " (SELECT id FROM message WHERE state IN ('sent', 'discarded'))",
                (self._facts.fetches,),
            )

    def _sum(self, query: str, **parameters: object) -> int:
        with self._state.transaction() as connection:
            return int(connection.execute(query, parameters).fetchone()[0])

    def _count(self, authorisation: str, expires_us: int) -> None:
        self._lives.count(authorisation, (expires_us - self._now_us()) / US_PER_S + UNUSED_LIFE.total_seconds())

    def _left_open(self) -> dict[str, float]:
        """What was open when the station stopped: how long that is ago, only a clock could say that may be wrong."""
        rows = self._state.rows("SELECT authorisation FROM offline_grant WHERE state = 'open'")
        life_s = BookSettings().hold_life_s + UNUSED_LIFE.total_seconds()
        return {row["authorisation"]: life_s for row in rows}

    def _alive(self) -> dict[str, object]:
        return {"given": self._lives.living()}

    def _now_us(self) -> int:
        return to_us(self._clock.now())


def _grant_of(row: sqlite3.Row) -> OfflineGrant | None:
    """None for one that a damaged file spoilt: the others go on."""
    try:
        return decode_text(OfflineGrant, row["body"])
    except WireError as error:
        log.error("an offline grant cannot be read: %s", error)
        return None


def _offline_visit(row: sqlite3.Row) -> OfflineVisit | None:
    grant = _grant_of(row)
    if grant is None:
        return None
    fuelling = {} if row["fuelling"] is None else json.loads(row["fuelling"])
    said = [json.loads(text)["flags"] for text in (row["receipt"], row["posted"]) if text is not None]
    return OfflineVisit(
        grant.authorisation,
        grant.station,
        grant.lane,
        grant.plate,
        grant.card,
        grant.granted_at,
        grant.limit_fen,
        fuelling.get("dispenser"),
        fuelling.get("sequence"),
        row["amount_fen"],
        conflicts_among(flag for flags in said for flag in flags),
    )
