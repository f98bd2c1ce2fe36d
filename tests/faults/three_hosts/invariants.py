"""What must hold whatever fails: each rule gives a line for every breach."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tests.faults.three_hosts.record import ScenarioRecord, VisitRecord
from tests.faults.three_hosts.scene import EITHER
from wire.flags import BooksFlag

SLACK_S = 0.1
"""The pins are looked at every 20 ms."""
LEASE_S = 1.0
"""A dead loop's green ends with its lease ([lamp] lease_s)."""
GREEN, RED = "green", "red"
LOST = BooksFlag.ANSWERED_TOO_LATE.value


def breaches(record: ScenarioRecord) -> list[str]:
    """All that is wrong with a scenario; empty when it is right."""
    found = [f"{v.lane} {v.words}: {words}" for v in record.visits for words in _of_visit(v)]
    if record.most_card_fen > record.card_cap_fen:
        found.append(f"{record.most_card_fen} fen were outstanding of one card, its cap is {record.card_cap_fen}")
    if record.most_station_fen > record.station_cap_fen:
        found.append(f"{record.most_station_fen} fen were outstanding, the station's cap is {record.station_cap_fen}")
    if not record.audit.endswith("the books are right"):
        found.append(f"audit: {record.audit}")
    return found


def _granted_twice(visit: VisitRecord) -> set[str]:
    """The grants of questions that server and list both allowed: the former's answer came too late for the station.

    A lane on a busy machine may hear neither and ask again; it then fuels under another question's grant.
    """
    by_server, by_list = ({g.question for g in visit.grants if g.by == by} for by in ("server", "list"))
    return {g.name for g in visit.grants if g.question in by_server & by_list}


def _of_visit(visit: VisitRecord) -> Iterator[str]:
    yield from _lamp(visit)
    yield from _answers(visit)
    twice = _granted_twice(visit)
    if any(g.by == "list" and g.name in twice and LOST not in g.flags for g in visit.grants):
        yield "the server's answer was lost, and nobody says so"
    for fuelled in visit.fuelled:
        if fuelled.authorisation in twice and LOST not in fuelled.flags:
            yield f"the server's answer was lost, and the fuelling under {fuelled.authorisation} does not say so"
        if fuelled.posted_fen != fuelled.metered_fen:
            yield f"{fuelled.metered_fen} fen were metered, {fuelled.posted_fen} posted"
        if fuelled.authorisation not in {g.name for g in visit.grants}:
            yield f"fuelled under {fuelled.authorisation}, which nobody granted"
    if visit.wanted_fen and not visit.fuelled:
        yield "the motorist got nothing"


def _lamp(visit: VisitRecord) -> Iterator[str]:
    """Green only under a grant to this plate, red whenever a vehicle stands there without; never both lights."""
    ends_s = [*(c.at_s for c in visit.lamp[1:]), visit.gone_s - visit.seen_s]
    for number, (shown, end_s) in enumerate(zip(visit.lamp, ends_s, strict=True)):
        first_s, last_s = visit.seen_s + shown.at_s, visit.seen_s + end_s
        if shown.colour == GREEN:
            if not any(
                g.plate == visit.plate and g.granted_s - SLACK_S <= first_s and last_s <= g.expires_s + LEASE_S
                for g in visit.grants
            ):
                yield f"green from {shown.at_s:.1f} to {end_s:.1f} s without a grant"
        elif shown.colour != RED and number > 0:
            yield f"{shown.colour} at {shown.at_s:.1f} s, while a vehicle stood there"


def _answers(visit: VisitRecord) -> Iterator[str]:
    """The lane was told what was expected, and every allowed answer stands in the server's books as it was told."""
    if not _in_order(visit.expected, visit.reasons):
        yield f"expected {', '.join(visit.expected)}, but was told {', '.join(visit.reasons) or 'nothing'}"
    books = {g.name: g for g in visit.grants}
    for answer in visit.answers:
        if answer.authorisation is None:
            continue
        grant = books.get(answer.authorisation)
        if grant is None or grant.limit_fen != answer.limit_fen:
            yield f"allowed {answer.limit_fen} fen under {answer.authorisation}, which the server does not know"


def _in_order(expected: Sequence[str], answered: Sequence[str]) -> bool:
    """Whether the expected reasons came in this order, the last one last; a line may be silent in between."""
    left = iter(answered)
    return bool(answered) and _is(expected[-1], answered[-1]) and all(any(_is(e, t) for t in left) for e in expected)


def _is(expected: str, answered: str) -> bool:
    return answered in ("ok", "offline_allowed") if expected == EITHER else answered == expected
