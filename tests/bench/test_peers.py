"""`greenlane bench peers`: what it counts, and what it says where something is missing.

A small package that answers by rule stands in for rapidocr; the worker and its protocol are the real ones.
"""

from __future__ import annotations

import json
import sys
from itertools import count
from pathlib import Path

import cv2
import numpy as np
import pytest

from greenlane.bench.peers import Comparison, PeerAnswer, PeerRow, PeerSample, ask_all, is_exact, is_wrong
from greenlane.bench.peers_worker import shown
from greenlane.cli import main
from models.grammar import PlateKind
from models.training.data.holdout import is_held_out
from models.training.drawing.plates import draw_plate

HELD_OUT = [text for text in (f"粤B5P{n:03d}" for n in range(99)) if is_held_out(text)][:3]
LEARNT = next(text for text in (f"粤B5Q{n:03d}" for n in count()) if not is_held_out(text))

RAPIDOCR = """
import os, sys
print("chatter of a library")
class RapidOCR:
    def __init__(self, **threads):
        assert threads == {"intra_op_num_threads": 1, "inter_op_num_threads": 1}
    def __call__(self, picture, use_det=True, use_cls=True):
        if picture.mean() < 5:
            os._exit(3)
        if use_det:
            return [[None, TEXT[:2], 0.9], [None, TEXT[2:], 0.9], [None, "A shop", 0.9]], None
        return [[TEXT[:2] + "·" + TEXT[2:].lower(), 0.9]], None
"""

AGENTCLPR = """
import os
class CLPSystem:
    def __init__(self, providers):
        assert providers == "CPU" and len(os.sched_getaffinity(0)) == 1
    def __call__(self, picture):
        assert picture.shape == (384, 664, 3), picture.shape
        return [[[[0, 0]] * 4, [TEXT, 0.9]]]
    def ocr(self, board):
        assert board.shape == (281, 456, 3), board.shape
        return [[None, (TEXT, 0.9)]]
"""


def plate(text: str) -> np.ndarray:
    drawn = draw_plate(np.random.default_rng(6), PlateKind.BLUE, text).image
    return np.asarray(cv2.resize(drawn, (176, 56), interpolation=cv2.INTER_AREA), np.uint8)


def save(path: Path, picture: np.ndarray) -> None:
    cv2.imencode(".png", picture)[1].tofile(path)


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    rows = ["file,plate,source"]
    for text in (*HELD_OUT, LEARNT):
        save(folder / f"{text}.png", plate(text))
        rows.append(f"{text}.png,{text},ccpd")
    (folder / "crops.csv").write_text("\n".join(rows), encoding="utf-8")
    scene = np.full((360, 640, 3), 90, np.uint8)
    scene[200:256, 240:416] = plate(HELD_OUT[0])
    save(folder / "scene.png", scene)
    labels = [{"file": "scene.png", "plates": [{"text": HELD_OUT[0], "main": True, "corners": []}]}]
    (folder / "scenes.json").write_text(json.dumps(labels), encoding="utf-8")
    monkeypatch.setenv("GREENLANE_DATA", str(folder))
    return folder


@pytest.fixture
def python(tmp_path: Path) -> Path:
    """An environment's Python, called as `python -I script name folder`, that knows the stand-in too."""
    stubs = tmp_path / "stubs"
    about = stubs / "rapidocr_onnxruntime-9.9.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: rapidocr-onnxruntime\nVersion: 9.9\n")
    (stubs / "rapidocr_onnxruntime.py").write_text(f"TEXT = {HELD_OUT[0]!r}\n{RAPIDOCR}", encoding="utf-8")
    other = stubs / "agentclpr-1.1.dist-info"
    other.mkdir()
    (other / "METADATA").write_text("Metadata-Version: 2.1\nName: agentclpr\nVersion: 1.1\n")
    (stubs / "agentclpr.py").write_text(f"TEXT = {HELD_OUT[0]!r}\n{AGENTCLPR}", encoding="utf-8")
    (stubs / "easyocr.py").write_text("__version__ = '1.7.2'\n")
    start = (
        f"import runpy, sys; sys.path.insert(0, {str(stubs)!r}); del sys.argv[0]; "
        "runpy.run_path(sys.argv[0], run_name='__main__')"
    )
    script = tmp_path / "python"
    script.write_text(f'#!/bin/sh\n[ "$1" = -I ] || exit 9\nshift\nexec {sys.executable} -c "{start}" "$@"\n')
    script.chmod(0o755)
    return script


