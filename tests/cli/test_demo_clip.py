"""The bundled clip: every visit comes out as its truth says."""

from __future__ import annotations

import json

import pytest

from greenlane.cli import main
from greenlane.simulation.cast import bundled
from tests.simulation.test_document import KNOWN
from tests.simulation.typed_names import typed_names


def test_the_clip_ships_with_its_truth() -> None:
    own = bundled()
    assert own.clip.stat().st_size < 3_000_000
    reasons = {reason for visit in own.visits for reason in visit["reasons"]}
    assert {"ok", "below_preset", "unknown_plate", "unsure"} <= reasons
    assert (len(own.cards), len(own.phones)) == (3, 1)


@pytest.mark.slow
def test_every_visit_of_the_demo_is_decided_right(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["simulate", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert KNOWN - typed_names(shown) == set(), "the document has each name of before, with each of its types"
    found = shown["visits"]
    truth = bundled().visits
    assert len(found) == len(truth)
    for visit, true in zip(found, truth, strict=True):
        assert visit["decision"] == true["decision"]
        assert visit["reason"] in true["reasons"]
        assert visit["plate"] == (None if "unsure" in true["reasons"] else true["plate"])
        assert true["enters_s"] - 0.1 <= visit["first_seen_s"] <= true["stands_s"] + 1
        assert visit["decided_s"] <= visit["gone_s"] <= true["gone_s"] + 2
        assert ("green" in [colour for _, colour in visit["lamp"]]) is (true["decision"] == "allow")
        assert visit["lamp"][-1][1] == "off"
        fuelled = visit["fuelling"]
        assert (fuelled["volume_ml"] if fuelled else 0) == true["litres"] * 1000
