"""`evaluate` from end to end: with a few made-up crops it writes everything, without real pictures nothing."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from models.grammar import PlateKind
from models.manifest import MANIFEST
from models.training.__main__ import main
from models.training.data.holdout import is_held_out
from models.training.data.realdata import RealCrop
from models.training.drawing.conditions import pick
from models.training.drawing.photograph import photograph
from models.training.drawing.plates import draw_plate
from models.training.evaluation.counts import Judged
from models.training.evaluation.gallery import write_gallery
from tests.models.training.test_evaluate import judged


@pytest.fixture
def made_up_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder whose crops are drawn: some held out, some not, and a scene without plates of either."""
    folder = tmp_path / "data"
    folder.mkdir()
    rng = np.random.default_rng(8)
    texts = [f"皖A{number:05d}" for number in range(200, 300)]
    chosen = [text for text in texts if is_held_out(text)][:6] + [text for text in texts if not is_held_out(text)][:6]
    rows = []
    for number, text in enumerate(chosen):
        source = ("ccpd", "easypr")[number % 2]
        photo = photograph(rng, draw_plate(rng, PlateKind.BLUE, text), pick(rng, source))
        cv2.imencode(".png", photo.image)[1].tofile(folder / f"{number}.png")
        rows.append({"file": f"{number}.png", "plate": text, "source": source})
    for name in ("crops.csv", "crops_auto.csv"):
        with (folder / name).open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, ["file", "plate", "source"])
            writer.writeheader()
            writer.writerows(rows if name == "crops.csv" else [])
    (folder / "scenes.json").write_text("[]", encoding="utf-8")
    monkeypatch.setenv("GREENLANE_DATA", str(tmp_path))
    return folder


def weights(folder: Path) -> Path:
    return Path(shutil.copytree(MANIFEST.parent, folder / "weights")) / MANIFEST.name


def evaluate(folder: Path, *words: str) -> int:
    page, figures = folder / "reader.md", folder / "figures.json"
    places = ["--page", str(page), "--json", str(figures), "--pictures", str(folder / "pictures")]
    return main(["evaluate", "--drawn", "2", "--manifest", str(weights(folder)), *places, *words])


@pytest.mark.slow
def test_figures_page_diagrams_and_gallery_come_from_one_command(made_up_data: Path, tmp_path: Path) -> None:
    assert evaluate(tmp_path, "--gallery", str(tmp_path / "errors"), "--rounds", "2") == 0
    figures = json.loads((tmp_path / "figures.json").read_text(encoding="utf-8"))
    assert figures["all"]["plates"] == 6
    assert set(figures["drawn"]) == {"all", *map(str, PlateKind)}
    assert figures["visits"]["crops"]["3"]["0.9"]["visits"] == 12
    page = (tmp_path / "reader.md").read_text(encoding="utf-8")
    for name in ("hardness", "confusions", "reliability", "trade-off", "conditions"):
        assert f"(pictures/reader-{name}.svg)" in page
        assert (tmp_path / "pictures" / f"reader-{name}.svg").stat().st_size > 500
    assert (tmp_path / "errors" / "index.html").is_file()
    manifest = json.loads((tmp_path / "weights" / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["recogniser"]["held_out"]["ccpd"]["plates"] == figures["sources"]["ccpd"]["plates"]


def test_without_real_pictures_the_page_stays_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GREENLANE_DATA", str(tmp_path / "nowhere"))
    assert evaluate(tmp_path) == 0
    assert "no real pictures" in capsys.readouterr().out
    assert not (tmp_path / "reader.md").exists()
    assert not (tmp_path / "pictures").exists()


@pytest.mark.slow
def test_conditions_are_fitted_to_each_part_of_the_crops_by_itself(made_up_data: Path, tmp_path: Path) -> None:
    assert main(["conditions", "--out", str(tmp_path)]) == 0
    for name in ("conditions.npz", "conditions_held_out.npz"):
        with np.load(tmp_path / name) as stored:
            assert {source: len(stored[source]) for source in stored.files} == {"ccpd": 3, "easypr": 3}


def test_the_gallery_shows_errors_with_each_characters_probability(tmp_path: Path) -> None:
    crop = RealCrop(np.full((24, 94, 3), 90, np.uint8), "苏E97W93", "ccpd")
    reads: list[Judged] = [judged("苏E97W93", "皖E97W93", 0.97), judged("苏E97W93", "苏E97W93"), judged("苏E97W93", "")]
    assert write_gallery(tmp_path, [crop] * 3, reads) == 2
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert page.count("<figure>") == 2
    assert '<td class="wrong">皖<br>0.97</td>' in page
    assert page.index("皖E97W93") < page.index("nothing")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["001.png", "002.png", "index.html"]
