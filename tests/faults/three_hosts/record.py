"""What happened: facts of visits and scenarios, as the table, the report and the tests read them. Money in fen."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Grant:
    """One authorisation in the books. by: "server" or "list". Times are seconds since 1970 by the hosts' clocks."""

    by: str
    name: str
    question: str
    plate: str
    card: str
    limit_fen: int
    granted_s: float
    expires_s: float
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Fuelled:
    """One fuelling as the lane unit metered it, and as the server has it (None: not at all)."""

    dispenser: str
    sequence: int
    authorisation: str | None
    card: str | None
    volume_ml: int
    metered_fen: int
    ended_s: float
    posted_fen: int | None
    posted_s: float | None
    flags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back to a question, at_s after the vehicle came: a decision's reason, or why there was none."""

    at_s: float
    decision: str
    reason: str
    authorisation: str | None
    limit_fen: int | None


@dataclass(frozen=True, slots=True)
class Colour:
    """The lamp's pins from at_s after the vehicle came."""

    at_s: float
    colour: str


@dataclass(frozen=True, slots=True)
class VisitRecord:
    """One vehicle at one lane. after_s: when it came, since the scenario began. expected: the reasons in order."""

    lane: str
    visit: str
    plate: str
    words: str
    after_s: float
    seen_s: float
    gone_s: float
    typed: bool
    wanted_fen: int
    expected: tuple[str, ...]
    lamp: tuple[Colour, ...]
    answers: tuple[Answer, ...]
    grants: tuple[Grant, ...]
    fuelled: tuple[Fuelled, ...]

    @property
    def decision(self) -> str:
        return self.answers[-1].decision if self.answers else "refuse"

    @property
    def reasons(self) -> tuple[str, ...]:
        """The answers' reasons in order, repeats left out."""
        given_reasons = [a.reason for a in self.answers]
        return tuple(r for n, r in enumerate(given_reasons) if n == 0 or given_reasons[n - 1] != r)

    @property
    def metered_fen(self) -> int:
        return sum(f.metered_fen for f in self.fuelled)


@dataclass(frozen=True, slots=True)
class ScenarioRecord:
    """One scenario from its first vehicle to the reconciled books.

    most_card_fen, most_station_fen: the most that was outstanding offline at any moment, of one card and in all.
    waiting_unit, waiting_station: fuellings on disk there when the line came back. lasted_s: by the hosts' clocks.
    """

    name: str
    title: str
    visits: tuple[VisitRecord, ...]
    card_cap_fen: int
    station_cap_fen: int
    most_card_fen: int
    most_station_fen: int
    waiting_unit: int
    waiting_station: int
    conflicts: tuple[str, ...]
    reconciled_s: float
    lasted_s: float
    wall_s: float
    audit: str
    breaches: tuple[str, ...]

    @property
    def offline(self) -> tuple[Grant, ...]:
        return tuple(g for v in self.visits for g in v.grants if g.by == "list")

    @property
    def fuelled(self) -> tuple[Fuelled, ...]:
        return tuple(f for v in self.visits for f in v.fuelled)
