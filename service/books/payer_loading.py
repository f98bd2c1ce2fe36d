"""Loads what decisions about phones need: schedules of plates, and what their payers may spend."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from service.books.batch_state import Situation
from service.books.payer_state import PersonAccounts
from service.books.queries import Queries, Questions, Reader
from service.books.records import Authorisation
from service.payers.decision import Mandate
from service.payers.periods import Binding, Gap, GapAction, Hours, Payer, PayerKind, Rule, Schedule
from service.store.clock import US_PER_S

OF_PLATES = ("payer_rules", "payer_bindings", "payer_gaps")
LONGEST_DAY_US = 26 * 3600 * US_PER_S
"""A local day has 25 hours at most."""


def questions(queries: Queries, plates: set[str]) -> Questions:
    """What is asked of plates at once."""
    asked = queries.payers
    statements = (asked.rules, asked.bindings, asked.gaps)
    return {name: (statement, {"plates": plates}) for name, statement in zip(OF_PLATES, statements, strict=True)}


def take_schedules(reader: Reader, found: Mapping[str, Sequence[Any]], situation: Situation) -> None:
    """Schedules of the plates that have one; then the persons whom they and the authorisations name."""
    rules, bound, gapped = (found[name] for name in OF_PLATES)
    persons = {a.person for a in situation.by_visit.values() if a.person is not None}
    for plate, rule, owner, owner_name in rules:
        bindings = tuple(_binding(row) for row in bound if row[0] == plate)
        gaps = tuple(Gap(Hours(*row[1:3]), GapAction(row[3]), *row[4:]) for row in gapped if row[0] == plate)
        card = situation.plates[plate].card if plate in situation.plates else None
        payer = None if owner is None else Payer(PayerKind.OWNER, owner, owner_name)
        known = None if rule is None else Rule(rule)
        situation.payers.schedules[plate] = Schedule(plate, known, card, payer, bindings, gaps)
        persons |= {binding.person for binding in bindings} | ({owner} if owner is not None else set())
    if persons:
        for row in reader.rows(reader.queries.payers.persons, persons=persons):
            situation.payers.persons[row[0]] = PersonAccounts(*row)


def take_standings(reader: Reader, since_us: int, situation: Situation) -> list[Authorisation]:
    """What the persons may spend and have spent, asked once their accounts are locked; their open authorisations."""
    payers, queries = situation.payers, reader.queries.payers
    if not payers.persons:
        return []
    named: dict[str, object] = {"persons": set(payers.persons)}
    recent = {**named, "since_us": since_us - LONGEST_DAY_US}
    asked: Questions = {
        "mandates": (queries.mandates, named),
        "blocks": (queries.blocks, named),
        "spent": (queries.spent, recent),
        "tries": (queries.tries, recent),
        "overdue": (queries.overdue, {**named, "now_us": situation.now_us}),
        "open": (queries.open, named),
    }
    found = reader.together(asked)
    payers.blocked |= {(plate, person) for plate, person in found["blocks"]}
    for row in found["mandates"]:
        payers.mandates[(row[2], row[0])] = _mandate(row)
    for mandate, captured_us, amount_fen in found["spent"]:
        payers.spent.setdefault(mandate, []).append((captured_us, amount_fen))
    for mandate, captured_us in found["tries"]:
        payers.tries.setdefault(mandate, []).append(captured_us)
    payers.overdue |= {person for row in found["overdue"] for person in row}
    return [Authorisation(*row) for row in found["open"]]


def _binding(row: Any) -> Binding:
    _, person, name, start_min, end_min, *rest = row
    return Binding(person, name, Hours(start_min, end_min), *rest)


def _mandate(row: Any) -> Mandate:
    _, name, person, per_fill_fen, per_day_fen, tries, stations, hours, paused_us = row
    return Mandate(
        id=name,
        person=person,
        per_fill_fen=per_fill_fen,
        per_day_fen=per_day_fen,
        tries_per_day=tries,
        stations=None if stations is None else frozenset(json.loads(stations)),
        hours=None if hours is None else Hours.parse(hours),
        is_paused=paused_us is not None,
    )
