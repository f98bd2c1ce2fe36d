"""Real photos made into clips: one visit per vehicle, most plates right, and never a wrong one decided."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from greenlane.cli import main

CLIPS = ("day", "angled_far", "night", "trucks")
LEAST_RIGHT = 17
READ_TIMEOUT_S = 6.0

pytestmark = [pytest.mark.slow, pytest.mark.realdata]


@pytest.fixture(scope="module")
def clips(real_data: Path) -> Path:
    folder = real_data / "clips"
    if not (folder / "day.mp4").exists():
        pytest.skip(f"no clips in {folder}")
    return folder


def test_twenty_vehicles(clips: Path, capsys: pytest.CaptureFixture[str]) -> None:
    truth = {name: json.loads((clips / f"{name}.json").read_text(encoding="utf-8")) for name in CLIPS}
    assert main(["simulate", *(str(clips / f"{name}.mp4") for name in CLIPS), "--json"]) == 0
    visits = json.loads(capsys.readouterr().out)["visits"]
    right, wrong = 0, []
    for name in CLIPS:
        found = [visit for visit in visits if visit["clip"] == f"{name}.mp4"]
        assert len(found) == len(truth[name]), f"{name}: one visit per vehicle"
        for visit, true in zip(found, truth[name], strict=True):
            assert true["enters_s"] - 0.5 <= visit["first_seen_s"] <= true["leaves_s"]
            red_s = min(at for at, colour in visit["lamp"] if colour == "red")
            assert red_s - visit["first_seen_s"] <= READ_TIMEOUT_S
            right += visit["plate"] == true["plate"]
            if visit["plate"] not in (None, true["plate"]):
                wrong.append((name, visit["plate"], true["plate"]))
    assert wrong == []
    assert right >= LEAST_RIGHT
