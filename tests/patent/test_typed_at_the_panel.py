"""P9 and P10: a plate typed at the panel is judged as one that was read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from service.books.messages import Release
from service.store.database import Database
from service.typed_plates import TypedPlates
from tests.service.world import PLATE, World
from wire.reasons import Reason
from wire.typed import TypedRule


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    database = Database(f"sqlite:///{tmp_path / 'service.sqlite3'}")
    database.migrate()
    yield World(database)
    database.close()


@pytest.mark.parametrize("fen", [9_999, 10_000, 10_001])
@pytest.mark.parametrize("bound", [True, False])
def test_P10_typed_and_read_plates_are_judged_alike(world: World, fen: int, bound: bool) -> None:
    TypedPlates(world.books, "tester").set_rule("station", "S1", TypedRule.FREE)
    world.card(fen=fen, plate=PLATE if bound else None)
    read = world.ask()
    if read.authorisation is not None:
        world.send(Release(read.authorisation))
    typed = world.ask(typed=True, confidence=1.0, weakest=1.0)
    assert (typed.decision, typed.reason, typed.limit_fen) == (read.decision, read.reason, read.limit_fen)
    assert read.reason is (Reason.UNKNOWN_PLATE if not bound else Reason.OK if fen >= 10_000 else Reason.BELOW_PRESET)
