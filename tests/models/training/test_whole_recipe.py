"""The recipe of the judge of wholeness: what lies over plates, what counts as hidden, a run to weights that load."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the training recipes need torch")
pytest.importorskip("onnx", reason="the export needs onnx")

from models.engines import load_network  # noqa: E402
from models.grammar import PlateKind  # noqa: E402
from models.manifest import load_section  # noqa: E402
from models.training.__main__ import main  # noqa: E402
from models.training.data.realdata import RealCrop  # noqa: E402
from models.training.drawing.plates import draw_plate  # noqa: E402
from models.training.second.samples import Pool  # noqa: E402
from models.training.whole.camera import taken  # noqa: E402
from models.training.whole.covers import SHAPES, covered, shaded  # noqa: E402
from models.training.whole.samples import (  # noqa: E402
    BESIDE,
    cover_of,
    crop_samples,
    drawn_samples,
    hidden_share,
    unlikeness,
)
from models.training.whole.train import cells_loss  # noqa: E402
from models.training.whole.veils import VEILS, veiled  # noqa: E402
from models.whole import Wholeness  # noqa: E402

QUAD = np.asarray([[60, 60], [200, 62], [200, 106], [60, 104]], np.float32)


def ground() -> np.ndarray:
    return np.random.default_rng(3).integers(60, 120, (180, 260, 3)).astype(np.uint8)


def test_a_cover_changes_the_picture_where_its_mask_is_and_nowhere_far_from_it() -> None:
    rng, image = np.random.default_rng(1), ground()
    changed = 0
    for _ in range(40):
        hidden, mask = covered(rng, image, QUAD)
        away = np.abs(hidden.astype(int) - image).max(2)
        beside = cv2.dilate(mask, np.ones((13, 13), np.uint8)) == 0
        assert hidden.shape == image.shape
        assert not away[beside].any()
        changed += bool(away[mask == 255].mean() > 5)
    assert changed > 30


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_is_an_outline_in_shares_of_the_plate(shape: object) -> None:
    assert callable(shape)
    for outline in shape(np.random.default_rng(4)):
        assert outline.ndim == 2
        assert outline.shape[1] == 2


def test_a_shadow_darkens_and_hides_nothing() -> None:
    image = ground()
    dark = shaded(np.random.default_rng(2), image, QUAD)
    assert (dark <= image).all()
    assert dark.min() > 10


@pytest.mark.parametrize("veil", VEILS)
def test_every_veil_changes_the_plate_and_leaves_what_is_far_from_it(veil: object) -> None:
    assert callable(veil)
    rng, changed = np.random.default_rng(8), np.zeros((400, 600), bool)
    image = rng.integers(60, 120, (400, 600, 3)).astype(np.uint8)
    for _ in range(12):
        changed |= (veil(rng, image, QUAD) != image).any(2)
    assert changed[60:105, 60:200].any()
    assert not changed[350:, 500:].any()


def test_a_veil_at_the_edge_of_a_small_picture_is_cut_off_there() -> None:
    rng, image = np.random.default_rng(9), ground()[:40, :50]
    quad = np.asarray([[-90, -10], [45, -8], [45, 36], [-90, 34]], np.float32)
    for _ in range(60):
        assert veiled(rng, image, quad).shape == image.shape


def test_the_character_that_changed_most_decides_how_unlike_itself_a_plate_looks() -> None:
    strip = np.random.default_rng(7).integers(0, 255, (48, 160, 3)).astype(np.uint8)
    boxes = np.asarray([[4, 8, 20, 40], [60, 8, 80, 40]], np.float32)
    assert unlikeness(strip, strip, boxes) == pytest.approx(0.0, abs=0.01)
    behind_a_drop = strip.copy()
    behind_a_drop[:, 60:80] = cv2.GaussianBlur(strip, (0, 0), 9)[:, 60:80]
    assert unlikeness(strip, behind_a_drop, boxes) > 0.5
    assert unlikeness(strip, behind_a_drop, boxes[:1]) < 0.1


def test_the_character_that_is_covered_most_decides() -> None:
    cover = np.zeros((48, 160), np.float32)
    cover[:12] = 1
    boxes = np.asarray([[4, 8, 20, 40], [24, 16, 40, 48], [150, 8, 170, 40]], np.float32)
    most, least = hidden_share(cover, boxes)
    assert most == pytest.approx(4 / 32)
    assert least == pytest.approx(0.5)
    assert hidden_share(np.zeros_like(cover), boxes[:2]) == (0.0, 1.0)
    assert hidden_share(cover, np.asarray([[170, 0, 190, 40]], np.float32)) == (1.0, 0.0)


def test_cells_tell_what_of_the_plate_is_covered_and_leave_out_what_lies_beside_it() -> None:
    laid, plate = np.zeros((48, 160), np.uint8), np.zeros((48, 160), np.uint8)
    plate[8:40, 8:152] = 255
    laid[:16] = 255
    laid[16:20] = 255
    cover = cover_of(laid, plate)
    assert cover.shape == (6, 40)
    assert (cover[0] == BESIDE).all()
    assert (cover[:, :2] == BESIDE).all()
    assert (cover[1, 2:-2] == 100).all()
    assert (cover[2, 2:-2] == 50).all()
    assert (cover[3:5, 2:-2] == 0).all()


def test_cells_beside_the_plate_teach_nothing_and_few_covered_ones_weigh_as_much_as_the_others() -> None:
    cover = torch.zeros((1, 6, 40), dtype=torch.uint8)
    cover[:, 0], cover[:, 1, 0] = BESIDE, 100
    sees_nothing = torch.full((1, 6, 40), -9.0)
    assert cells_loss(sees_nothing, cover).item() == pytest.approx(4.5, abs=0.01)
    beside = sees_nothing.clone()
    beside[:, 0] = 9.0
    assert cells_loss(beside, cover).item() == pytest.approx(4.5, abs=0.01)
    sees_it = sees_nothing.clone()
    sees_it[:, 1, 0] = 9.0
    assert cells_loss(sees_it, cover).item() < 0.01


def test_what_is_laid_over_a_plate_is_in_the_cells_of_its_samples() -> None:
    rng, plate = np.random.default_rng(6), draw_plate(np.random.default_rng(1), PlateKind.BLUE, "皖A12345").image
    samples = [s for _ in range(40) for s in crop_samples(rng, RealCrop(plate, "皖A12345", "easypr"))]
    counts = [int(((s.cover != BESIDE) & (s.cover > 5)).sum()) for s in samples]
    assert min(count for count, s in zip(counts, samples, strict=True) if s.hidden) > 0
    assert min(count for count, s in zip(counts, samples, strict=True) if not s.hidden) == 0


def test_drawn_and_real_plates_are_shown_both_ways() -> None:
    rng, pool = np.random.default_rng(5), Pool(10)
    drawn = [sample for _ in range(60) for sample in drawn_samples(rng, pool)]
    plate = draw_plate(rng, PlateKind.BLUE, "皖A12345").image
    crops = [s for _ in range(60) for s in crop_samples(rng, RealCrop(plate, "皖A12345", "easypr"))]
    for samples in (drawn, crops):
        assert {sample.hidden for sample in samples} == {True, False}
        assert all(sample.strip.shape == (48, 160, 3) for sample in samples)
    tilted = [s for _ in range(20) for s in crop_samples(rng, RealCrop(plate, "皖A12345", "ccpd"))]
    assert not any(sample.hidden for sample in tilted)
    assert taken(rng, drawn[0].strip, 1.0).shape == (48, 160, 3)


@pytest.mark.slow
def test_smoke_run_ends_with_weights_that_load_and_goes_on_where_it_was(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["whole", "--smoke", "--out", str(tmp_path)]) == 0
    section = load_section("whole", tmp_path / "manifest.json")
    assert section["steps_done"] == 4
    for engine in ("opencv", "onnxruntime"):
        judge = Wholeness(load_network(engine, tmp_path / section["file"], section["sha256"]), section)
        assert judge.partly_hidden([np.zeros((48, 160, 3), np.uint8)] * 2).shape == (2,)
    before = (tmp_path / "whole.pt").read_bytes()
    assert main(["whole", "--smoke", "--resume", "--out", str(tmp_path)]) == 0
    assert (tmp_path / "whole.pt").read_bytes() == before
    assert "after 4 steps" in capsys.readouterr().out


def test_export_without_a_checkpoint_is_refused(tmp_path: Path) -> None:
    assert main(["whole", "--smoke", "--export-only", "--out", str(tmp_path)]) == 1
