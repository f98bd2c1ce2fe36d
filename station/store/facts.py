"""A few facts that the station must not forget, each under a name."""

from __future__ import annotations

import logging
from datetime import datetime

from controller.outbound.statefile import StateFile
from service.store.clock import from_us

log = logging.getLogger(__name__)

SEEN = "seen_us"
"""Name of the fact that keeps when the last grant was given; 0 once the server has confirmed the list anew."""
FETCHES = "fetches"

FACTS = ("CREATE TABLE IF NOT EXISTS fact (name TEXT PRIMARY KEY, value TEXT NOT NULL)",)


class Facts:
    """Thread-safe; a method that raises StateError has done nothing."""

    def __init__(self, state: StateFile) -> None:
        self._state = state

    def get(self, name: str) -> str | None:
        rows = self._state.rows("SELECT value FROM fact WHERE name = ?", (name,))
        return rows[0]["value"] if rows else None

    def number(self, name: str) -> int:
        """A fact that counts something; 0 for none, and for one that a damaged file spoilt."""
        text = self.get(name) or "0"
        try:
            return int(text)
        except ValueError:
            log.error("%s: %r is not a number; it is 0 from now on", name, text)
            self.keep(name, "0")
            return 0

    def keep(self, name: str, value: str) -> None:
        with self._state.transaction() as connection:
            connection.execute("INSERT OR REPLACE INTO fact VALUES (?, ?)", (name, value))

    @property
    def fetches(self) -> int:
        """How many fetches of the list have begun."""
        return self.number(FETCHES)

    def begin_fetch(self) -> int:
        """A fetch of the list begins; its number."""
        with self._state.transaction():
            number = self.fetches + 1
            self.keep(FETCHES, str(number))
        return number

    def seen_at(self) -> datetime | None:
        """The latest moment at which a grant was given since the list was confirmed."""
        found = self.number(SEEN)
        return from_us(found) if found else None

    def seen(self, moment_us: int) -> None:
        """A grant was given then; an earlier one than the last changes nothing: the clock may have been set back."""
        self.keep(SEEN, str(max(moment_us, self.number(SEEN))))
