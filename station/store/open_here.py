"""Which plate holds an authorisation at which lane of this station, whoever gave it: for times without a line."""

from __future__ import annotations

from datetime import datetime

from controller.outbound.statefile import StateFile
from controller.ports import Clock
from service.books.settings import BookSettings
from service.store.clock import US_PER_S, to_us
from station.offline_rules import LONGEST_LIFE
from station.store.lives import Lives
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
        self._lives = Lives(clock, self._left_open())

    def given(self, question: Question, decision: Decision) -> None:
        """An answer to a lane: an allowed one takes the place of the lane's earlier one for this plate."""
        if decision.decision is not Verdict.ALLOW or decision.authorisation is None or decision.expires_at is None:
            return
        plate = normalise(question.plate)
        with self._state.transaction() as connection:
            connection.execute(
                "DELETE FROM open_here WHERE authorisation NOT IN (SELECT value FROM json_each(?))",
                (self._lives.living(),),
            )
            connection.execute("DELETE FROM open_here WHERE plate = ? AND lane = ?", (plate, question.lane))
            connection.execute(
                "INSERT OR REPLACE INTO open_here VALUES (?, ?, ?, ?)",
                (decision.authorisation, plate, question.lane, to_us(decision.expires_at)),
            )
            self._lives.count(decision.authorisation, self._life_s(to_us(decision.expires_at)))

    def prolonged(self, authorisation: str, expires_at: datetime) -> None:
        with self._state.transaction() as connection:
            connection.execute(
                "UPDATE open_here SET until_us = ? WHERE authorisation = ?", (to_us(expires_at), authorisation)
            )
            self._lives.count(authorisation, self._life_s(to_us(expires_at)))

    def over(self, authorisation: str | None) -> None:
        """Released, fuelled or refused a renewal."""
        if authorisation is not None:
            with self._state.transaction() as connection:
                connection.execute("DELETE FROM open_here WHERE authorisation = ?", (authorisation,))

    def elsewhere(self, question: Question, prefix: str = "") -> str | None:
        """Another lane whose authorisation for this plate begins with `prefix` and has not run out, if any."""
        rows = self._state.rows(
            "SELECT lane FROM open_here WHERE plate = ? AND lane <> ? AND substr(authorisation, 1, ?) = ? AND"
            " authorisation IN (SELECT value FROM json_each(?)) ORDER BY until_us DESC LIMIT 1",
            (normalise(question.plate), question.lane, len(prefix), prefix, self._lives.living()),
        )
        return rows[0]["lane"] if rows else None

    def holds(self, authorisation: str) -> bool:
        """Whether this authorisation is still open, as far as this station knows."""
        return bool(self._state.rows("SELECT 1 FROM open_here WHERE authorisation = ?", (authorisation,)))

    def _left_open(self) -> dict[str, float]:
        """What was open when the station stopped: how long that is ago, only a clock could say that may be wrong."""
        rows = self._state.rows("SELECT authorisation, until_us FROM open_here")
        least_s = BookSettings().hold_life_s
        return {row["authorisation"]: self._life_s(row["until_us"], least_s) for row in rows}

    def _life_s(self, until_us: int, least_s: float = 0.0) -> float:
        life_s = (until_us - to_us(self._clock.now())) / US_PER_S
        return min(max(life_s, least_s), LONGEST_LIFE.total_seconds())