@pytest.mark.slow
def test_all_readers_see_the_held_out_pictures_and_are_compared(
    data: Path, python: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["bench", "peers", "--peers-python", str(python), "--reads", "2", "--width", "640", "--json"]
    assert main(words) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["conditions"]["reads of each picture, the quickest counts"] == 2
    assert found["conditions"]["scenes"] == "640 px wide"
    rows = {(row["kind"], row["reader"]): row for row in found["rows"]}
    crops, scenes = rows["ccpd", "rapidocr 9.9"], rows["scene", "rapidocr 9.9"]
    assert (crops["pictures"], crops["exact"], crops["wrong_plate"]) == (len(HELD_OUT), 1, len(HELD_OUT) - 1)
    assert (scenes["pictures"], scenes["exact"], scenes["wrong_plate"]) == (1, 1, 0)
    assert (rows["ccpd", "agentclpr 1.1"]["exact"], rows["scene", "agentclpr 1.1"]["exact"]) == (1, 1)
    own = rows["ccpd", "greenlane opencv"]
    assert own["exact"] == len(HELD_OUT)
    assert own["cpu_ms_median"] > 0
    assert {ratio["against"] for ratio in found["ratios"]} >= {"greenlane opencv"}
    assert "recogniser.onnx" in found["conditions"]["weights"]
    assert "craft_mlt_25k.pth, zh_sim_g2.pth" in found["not_measured"]["easyocr"]


@pytest.mark.slow
def test_the_flag_is_the_same_and_people_get_tables(
    data: Path, python: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["bench", "--peers", "--peers-python", str(python), "--pictures", "1", "--easyocr-models", str(tmp_path)]
    assert main(words) == 0
    out = capsys.readouterr().out
    assert "times the CPU time of greenlane opencv" in out
    assert f"easyocr: not measured, models missing in {tmp_path}" in out
    assert "chatter" not in out


def test_a_reader_that_dies_is_named(data: Path, python: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save(data / f"{HELD_OUT[1]}.png", np.zeros((40, 120, 3), np.uint8))
    assert main(["bench", "peers", "--peers-python", str(python)]) == 1
    assert "rapidocr ended without an answer, status 3" in capsys.readouterr().err


def test_without_an_environment_the_way_to_one_is_told(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["bench", "peers"]) == 1
    said = capsys.readouterr().err
    assert ".venv-peers/bin/python -m pip install rapidocr-onnxruntime" in said
    assert "--peers-python" in said


def test_without_pictures_their_place_is_told(
    python: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GREENLANE_DATA", str(tmp_path / "nowhere"))
    assert main(["bench", "peers", "--peers-python", str(python)]) == 1
    assert "GREENLANE_DATA" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("texts", "exact", "wrong"),
    [
        (("粤·B5P012",), True, False),
        (("加油站", "粤B", "5P012"), True, False),
        (("粤B5P013",), False, True),
        (("粤B5P012", "粤B5P013"), True, True),
        (("皖A12345",), False, False),
        ((), False, False),
    ],
)
def test_a_scene_counts_by_its_main_plate_and_a_wrong_plate_by_all_labels(
    texts: tuple[str, ...], exact: bool, wrong: bool
) -> None:
    sample = PeerSample(Path("scene.jpg"), "scene", "粤B5P012", ("粤B5P012", "皖A12345"))
    assert is_exact(sample, PeerAnswer(texts, 1, 1)) == exact
    assert is_wrong(sample, PeerAnswer(texts, 1, 1)) == wrong


def test_nothing_is_wrong_on_a_scene_with_plates_that_no_label_names() -> None:
    sample = PeerSample(Path("scene.jpg"), "scene", "粤B5P012", ("粤B5P012",), complete=False)
    assert not is_wrong(sample, PeerAnswer(("粤B5P012", "粤B5P013"), 1, 1))


def test_ratios_are_of_cpu_time_and_of_exact_shares() -> None:
    ours = PeerRow("ccpd", "greenlane opencv", 200, 190, 0, 5.0, 5.5)
    other = PeerRow("ccpd", "rapidocr 9.9", 200, 180, 4, 20.0, 21.0)
    elsewhere = PeerRow("scene", "rapidocr 9.9", 10, 9, 0, 400.0, 420.0)
    (ratio,) = Comparison({}, (ours, other, elsewhere), {}).ratios()
    assert (ratio["kind"], ratio["cpu_times"], ratio["exact_points"]) == ("ccpd", 4.0, 5.0)


def test_the_yardstick_is_a_scene_in_frames_of_the_fastest_public_reader() -> None:
    ours = [
        PeerRow("scene", f"greenlane {name}", 9, 9, 0, ms, ms) for name, ms in (("opencv", 18.4), ("onnxruntime", 9.2))
    ]
    crops = [PeerRow(kind, "rapidocr 9.9", 9, 9, 0, ms, ms) for kind, ms in (("ccpd", 19.0), ("easypr", 21.0))]
    scene = PeerRow("scene", "rapidocr 9.9", 9, 9, 0, 400.0, 420.0)
    found = Comparison({}, (*ours, *crops, scene), {})
    assert found.facts()["yardstick"] == {"greenlane opencv": 2.0, "greenlane onnxruntime": 1.0}
    assert found.lines()[-1].startswith("greenlane onnxruntime takes 1 times the CPU time of the fastest public")
    assert Comparison({}, (*ours, scene), {}).yardstick() == {}


def test_the_quickest_of_several_reads_counts_and_readers_take_turns() -> None:
    sample = PeerSample(Path("one.png"), "ccpd", "", ())
    times = {"first": iter((9.0, 5.0, 3.0, 4.0)), "second": iter((9.0, 2.0, 6.0, 1.0))}
    turns: list[str] = []

    def ask(name: str) -> PeerAnswer:
        turns.append(name)
        return PeerAnswer((), next(times[name]), 0.0)

    asks = {name: lambda _, name=name: ask(name) for name in times}
    answers = ask_all([sample], asks, 3)
    assert {name: [answer.cpu_ms for answer in given] for name, given in answers.items()} == {
        "first": [3],
        "second": [1],
    }
    assert turns[2:] == ["first", "second"] * 3, "each is asked once beforehand"


def test_scenes_are_shown_as_wide_as_asked() -> None:
    picture = np.zeros((100, 400, 3), np.uint8)
    assert shown(picture, 200).shape == (50, 200, 3)
    assert shown(picture, 0) is picture
