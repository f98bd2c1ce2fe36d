"""Gathers what happened out of the books, the state files, the lane units' traces and the lamps' pins."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from sqlalchemy import select

from controller.traces.records import TracedAnswer, TraceError, VisitTrace
from controller.traces.store import TraceStore
from service.store import schema
from service.store.offline_tables import offline_grants
from tests.faults.three_hosts.record import Answer, Colour, Fuelled, Grant, VisitRecord
from tests.faults.three_hosts.scene import Came, Scene, rows, station_file
from tests.faults.three_hosts.town import Lane, Town

US_PER_S = 1_000_000


def is_over(scene: Scene, came: Came) -> bool:
    """Whether the lane unit has written down the end of a visit."""
    lane = scene.town.lanes[came.coming.lane]
    try:
        return TraceStore(lane.state / "traces", scene.town.shift).load(came.visit).summary is not None
    except TraceError:
        return False


def visit_record(scene: Scene, came: Came) -> VisitRecord:
    """Everything about one visit, each fact from where it was made."""
    lane, coming = scene.town.lanes[came.coming.lane], came.coming
    trace = TraceStore(lane.state / "traces", scene.town.shift).load(came.visit)
    assert trace.summary is not None
    seen_s = trace.first_seen_at.timestamp()
    gone_s = seen_s + trace.summary.gone_s
    return VisitRecord(
        lane=lane.name,
        visit=came.visit,
        plate=coming.plate,
        words=coming.words,
        after_s=seen_s - scene.began.timestamp(),
        seen_s=seen_s,
        gone_s=gone_s,
        typed=trace.summary.typed,
        wanted_fen=coming.wants_fen,
        expected=coming.expected,
        lamp=lamp_between(lane, seen_s, gone_s),
        answers=tuple(_answer(a) for a in trace.answers),
        grants=grants_of(scene.town, came.visit),
        fuelled=fuelled_of(scene.town, trace),
    )


def stray_greens(scene: Scene, visits: Iterable[VisitRecord]) -> list[str]:
    """Greens of the pins that began while no vehicle stood there."""
    found = []
    for lane in scene.town.lanes.values():
        stood = [(v.seen_s, v.gone_s) for v in visits if v.lane == lane.name]
        for line in lane.machine.said():
            at_s = float(line.get("at", 0.0))
            is_green = "green" in line.get("lamp", "") and at_s >= scene.began.timestamp()
            if is_green and not any(first_s <= at_s <= last_s for first_s, last_s in stood):
                found.append(f"{lane.name}: green at {at_s:.1f} with nobody there")
    return found


def lamp_between(lane: Lane, first_s: float, last_s: float) -> tuple[Colour, ...]:
    """The colours of the pins in that time, the first one as it was at its beginning."""
    changes = [(float(line["at"]), str(line["lamp"])) for line in lane.machine.said() if "lamp" in line]
    before = [colour for at_s, colour in changes if at_s <= first_s][-1:]
    within = [(at_s - first_s, colour) for at_s, colour in changes if first_s < at_s <= last_s]
    return tuple(Colour(round(at_s, 2), colour) for at_s, colour in [*((0.0, c) for c in before), *within])


def grants_of(town: Town, visit: str) -> tuple[Grant, ...]:
    """What the server's books say was allowed to a visit, by whichever of its questions."""
    a, g = schema.authorisations.c, offline_grants.c
    kept = f"SELECT authorisation, expires_us FROM offline_grant WHERE body LIKE '%\"{visit}%'"
    expires = {row["authorisation"]: row["expires_us"] for row in rows(station_file(town), kept)}
    with town.books.database.reading() as connection:
        online = connection.execute(select(schema.authorisations).where(a.visit.startswith(visit), a.id.is_not(None)))
        offline = connection.execute(select(offline_grants).where(g.visit.startswith(visit)))
        found = [
            Grant("server", r.id, r.visit, r.plate, r.card, r.limit_fen, r.asked_us / US_PER_S, r.expires_us / US_PER_S)
            for r in online
        ] + [
            Grant(
                "list",
                r.id,
                r.visit,
                r.plate,
                r.card,
                r.limit_fen,
                r.granted_us / US_PER_S,
                expires.get(r.id, r.granted_us) / US_PER_S,
                tuple(json.loads(r.flags)),
            )
            for r in offline
        ]
    return tuple(sorted(found, key=lambda grant: grant.granted_s))


def fuelled_of(town: Town, trace: VisitTrace) -> tuple[Fuelled, ...]:
    """What was metered in a visit, and what the server has of it."""
    reports = [f.report for f in trace.fuellings if f.report is not None]
    found = []
    for report in reports:
        f = schema.fuellings.c
        query = select(schema.fuellings).where(f.dispenser == report.dispenser, f.sequence == report.sequence)
        with town.books.database.reading() as connection:
            row = connection.execute(query).first()
        flags = () if row is None else tuple(dict.fromkeys([*json.loads(row.unit_flags), *json.loads(row.flags)]))
        found.append(
            Fuelled(
                report.dispenser,
                report.sequence,
                report.authorisation,
                row and row.card,
                report.volume_ml,
                report.amount_fen,
                report.ended_at.timestamp(),
                row and row.amount_fen,
                row and row.received_us / US_PER_S,
                flags,
            )
        )
    return tuple(found)


def _answer(traced: TracedAnswer) -> Answer:
    decision = traced.decision
    return Answer(
        round(traced.asked_s if traced.answered_s is None else traced.answered_s, 2),
        "refuse" if decision is None else decision.decision.value,
        "" if traced.reason is None else traced.reason.value,
        decision and decision.authorisation,
        decision and decision.limit_fen,
    )


def most_outstanding(grants: Sequence[Grant], fuelled: Iterable[Fuelled], gone_s: dict[str, float]) -> int:
    """The most that these offline grants had outstanding at once, worked out from the books and traces alone.

    A grant counts with its limit until its fuelling ends, with what was metered until the server has that, and, where
    nothing was fuelled, until its vehicle is gone (gone_s: by grant).
    """
    metered = {f.authorisation: f for f in fuelled}

    def counts_fen(grant: Grant, at_s: float) -> int:
        made = metered.get(grant.name)
        if at_s < grant.granted_s or at_s >= (gone_s[grant.name] if made is None else made.posted_s or float("inf")):
            return 0
        return grant.limit_fen if made is None or at_s < made.ended_s else made.metered_fen

    return max((sum(counts_fen(g, one.granted_s) for g in grants) for one in grants), default=0)
