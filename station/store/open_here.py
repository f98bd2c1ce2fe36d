"""Which plate holds an authorisation at which lane of this station, whoever gave it: for times without a line."""

from __future__ import annotations

from datetime import datetime

from controller.outbound.statefile import StateFile
from controller.ports import Clock
from service.store.clock import to_us
from station.offline_rules import LONGEST_LIFE
from wire.plates import normalise
from wire.questions import Decision, Question
from wire.reasons import Verdict

SCHEMA = (
    """CREATE TABLE IF NOT EXISTS open_here (
        authorisation TEXT PRIMARY KEY,
        plate TEXT NOT NULL,
        lane TEXT NOT NULL,
        until_us INTEGER NOT NULL
    )""",
    "CREATE INDEX IF NOT EXISTS open_here_by_plate ON open_here (plate)",
)


class OpenHere:
    """Thread-safe; a method that raises StateError has done nothing."""

    def __init__(self, state: StateFile, clock: Clock) -> None:
        self._state = state
        self._clock = clock
        state.ensure(SCHEMA)

    def given(self, question: Question, decision: Decision) -> None:
        """An answer to a lane: an allowed one takes the place of the lane's earlier one for this plate."""
        if decision.decision is not Verdict.ALLOW or decision.authorisation is None or decision.expires_at is None:
            return
        plate = normalise(question.plate)
        with self._state.transaction() as connection:
            connection.execute("DELETE FROM open_here WHERE until_us <= ?", (to_us(self._clock.now()),))
            connection.execute("DELETE FROM open_here WHERE plate = ? AND lane = ?", (plate, question.lane))
            connection.execute(
                "INSERT OR REPLACE INTO open_here VALUES (?, ?, ?, ?)",
                (decision.authorisation, plate, question.lane, to_us(decision.expires_at)),
            )

    def prolonged(self, authorisation: str, expires_at: datetime) -> None:
        with self._state.transaction() as connection:
            connection.execute(
                "UPDATE open_here SET until_us = ? WHERE authorisation = ?", (to_us(expires_at), authorisation)
            )

    def over(self, authorisation: str | None) -> None:
        """Released, fuelled or refused a renewal."""
        if authorisation is not None:
            with self._state.transaction() as connection:
                connection.execute("DELETE FROM open_here WHERE authorisation = ?", (authorisation,))

    def elsewhere(self, question: Question, prefix: str = "") -> str | None:
        """Another lane whose authorisation for this plate begins with `prefix` and has not run out, if any."""
        now = self._clock.now()
        rows = self._state.rows(
            "SELECT lane FROM open_here WHERE plate = ? AND lane <> ? AND until_us > ? AND until_us <= ? AND"
            " substr(authorisation, 1, ?) = ? ORDER BY until_us DESC LIMIT 1",
            (normalise(question.plate), question.lane, to_us(now), to_us(now + LONGEST_LIFE), len(prefix), prefix),
        )
        return rows[0]["lane"] if rows else None

    def holds(self, authorisation: str) -> bool:
        """Whether this authorisation is still open, as far as this station knows."""
        return bool(self._state.rows("SELECT 1 FROM open_here WHERE authorisation = ?", (authorisation,)))
