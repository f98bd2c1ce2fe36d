"""`greenlane bench`: figures with their conditions."""

from __future__ import annotations

import json

import pytest

from greenlane.bench.lane import LaneFigures, Process, StageTime
from greenlane.cli import main
from greenlane.simulation.cast import bundled


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
    assert "no frame with a plate" in capsys.readouterr().err


def test_an_unknown_engine_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "--quick", "--frames", "1", "--engine", "abacus"]) == 1
    assert "abacus" in capsys.readouterr().err


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
    idle, work = json.loads(capsys.readouterr().out)["processes"]
    assert idle["cpu_share"] < 0.2
    assert work["peak_mb"] < 200


@pytest.mark.slow
def test_the_service_is_measured(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "service", "--clients", "1", "--seconds", "0.5", "--json"]) == 0
    assert '"messages_per_s"' in capsys.readouterr().out
