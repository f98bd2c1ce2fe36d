"""The answers that the station gave: a visit gets the same one again, through a cut line and a restart."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from controller.outbound.statefile import StateError, StateFile
from controller.ports import Clock
from service.store.clock import US_PER_S, to_us
from station.offline_rules import CLOCK_SLACK
from wire.codec import WireError, decode_text, encode_text
from wire.questions import Decision, Question

ANSWERS = (
    """CREATE TABLE IF NOT EXISTS answer (
        visit TEXT PRIMARY KEY,
        question TEXT NOT NULL,
        decision TEXT NOT NULL,
        authorisation TEXT UNIQUE,
        station TEXT NOT NULL,
        lane TEXT NOT NULL,
        at_us INTEGER NOT NULL
    )""",
)


class KeptAnswers:
    """Thread-safe; a method that raises StateError has done nothing."""

    def __init__(self, state: StateFile, clock: Clock) -> None:
        self._state = state
        self._clock = clock

    def find(self, visit: str) -> tuple[Question, Decision] | None:
        """What was asked under this key, and the answer that stays; its life has gone on since.

        Raises StateError for one that a damaged file spoilt: a second answer might be another one.
        """
        rows = self._state.rows("SELECT question, decision, at_us FROM answer WHERE visit = ?", (visit,))
        if not rows:
            return None
        try:
            question, decision = decode_text(Question, rows[0]["question"]), decode_text(Decision, rows[0]["decision"])
        except WireError as error:
            raise StateError(f"the answer to visit {visit} cannot be read: {error}") from error
        return question, aged(decision, self._now_us() - rows[0]["at_us"])

    def keep(self, question: Question, decision: Decision, asked_us: int | None = None) -> tuple[Question, Decision]:
        """Keep the first answer to a visit; returns the one that is kept, which may be an earlier one.

        asked_us: when the server was asked; now by default.
        """
        with self._state.transaction() as connection:
            # Looked up inside the transaction: two attempts of one question may be here at once, and only one may win.
            known = self.find(question.visit)
            if known is not None:
                return known
            connection.execute(
                "INSERT INTO answer VALUES (?, ?, ?, ?, ?, ?, ?)",
                (
                    question.visit,
                    encode_text(question),
                    encode_text(decision),
                    decision.authorisation,
                    question.station,
                    question.lane,
                    self._now_us() if asked_us is None else asked_us,
                ),
            )
        return question, decision

    def lane_of(self, authorisation: str) -> tuple[str, str] | None:
        """Station and lane that an authorisation was given to."""
        rows = self._state.rows("SELECT station, lane FROM answer WHERE authorisation = ?", (authorisation,))
        return (rows[0]["station"], rows[0]["lane"]) if rows else None

    def tidy(self, before_us: int) -> None:
        """Forget those of before then."""
        with self._state.transaction() as connection:
            connection.execute("DELETE FROM answer WHERE at_us < ?", (before_us,))

    def _now_us(self) -> int:
        return to_us(self._clock.now())


def aged(decision: Decision, age_us: int) -> Decision:
    """An answer given again after that long: the same, with less of its life left; none where the clock went back."""
    if decision.expires_in_s is None:
        return decision
    left_s = decision.expires_in_s - max(0, age_us) / US_PER_S
    went_back = age_us < -CLOCK_SLACK // timedelta(microseconds=1)
    return replace(decision, expires_in_s=0.0 if went_back else max(0.0, left_s))
