"""The second recogniser's recipe: what it calls hidden, and a run from drawn plates to weights that load."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the training recipes need torch")
pytest.importorskip("onnx", reason="the export needs onnx")

from models.engines import load_network  # noqa: E402
from models.grammar import MAX_CHARACTERS  # noqa: E402
from models.manifest import load_section  # noqa: E402
from models.second_opinion import HIDDEN, SecondOpinion  # noqa: E402
from models.training.__main__ import main  # noqa: E402
from models.training.second.samples import IGNORED, Pool, drawn_second, mark  # noqa: E402
from models.training.second.spoil import WAYS, seen_shares, spoil  # noqa: E402
from models.training.second.train import look_loss  # noqa: E402

BOXES = np.asarray([[20 * n + 4, 8, 20 * n + 20, 40] for n in range(7)], np.float32)


def strip() -> np.ndarray:
    return np.random.default_rng(3).uniform(0, 255, (48, 160)).astype(np.float32)


def test_a_covered_character_is_not_seen_and_its_neighbours_are() -> None:
    before = strip()
    after, cover = before.copy(), np.zeros_like(before)
    after[:, :20], cover[:, :20] = 60, 1
    shares = seen_shares(before, after, cover, BOXES)
    assert shares[0] < 0.1
    assert (shares[1:] > 0.99).all()


def test_a_character_that_drowns_in_light_or_blur_is_not_seen() -> None:
    before = strip()
    after = before.copy()
    after[:, 40:61] = 255
    assert seen_shares(before, after, np.zeros_like(before), BOXES)[2] == 0


def test_a_character_outside_the_strip_is_not_seen() -> None:
    before = strip()
    outside = BOXES + np.asarray([31, 0, 31, 0], np.float32)
    shares = seen_shares(before, before, np.zeros_like(before), outside)
    assert (shares[:-1] > 0.99).all()
    assert shares[-1] < 0.5


def test_what_is_half_seen_teaches_nothing_and_provinces_are_hidden_earlier() -> None:
    classes = np.arange(1, 9)
    mark(classes, np.asarray([0.6, 0.6, 0.95, 0.1], np.float32), exact=True)
    assert classes.tolist() == [HIDDEN, IGNORED, 3, HIDDEN, 5, 6, 7, 8]


@pytest.mark.parametrize("way", WAYS)
def test_every_way_of_spoiling_keeps_the_strips_shape(way: object) -> None:
    assert callable(way)
    spoilt, cover = way(np.random.default_rng(2), strip(), BOXES)
    assert spoilt.shape == cover.shape == (48, 160)


def test_spoiling_hides_provinces_often_and_samples_say_so() -> None:
    rng = np.random.default_rng(8)
    shares = np.stack([spoil(rng, strip(), BOXES)[1] for _ in range(300)])
    hidden = (shares < 0.55).mean(0)
    assert 0.2 < hidden[0] < 0.8
    assert hidden[0] > hidden[3]
    pool = Pool(20)
    classes = np.stack([drawn_second(rng, pool).classes for _ in range(80)])
    assert 0.03 < (classes[:, 0] == HIDDEN).mean() < 0.5


def test_looking_is_drawn_to_known_centres() -> None:
    centres = torch.full((1, 8), float("nan"))
    centres[0, 0] = 0.5
    right, wrong = torch.zeros(1, 8, 40), torch.zeros(1, 8, 40)
    right[0, 0, 19:21], wrong[0, 0, 0] = 5, 5
    assert look_loss(right, centres) < look_loss(wrong, centres)


@pytest.mark.slow
def test_smoke_run_ends_with_weights_that_load_and_goes_on_where_it_was(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["second", "--smoke", "--out", str(tmp_path)]) == 0
    section = load_section("second", tmp_path / "manifest.json")
    assert section["steps_done"] == 4
    for engine in ("opencv", "onnxruntime"):
        second = SecondOpinion(load_network(engine, tmp_path / section["file"], section["sha256"]), section)
        assert second.shares([np.zeros((48, 160), np.uint8)] * 2).shape == (2, MAX_CHARACTERS, HIDDEN + 1)
    before = (tmp_path / "second.pt").read_bytes()
    assert main(["second", "--smoke", "--resume", "--out", str(tmp_path)]) == 0
    assert (tmp_path / "second.pt").read_bytes() == before
    assert "after 4 steps" in capsys.readouterr().out


def test_export_without_a_checkpoint_is_refused(tmp_path: Path) -> None:
    assert main(["second", "--smoke", "--export-only", "--out", str(tmp_path)]) == 1
