"""P22: refuelling and paying get quicker, measured on the lane loop against a stated model of paying by hand."""

from __future__ import annotations

import json

import pytest

from greenlane.bench.efficiency.model import LaneSamples, gains, turns
from greenlane.cli import main


@pytest.mark.slow
def test_P22_the_command_measures_and_states_the_gain(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "efficiency", "--vehicles", "2", "--entry-vehicles", "1", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    first, second = found["passages"]
    assert (first["plate"], first["payer"]) == ("沪A8K526", "card")
    assert (second["plate"], second["payer"]) == ("粤BF39165", "phone")
    assert found["measured"]["not_green"] == 0
    for passage in found["passages"]:
        assert passage["question_ms"] > 0
        assert passage["posting_ms"] > 0
        assert 0 < passage["seen_to_green_s"] < 10
        assert passage["to_paid_s"] > passage["posting_ms"] / 1000
    assert all(step["source"] and step["low"] <= step["typical"] <= step["high"] for step in found["parameters"])
    for gain in found["gain"]:
        assert gain["saved_s"] > 0
        assert 0 < gain["hands_twice_as_fast"]["saved_s"] < gain["saved_s"]
    slow = found["entry_camera"][-1]
    assert slow["line_s"] == 1.0
    assert slow["without_s"]["p50"] > slow["with_s"]["p50"] + 0.1
    machine, *hands = found["lanes"]
    assert machine["name"] == "greenlane"
    assert all(machine["vehicles_per_hour"] > hand["vehicles_per_hour"] for hand in hands)


def test_P22_a_lane_that_reads_nothing_or_answers_late_gains_nothing() -> None:
    def saved(measured: LaneSamples, unread: float) -> float:
        lanes = turns(measured, 2_000, 1, unread)
        return float(str(gains(lanes, lanes)[0]["saved_s"]))

    quick = LaneSamples((1.0,), (1.0,))
    assert saved(quick, 0.0) > 20
    assert saved(quick, 1.0) < -20
    assert saved(LaneSamples((40.0,), (40.0,)), 0.0) < -20
