"""`greenlane bench`: figures with their conditions."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import cast

import pytest

from controller.records import VisitSummary
from greenlane.bench.lane import LaneFigures, Process, StageTime
from greenlane.bench.visits import Cost, cost_of, measure_visits
from greenlane.cli import main
from greenlane.simulation.cast import bundled
from greenlane.simulation.results import AnsweredQuestion, VisitResult


@pytest.mark.slow
def test_stages_of_one_engine_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "lane", "--quick", "--frames", "2", "--engine", "opencv", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["conditions"]["threads"] == 1
    assert found["conditions"]["OpenCV"]
    stages = {stage["stage"]: stage for stage in found["stages"]}
    assert {"trigger", "detect", "rectify", "recognise", "read"} <= set(stages)
    parts = sum(stages[part]["median_ms"] for part in ("detect", "rectify", "recognise"))
    assert 0 < parts <= 2 * stages["read"]["median_ms"]
    assert stages["read"]["cpu_ms"] > 0
    assert found["processes"] == []


@pytest.mark.slow
def test_the_lane_is_what_is_measured_when_nothing_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "--quick", "--frames", "1", "--engine", "opencv"]) == 0
    out = capsys.readouterr().out
    assert "median ms" in out
    assert "reads per second" in out


@pytest.mark.slow
def test_a_recording_of_ones_own(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["bench", "lane", "--quick", "--frames", "2", "--engine", "opencv", "--json", "--clip"]
    assert main([*words, str(bundled().clip)]) == 0
    assert json.loads(capsys.readouterr().out)["conditions"]["frames"] == "2 of 1280x720 from lane.mp4"
    assert main([*words, __file__]) == 1
    assert "is not a video" in capsys.readouterr().err


@pytest.mark.slow
def test_an_unknown_engine_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["bench", "--quick", "--frames", "1", "--engine", "abacus"])
    assert "abacus" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("service --seconds nan", "'nan': write a number above 0 and up to 3600"),
        ("service --clients 4,x", "'x': write a whole number from 1 to 1000"),
        ("service --postings -1", "'-1': write a whole number from 0 to"),
        ("streams --phones -1", "'-1': write a whole number from 1 to"),
        ("payments --fuellings 0", "'0': write a whole number from 1 to"),
        ("audit --postings 1", "'1': write a whole number from 2 to"),
        ("paid --phones 0", "'0': write a whole number from 1 to 5000"),
        ("paid --seconds inf", "'inf': write a number from 0.5 to 3600"),
        ("station --lanes -1", "'-1': write a whole number from 0 to 2000"),
        ("station --seconds 0", "'0': write a number from 1 to 3600"),
        ("sales --seed x", "'x': write a whole number from 0 to"),
        ("growth --stations x", "--stations: 'x': write a whole number from 1 to"),
        ("growth --stations 1,0.5", "--stations: '0.5': write a whole number from 1 to"),
        ("growth --lanes 0", "--lanes: '0': write a number above 0"),
    ],
)
def test_numbers_of_a_load_are_judged_before_it(words: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Some made a load that never ended, or a traceback of the database."""
    with pytest.raises(SystemExit) as ended:
        main(["bench", *words.split()])
    assert ended.value.code == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("number", ["0", "many", "-3"])
def test_wrong_numbers_are_wrong_usage(number: str) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["bench", "--frames", number])
    assert ended.value.code == 2


def test_ratios_compare_the_engines_and_the_table_shows_the_processes() -> None:
    stages = (
        StageTime("any", "trigger", 0.5, 0.6),
        StageTime("opencv", "read", 20.0, 25.0, 19.0),
        StageTime("onnxruntime", "read", 10.0, 12.0, 9.0),
    )
    figures = LaneFigures({"processor": "x"}, stages, (Process("idle lane", 20.0, 0.05, 134.0, 136.0),))
    assert figures.ratios() == {
        "opencv: reads per second": 50.0,
        "onnxruntime: reads per second": 100.0,
        "opencv / onnxruntime": 2.0,
        "read / trigger": 40.0,
    }
    text = "\n".join(figures.lines())
    assert "idle lane: 5.0% of one processor over 20 s, 134 MB resident" in text
    assert figures.facts()["processes"][0]["cpu_share"] == 0.05


@pytest.mark.slow
def test_the_running_lane_is_small_and_idles_cheaply(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "--frames", "2", "--engine", "opencv", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    idle, work = found["processes"]
    assert [cost["engine"] for cost in found["visits"]] == ["opencv"]
    assert idle["cpu_share"] < 0.2
    assert work["peak_mb"] < 200


@pytest.mark.slow
def test_the_service_is_measured(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "service", "--clients", "1", "--seconds", "0.5", "--json"]) == 0
    assert '"messages_per_s"' in capsys.readouterr().out


def visit(opened_s: float, answered_s: float | None) -> VisitResult:
    """A visit that came into view so many seconds after the clip's first frame, at 100 s by the clock."""
    summary = cast(VisitSummary, SimpleNamespace(first_seen_s=100.0 + opened_s))
    asked = cast(AnsweredQuestion, SimpleNamespace(answered_s=answered_s))
    return VisitResult("lane.mp4", 1, summary, 100.0, answers=(asked,))


def test_a_visit_costs_what_its_frames_cost_from_arrival_to_answer() -> None:
    costs = [Cost(100.0 + tenth / 10, 0.01) for tenth in range(100)]
    found = cost_of("opencv", "lane.mp4", [visit(1.0, 1.55), visit(3.0, 4.05), visit(6.0, None)], costs)
    assert (found.visits, found.decided) == (3, 2)
    assert (found.reads_median, found.reads_p90) == (8.5, pytest.approx(10.5))
    assert found.cpu_median_s == pytest.approx(0.085)
    assert found.cpu_p90_s == pytest.approx(0.105)
    assert "2 of 3 visits of lane.mp4 decided" in found.line()
    assert cost_of("opencv", "lane.mp4", [visit(1.0, None)], costs).cpu_p90_s == 0


@pytest.mark.slow
def test_visits_of_a_clip_are_played_and_counted() -> None:
    found = measure_visits("opencv", 1, None)
    assert found.decided >= 3
    assert found.reads_median >= 3, "as many as have to agree"
    assert 0 < found.cpu_median_s <= found.cpu_p90_s
