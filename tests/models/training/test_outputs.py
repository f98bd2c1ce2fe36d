"""What a recipe cannot write, or cannot read, is told in one line before its work begins."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from models.training.__main__ import main
from models.training.data.realdata import load_crops, load_scene_cuts, load_scene_grounds
from models.training.data.scenes import PictureMissing
from models.training.evaluation.page import add_results, write_part
from tests.full_disk import full_disk
from wire.outputs import OutputError, check_file

JUDGES = ("visits", "goals", "opinion", "slants", "finding", "evaluate-scenes")

Refused = Callable[..., str]


@pytest.fixture
def refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Refused:
    """Run a command on a folder without a single picture, and give the one line that it says."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "crops.csv").write_text("file,plate,source\nabsent.png,粤B12345,ccpd\n", encoding="utf-8")
    monkeypatch.setenv("GREENLANE_DATA", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)

    def run(*words: str) -> str:
        assert main(list(words)) == 1
        printed = capsys.readouterr()
        assert (printed.out, printed.err.count("\n")) == ("", 1)
        assert printed.err.startswith(f"models.training {words[0]}: ")
        return printed.err

    return run


@pytest.mark.parametrize("command", JUDGES)
def test_a_page_that_cannot_be_renewed(command: str, refused: Refused, tmp_path: Path) -> None:
    (tmp_path / "latin.md").write_bytes(b"caf\xe9")
    (tmp_path / "half.md").write_text("<!-- visits: begin -->\n", encoding="utf-8")
    (tmp_path / "list.json").write_text("[]", encoding="utf-8")
    os.mkfifo(tmp_path / "pipe.md")
    for words, said in (
        (("--page", "absent/page.md"), "--page absent/page.md: cannot be written: No such file or directory"),
        (("--page", "data"), "--page data: is a folder"),
        (("--page", "pipe.md"), "--page pipe.md: is not a regular file"),
        (("--page", "latin.md"), "--page latin.md: is not text in UTF-8"),
        (("--page", "half.md"), "--page half.md: has the mark <!-- visits: begin --> and no <!-- visits: end -->"),
        (("--page", "new.md", "--json", "absent/f.json"), "--json absent/f.json: cannot be written"),
        (("--page", "new.md", "--json", "latin.md"), "--json latin.md: is not JSON"),
        (("--page", "new.md", "--json", "list.json"), "--json list.json: is not a JSON object"),
    ):
        assert said in refused(command, "--record", *words)
    assert not (tmp_path / "new.md").exists()


def test_the_figures_of_the_recogniser(refused: Refused) -> None:
    words = ("--page", "new.md", "--json", "new.json", "--pictures", "pictures")
    assert "--page data: is a folder" in refused("evaluate", "--page", "data")
    assert "--gallery data/crops.csv: is not a folder" in refused("evaluate", *words, "--gallery", "data/crops.csv")
    assert "--gallery data/crops.csv: is not a folder" in refused("evaluate-scenes", "--gallery", "data/crops.csv")


@pytest.mark.parametrize("command", ["recogniser", "second", "whole", "curve", "detector finder", "conditions"])
def test_a_folder_of_checkpoints_that_cannot_be_written(command: str, refused: Refused) -> None:
    name, *stage = command.split()
    assert "--out data/crops.csv: is not a folder" in refused(name, *stage, "--out", "data/crops.csv")


def test_weights_to_begin_with_that_are_not_there(refused: Refused, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["corners", "--teacher", "absent.onnx"])
    assert end.value.code == 2
    assert "'absent.onnx' cannot be opened: No such file or directory" in capsys.readouterr().err


def test_a_picture_that_a_list_names_is_not_left_out(refused: Refused, tmp_path: Path) -> None:
    """It was, without a word, and a pipe stopped everything."""
    assert "data/absent.png: cannot be opened: No such file" in refused("conditions", "--out", "out")
    os.mkfifo(tmp_path / "data" / "absent.png")
    with pytest.raises(PictureMissing, match="not a regular file"):
        load_crops(tmp_path / "data", "crops.csv")
    (tmp_path / "data" / "absent.png").unlink()
    cv2.imwrite(str(tmp_path / "data" / "absent.png"), np.zeros((20, 60, 3), np.uint8))
    assert [crop.text for crop in load_crops(tmp_path / "data", "crops.csv")] == ["粤B12345"]
    (tmp_path / "data" / "scenes.json").write_text('[{"file": "moved.jpg", "plates": []}]', encoding="utf-8")
    for load in (load_scene_cuts, load_scene_grounds):
        with pytest.raises(PictureMissing, match=r"moved\.jpg: cannot be opened"):
            load(tmp_path / "data")


def test_a_link_is_judged_by_where_it_leads(tmp_path: Path) -> None:
    (tmp_path / "out").symlink_to(tmp_path / "absent" / "page.md")
    with pytest.raises(OutputError, match="cannot be written: No such file"):
        check_file("--page", tmp_path / "out")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with pytest.raises(OutputError):
        check_file("--page", tmp_path / "loop")
    with pytest.raises(OutputError, match="this is what it reads"):
        check_file("--page", tmp_path / "loop", [tmp_path / "loop"])


def test_a_full_disk_costs_no_figures_of_other_commands(tmp_path: Path) -> None:
    page, results = tmp_path / "page.md", tmp_path / "results.json"
    write_part(page, "visits", "| 1 |")
    add_results(results, {"visits": 1})
    before = page.read_bytes(), results.read_bytes()
    with full_disk(), pytest.raises(OSError, match="File too large"):
        write_part(page, "goals", "x" * 9999)
    with full_disk(), pytest.raises(OSError, match="File too large"):
        add_results(results, {"goals": "x" * 9999})
    assert (page.read_bytes(), results.read_bytes()) == before
    assert len(list(tmp_path.iterdir())) == 2
