"""The engine easyocr keeps the promises of the others, as far as grey pictures allow."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

import models.build as build
from controller.errors import ReaderError
from greenlane.cli import read
from models.build import build_reader
from models.engines import load_network
from models.grammar import PlateKind
from models.manifest import WEIGHTS_FOLDER, load_section
from models.reader import Recognising
from models.recogniser import Recogniser
from models.training.drawing.plates import draw_plate

pytestmark = pytest.mark.easyocr

SECTION = load_section("recogniser")
WEIGHTS = WEIGHTS_FOLDER / SECTION["file"]
WIDTH, HEIGHT = 128, 32


@pytest.fixture(scope="module")
def easyocr() -> Any:
    from tests.easyocr_setup import import_easyocr

    return import_easyocr()


@pytest.fixture(scope="module")
def recogniser(easyocr: Any) -> Recognising:
    from models.engines.easyocr_engine import open_shipped

    return open_shipped(WEIGHTS.read_bytes(), SECTION, 1)


@pytest.fixture(scope="module")
def reference() -> Recogniser:
    return Recogniser(load_network("opencv", WEIGHTS, SECTION["sha256"]), SECTION)


def grey(strip: np.ndarray) -> np.ndarray:
    return cv2.cvtColor(cv2.cvtColor(strip, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)


def drawn(text: str, kind: PlateKind = PlateKind.BLUE, size: tuple[int, int] = (WIDTH, HEIGHT)) -> np.ndarray:
    plate = draw_plate(np.random.default_rng(len(text)), kind, text).image
    return np.asarray(cv2.GaussianBlur(cv2.resize(plate, size, interpolation=cv2.INTER_AREA), (0, 0), 0.5), np.uint8)


def texts(reads: Sequence[Sequence[Any]]) -> list[str]:
    return ["".join(character.character for character in characters) for characters in reads]


PLATES = [
    (PlateKind.BLUE, "粤B5PQ23"),
    (PlateKind.BLUE, "皖A88888"),
    (PlateKind.BLUE, "京AAA001"),
    (PlateKind.NEW_ENERGY_SMALL, "粤AD11223"),
    (PlateKind.NEW_ENERGY_LARGE, "沪A55667D"),
    (PlateKind.YELLOW, "苏C77700"),
    (PlateKind.POLICE, "鲁B1122警"),
]


def test_characters_and_probabilities_are_those_of_the_default_engine_on_grey(
    recogniser: Recognising, reference: Recogniser
) -> None:
    strips = [drawn(text, kind) for kind, text in PLATES]
    expected = reference.read([grey(strip) for strip in strips])
    answers = recogniser.read(strips)
    assert texts(answers) == texts(expected)
    for answer, right in zip(answers, expected, strict=True):
        assert [s.probability for s in answer] == pytest.approx([s.probability for s in right], abs=5e-3)


def test_doubled_characters_survive_decoding(recogniser: Recognising) -> None:
    assert texts(recogniser.read([drawn("皖A88888"), drawn("京AAA001")])) == ["皖A88888", "京AAA001"]


def test_batches_and_single_strips_read_the_same_in_order(recogniser: Recognising) -> None:
    strips = [drawn(text, kind) for kind, text in PLATES]
    together = recogniser.read(strips)
    assert together == [recogniser.read([strip])[0] for strip in strips]
    assert recogniser.read([]) == []


def test_what_is_no_plate_gives_what_the_default_engine_gives(recogniser: Recognising, reference: Recogniser) -> None:
    rng = np.random.default_rng(5)
    strips = [np.full((HEIGHT, WIDTH, 3), 90, np.uint8), rng.integers(0, 255, (HEIGHT, WIDTH, 3), np.uint8)]
    assert texts(recogniser.read(strips)) == texts(reference.read([grey(strip) for strip in strips]))


def test_anything_but_a_strip_is_refused(recogniser: Recognising) -> None:
    with pytest.raises(ValueError, match="a strip is"):
        recogniser.read([np.zeros((HEIGHT, WIDTH), np.uint8)])


def test_nothing_is_left_on_the_import_path(recogniser: Recognising) -> None:
    assert not any("greenlane-" in place for place in sys.path)


def test_altered_and_missing_weights_are_refused_by_name(
    easyocr: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "车牌 weights"
    folder.mkdir()
    for file in WEIGHTS_FOLDER.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    monkeypatch.setattr(build, "WEIGHTS_FOLDER", folder)
    data = bytearray(WEIGHTS.read_bytes())
    data[len(data) // 2] ^= 1
    (folder / SECTION["file"]).write_bytes(data)
    with pytest.raises(ReaderError, match=r"recogniser\.onnx.*not the ones in the manifest"):
        build_reader("easyocr")
    (folder / SECTION["file"]).unlink()
    with pytest.raises(ReaderError, match=r"Cannot read the weights.*recogniser\.onnx"):
        build_reader("easyocr")


def test_an_operator_that_is_missing_is_named(easyocr: Any, tmp_path: Path) -> None:
    import onnx

    from models.engines.easyocr_files import write_network

    model = onnx.load(WEIGHTS)
    next(node for node in model.graph.node if node.op_type == "Relu").op_type = "Selu"
    with pytest.raises(ReaderError, match="no operator Selu"):
        write_network(tmp_path, model.SerializeToString(), SECTION)


def test_no_network_at_all_is_a_reader_error(easyocr: Any, tmp_path: Path) -> None:
    from models.engines.easyocr_files import write_network

    with pytest.raises(ReaderError, match="not an ONNX network"):
        write_network(tmp_path, b"no network " * 40, SECTION)


@pytest.mark.parametrize("size", [(136, 43), (220, 70), (440, 140), (480, 140), (128, 32)])
def test_the_written_files_serve_any_easyocr_on_plates_of_any_size(
    easyocr: Any, tmp_path: Path, size: tuple[int, int]
) -> None:
    from models.engines.easyocr_files import write_network

    name = write_network(tmp_path, WEIGHTS.read_bytes(), SECTION)
    reader = easyocr.Reader(
        ["ch_sim", "en"],
        gpu=False,
        detector=False,
        recog_network=name,
        user_network_directory=str(tmp_path),
        model_storage_directory=str(tmp_path),
        download_enabled=False,
        verbose=False,
    )
    picture = cv2.cvtColor(drawn("粤B5PQ23", size=size), cv2.COLOR_BGR2GRAY)
    assert [text for _, text, _ in reader.recognize(picture, workers=0)] == ["粤B5PQ23"]


def test_the_command_reads_a_scene(easyocr: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scene = np.full((360, 640, 3), 90, np.uint8)
    scene[200:256, 240:416] = drawn("粤B5PQ23", size=(176, 56))
    cv2.imencode(".png", scene)[1].tofile(tmp_path / "画.png")
    parser = argparse.ArgumentParser()
    read.add_arguments(parser)
    assert read.run(parser.parse_args(["--engine", "easyocr", "--json", str(tmp_path / "画.png")])) == 0
    record = json.loads(capsys.readouterr().out)
    assert [plate["text"] for plate in record["plates"]] == ["粤B5PQ23"]
    assert set(record["ms"]) == {"detect", "rectify", "recognise", "doubt"}


@pytest.mark.realdata
def test_held_out_real_crops_are_read(real_data: Path, recogniser: Recognising) -> None:
    from models.training.evaluation.counts import figures
    from models.training.evaluation.reads import judge
    from models.training.recogniser.mixing import load_real_data

    judged = judge(recogniser, load_real_data(real_data / "data").held_out)
    assert figures([answer for answer in judged if answer.group != "auto"])["exact"] >= 0.92
