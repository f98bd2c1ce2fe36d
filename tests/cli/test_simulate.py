"""`greenlane simulate` as people and programs call it."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from greenlane.cli import main
from greenlane.cli.simulate import line
from tests.simulation import visit_results
from tests.simulation.clips import write_clip


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_clip(tmp_path_factory.mktemp("clips") / "box.mp4", [30])


def test_json_is_one_document_on_stdout_and_a_bad_clip_fails_the_run(
    clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(clip.read_bytes()[: clip.stat().st_size // 2])
    report = tmp_path / "report"
    assert main(["simulate", str(cut), str(clip), "--json", "--report", str(report)]) == 1
    shown = capsys.readouterr()
    found = json.loads(shown.out)
    assert [c["error"] is None for c in found["clips"]] == [False, True]
    assert [v["clip"] for v in found["visits"]] == ["box.mp4"]
    assert found["visits"][0]["decision"] == "refuse"
    assert found["visits"][0]["plate"] is None
    assert "error:" in shown.err
    assert "cut.mp4" in (report / "index.html").read_text(encoding="utf-8")


def test_a_text_is_no_clip(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "words.txt").write_text("words\n" * 99, encoding="utf-8")
    assert main(["simulate", str(tmp_path / "words.txt")]) == 1
    (said,) = capsys.readouterr().out.splitlines()
    assert said.endswith("words.txt: is not a video, or its index was cut off")


def test_pictures_that_cannot_be_opened_and_a_cut_entrance_fail_the_run(
    clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cut, folder = tmp_path / "entry.avi", tmp_path / "frames"
    folder.mkdir()
    for number in range(3):
        cv2.imwrite(str(folder / f"{number}.png"), np.zeros((120, 160, 3), np.uint8))
    assert main(["simulate", str(folder)]) == 0
    assert "`greenlane read` reads single pictures" in capsys.readouterr().out
    for name in ("8.png", "9.png"):
        (folder / name).symlink_to("moved.png")
    assert main(["simulate", str(folder)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == [
        f"error: {folder}/{name}.png: cannot be opened: No such file or directory" for name in ("8", "9")
    ]
    writer = cv2.VideoWriter(str(cut), cv2.VideoWriter.fourcc(*"MJPG"), 15, (160, 120))
    for _ in range(30):
        writer.write(np.random.default_rng(1).integers(0, 255, (120, 160, 3), dtype=np.uint8))
    writer.release()
    cut.write_bytes(cut.read_bytes()[: cut.stat().st_size // 2])
    (folder / "8.png").unlink()
    (folder / "9.png").unlink()
    assert main(["simulate", str(folder), "--entry", str(cut)]) == 1
    assert f"error: {cut} is cut off: " in capsys.readouterr().out


def test_litres_are_for_clips_of_ones_own(capsys: pytest.CaptureFixture[str]) -> None:
    """They were passed over in silence."""
    assert main(["simulate", "--litres", "5"]) == 1
    assert "--litres: only with a CLIP of your own" in capsys.readouterr().err


@pytest.mark.slow
def test_for_people_there_is_a_line_per_visit_and_a_hint(clip: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["simulate", str(clip)]) == 0
    out = capsys.readouterr().out
    assert "visit 1" in out
    assert "red" in out
    assert "--card" in out


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--card", "HELLO=5"], "not a plate"),
        (["--card", "粤B12345=x"], "not an amount"),
        (["--card", "粤B12345"], "PLATE=YUAN"),
        (["--preset", "ten"], "not an amount"),
        (["--litres", "-1"], "0 to 1000"),
    ],
)
def test_wrong_words_are_wrong_usage(words: list[str], expected: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["simulate", *words])
    assert ended.value.code == 2
    assert expected in capsys.readouterr().err


def test_a_plate_has_one_card(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["simulate", "x.mp4", "--card", "粤B12345=1", "--card", "粤b12345=2"]) == 1
    assert "given twice" in capsys.readouterr().err


def test_the_line_of_a_visit_says_it_all() -> None:
    allowed, unsure = line(visit_results.allowed(b"")), line(visit_results.unsure(b""))
    for word in ("visit 1", "沪A8K526", "green", "ok", "4.00 L", "30.00 yuan", "balance 570.00 yuan"):
        assert word in allowed
    for word in ("visit 2", "-", "red", "unsure"):
        assert word in unsure
    assert "\033[1;32m" in line(visit_results.allowed(b""), paint=True)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["absent.mp4"], "absent.mp4: no such file"),
        (["pipe.mp4"], "pipe.mp4: is not a file"),
        (["one.png"], "one picture is not a visit: read it with `greenlane read`"),
        (["clips"], "it holds clips: name them one by one, such as clips/box.mp4"),
        (["empty"], "it holds no pictures"),
        (["photo.mp4"], "photo.mp4: one picture is not a visit: read it with `greenlane read`"),
        (["clips/box.mp4", "--entry", "photo.mp4"], "photo.mp4: one picture is not a visit"),
        (["clips/box.mp4", "--entry", "words.mp4"], "words.mp4: is not a video"),
        (["clips/box.mp4", "absent.mp4"], "absent.mp4: no such file"),
        (["clips/box.mp4", "--report", "one.png"], "--report one.png: is not a folder"),
        (["clips/box.mp4", "--report", "/proc/report"], "--report /proc/report: cannot be written"),
    ],
)
def test_what_cannot_work_is_told_in_one_line_before_the_work(
    words: list[str],
    expected: str,
    clip: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "clips").mkdir()
    (tmp_path / "empty").mkdir()
    shutil.copy(clip, tmp_path / "clips")
    os.mkfifo("pipe.mp4")
    Path("one.png").write_bytes(b"picture")
    Path("words.mp4").write_text("words")
    Path("photo.mp4").write_bytes(cv2.imencode(".jpg", np.zeros((120, 160, 3), np.uint8))[1])
    assert main(["simulate", *words]) == 1
    printed = capsys.readouterr()
    assert (printed.out, printed.err.count("\n")) == ("", 1)
    assert expected in printed.err


def test_names_that_are_not_text_lose_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Such as GBK ones of another system: the minutes of video would end without the report."""
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xc2\xbc\xcf\xf1"))
    folder.mkdir()
    black = cv2.imencode(".png", np.zeros((120, 160, 3), np.uint8))[1]
    (folder / "a.png").write_bytes(black)
    Path(os.fsdecode(os.fsencode(folder) + b"/\xff.png")).write_bytes(b"no picture")
    assert main(["simulate", str(folder), str(folder), "--report", str(tmp_path / "report"), "--json"]) == 1
    printed = capsys.readouterr()
    assert "\\udcff.png: not a picture" in printed.err
    assert {told["clip"] for told in json.loads(printed.out)["clips"]} == {folder.name}
    assert "\\udccf" in (tmp_path / "report" / "index.html").read_text(encoding="utf-8")
