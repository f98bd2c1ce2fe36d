"""EasyOCR's own models in a user's folder: found, refused, and beside greenlane's network in one process.

The models themselves are not shipped; a network of the same shape with random weights stands in for them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from controller.errors import ReaderError
from models.build import build_reader
from models.grammar import ALPHABET
from models.manifest import WEIGHTS_FOLDER, load_section

pytestmark = pytest.mark.easyocr

STRIP = np.random.default_rng(2).integers(0, 255, (32, 128, 3), np.uint8)


@pytest.fixture(scope="module")
def easyocr() -> Any:
    from tests.easyocr_setup import import_easyocr

    return import_easyocr()


@pytest.fixture
def folder(easyocr: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    import torch
    from easyocr.config import recognition_models
    from easyocr.model.vgg_model import Model
    from easyocr.utils import calculate_md5

    model = recognition_models["gen2"]["zh_sim_g2"]
    torch.manual_seed(1)
    network = Model(input_channel=1, output_channel=256, hidden_size=256, num_class=1 + len(model["characters"]))
    path = tmp_path / "我的 models" / "zh_sim_g2.pth"
    path.parent.mkdir()
    torch.save({f"module.{key}": value for key, value in network.state_dict().items()}, path)
    monkeypatch.setitem(model, "md5sum", calculate_md5(str(path)))
    return path.parent


def test_missing_files_are_named_with_their_folder(easyocr: Any, tmp_path: Path) -> None:
    empty = tmp_path / "nothing here"
    with pytest.raises(ReaderError, match=r"missing in .*nothing here: zh_sim_g2\.pth\..*put them there"):
        build_reader("easyocr", easyocr_models=empty)
    assert not empty.exists()


def test_a_damaged_file_is_refused(easyocr: Any, tmp_path: Path) -> None:
    (tmp_path / "zh_sim_g2.pth").write_bytes(b"half a download")
    with pytest.raises(ReaderError, match=r"cannot load the models in .*MD5 mismatch.*downloads disabled"):
        build_reader("easyocr", easyocr_models=tmp_path)
    assert (tmp_path / "zh_sim_g2.pth").exists()


def test_only_characters_of_plates_come_out_with_probabilities(easyocr: Any, folder: Path) -> None:
    from models.engines.easyocr_engine import open_own

    (characters,) = open_own(folder, ALPHABET, 1).read([STRIP])
    assert all(character.character in ALPHABET and 0 <= character.probability <= 1 for character in characters)


def test_two_networks_of_different_height_do_not_disturb_each_other(easyocr: Any, folder: Path) -> None:
    from models.engines.easyocr_engine import open_own, open_shipped

    section = load_section("recogniser")
    own = open_own(folder, ALPHABET, 1)
    before = own.read([STRIP])
    shipped = open_shipped((WEIGHTS_FOLDER / section["file"]).read_bytes(), section, 1)
    first = shipped.read([STRIP])
    assert own.read([STRIP]) == before
    assert shipped.read([STRIP]) == first


def test_the_reader_says_whose_models_it_runs(easyocr: Any, folder: Path) -> None:
    reader = build_reader("easyocr", easyocr_models=folder)
    assert str(folder) in reader.name
    assert "recognise" in reader.read(np.zeros((240, 320, 3), np.uint8)).ms


def test_greedy_decoding_merges_runs_and_keeps_doubled_characters(easyocr: Any) -> None:
    from models.engines.easyocr_engine import characters_of_steps

    best = [0, 1, 1, 0, 1, 3, 2, 0]
    steps = np.zeros((len(best), 4), np.float32)
    steps[np.arange(len(best)), best] = 5.0
    steps[2, 1] = 8.0
    characters = characters_of_steps(steps, "A?8", "A8")
    assert "".join(character.character for character in characters) == "AA8"
    assert characters[0].probability == pytest.approx(np.exp(8) / (np.exp(8) + 3), rel=1e-5)
