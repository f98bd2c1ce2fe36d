"""Loads what decisions about phones need: schedules of plates, and what their payers may spend."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from service.books.batch_state import BatchState
from service.books.payer_state import GivenMandate, PersonAccounts
from service.books.records import Authorisation
from service.books.rows.queries import Queries, Questions, Reader
from service.payer_rules.decision import Mandate
from service.payer_rules.periods import Binding, Gap, GapAction, Hours, Payer, PayerKind, Rule, Schedule
from service.store.clock import US_PER_S

OF_PLATES = ("payer_rules", "payer_bindings", "payer_gaps")
LONGEST_DAY_US = 26 * 3600 * US_PER_S
"""A local day has 25 hours at most."""


def questions(queries: Queries, plates: set[str]) -> Questions:
    """What is asked of plates at once."""
    asked = queries.payers
    statements = (asked.rules, asked.bindings, asked.gaps)
    return {name: (statement, {"plates": plates}) for name, statement in zip(OF_PLATES, statements, strict=True)}


def take_schedules(
    reader: Reader, found: Mapping[str, Sequence[Any]], named: Iterable[str], batch_state: BatchState
) -> None:
    """Schedules of the plates that have one; then the persons whom they, authorisations and messages (named) name."""
    cards = {plate: bound.card for plate, bound in batch_state.plates.items()}
    batch_state.payers.schedules |= schedules_of(found, cards)
    persons = {*named, *(a.person for a in batch_state.by_visit.values() if a.person is not None)}
    for schedule in batch_state.payers.schedules.values():
        persons |= {binding.person for binding in schedule.bindings}
        if schedule.owner is not None and schedule.owner.id is not None:
            persons.add(schedule.owner.id)
    take_persons(reader, persons, batch_state)


def schedules_of(found: Mapping[str, Sequence[Any]], cards: Mapping[str, str | None]) -> dict[str, Schedule]:
    """Schedules by plate. found: the answers to questions(); cards: of the plates that are known."""
    rules, bound, gapped = (found[name] for name in OF_PLATES)
    bindings: dict[str, list[Binding]] = {}
    gaps: dict[str, list[Gap]] = {}
    for row in bound:
        bindings.setdefault(row[0], []).append(_binding(row))
    for row in gapped:
        gaps.setdefault(row[0], []).append(Gap(Hours(*row[1:3]), GapAction(row[3]), *row[4:]))
    return {
        plate: Schedule(
            plate,
            None if rule is None else Rule(rule),
            cards.get(plate),
            None if owner is None else Payer(PayerKind.OWNER, owner, name),
            tuple(bindings.get(plate, ())),
            tuple(gaps.get(plate, ())),
        )
        for plate, rule, owner, name in rules
    }


def take_persons(reader: Reader, persons: set[str], batch_state: BatchState) -> None:
    """The accounts of persons."""
    if persons:
        for row in reader.rows(reader.queries.payers.persons, persons=persons):
            batch_state.payers.persons[row[0]] = PersonAccounts(*row)


def take_standings(reader: Reader, since_us: int, batch_state: BatchState) -> list[Authorisation]:
    """What the persons may spend and have spent, asked once their accounts are locked; their open authorisations."""
    payers, queries = batch_state.payers, reader.queries.payers
    if not payers.persons:
        return []
    named: dict[str, object] = {"persons": set(payers.persons)}
    recent = {**named, "since_us": since_us - LONGEST_DAY_US}
    asked: Questions = {
        "mandates": (queries.mandates, named),
        "blocks": (queries.blocks, named),
        "spent": (queries.spent, recent),
        "tries": (queries.tries, recent),
        "overdue": (queries.overdue, {**named, "now_us": batch_state.now_us}),
        "open": (queries.open, named),
    }
    if any(person.pays_by != "wallet" for person in payers.persons.values()):
        asked |= {"provided": (queries.provided, named), "ordered": (queries.ordered, recent)}
    found = reader.together(asked)
    payers.blocked |= {(plate, person) for plate, person in found["blocks"]}
    for row in found["mandates"]:
        payers.mandates[(row[2], row[0])] = _mandate(row)
    for mandate, captured_us, amount_fen in found["spent"]:
        payers.spent.setdefault(mandate, []).append((captured_us, amount_fen))
    for mandate, captured_us in found["tries"]:
        payers.tries.setdefault(mandate, []).append(captured_us)
    payers.provided |= {(provider, plate): state for provider, plate, state in found.get("provided", ())}
    for provider, plate, captured_us, amount_fen in found.get("ordered", ()):
        payers.ordered.setdefault((provider, plate), []).append((captured_us, amount_fen))
    payers.overdue |= {person for row in found["overdue"] for person in row}
    return [Authorisation(*row) for row in found["open"]]


def take_given(reader: Reader, names: set[str], batch_state: BatchState) -> None:
    """Mandates that offline grants name, as they stand and as they stood."""
    if names:
        for row in reader.rows(reader.queries.payers.given, mandates=names):
            given = GivenMandate(*row)
            batch_state.payers.given[(given.id, given.plate)] = given


def _binding(row: Any) -> Binding:
    _, person, name, start_min, end_min, *rest = row
    return Binding(person, name, Hours(start_min, end_min), *rest)


def _mandate(row: Any) -> Mandate:
    _, name, person, per_fill_fen, per_day_fen, tries, stations, hours, paused_us, offline_fen = row
    return Mandate(
        id=name,
        person=person,
        per_fill_fen=per_fill_fen,
        per_day_fen=per_day_fen,
        tries_per_day=tries,
        stations=None if stations is None else frozenset(json.loads(stations)),
        hours=None if hours is None else Hours.parse(hours),
        is_paused=paused_us is not None,
        offline_fen=offline_fen,
    )
