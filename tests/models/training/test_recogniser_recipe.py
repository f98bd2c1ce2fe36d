"""The recogniser's recipe runs from drawn plates to weights that a lane can load."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the training recipes need torch")
pytest.importorskip("onnx", reason="the export needs onnx")

from models.grammar import MAX_CHARACTERS  # noqa: E402
from models.manifest import load_section  # noqa: E402
from models.training.__main__ import main  # noqa: E402
from models.training.commands.curve import POINTS  # noqa: E402
from models.training.commands.evaluate import open_recogniser  # noqa: E402
from models.training.data.holdout import is_held_out, is_in_part  # noqa: E402
from models.training.recogniser.export import calibrate, calibration_samples  # noqa: E402
from models.training.recogniser.net import RecogniserNet, as_input  # noqa: E402
from models.training.recogniser.train import attention_loss  # noqa: E402


@pytest.mark.slow
def test_smoke_run_ends_with_weights_that_load(tmp_path: Path) -> None:
    assert main(["recogniser", "--smoke", "--out", str(tmp_path)]) == 0
    section = load_section("recogniser", tmp_path / "manifest.json")
    assert section["steps_done"] == 6
    for engine in ("opencv", "onnxruntime"):
        reads = open_recogniser(tmp_path / "manifest.json", engine).read([np.zeros((32, 128, 3), np.uint8)] * 3)
        assert len(reads) == 3


@pytest.mark.slow
def test_a_cut_run_goes_on_where_it_was(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["recogniser", "--smoke", "--out", str(tmp_path)])
    before = (tmp_path / "recogniser.pt").read_bytes()
    assert main(["recogniser", "--smoke", "--resume", "--out", str(tmp_path)]) == 0
    assert (tmp_path / "recogniser.pt").read_bytes() == before
    assert "after 6 steps" in capsys.readouterr().out


@pytest.mark.slow
def test_minutes_end_a_run_before_its_steps_do_and_a_run_of_old_goes_on(tmp_path: Path) -> None:
    words = ["recogniser", "--smoke", "--out", str(tmp_path)]
    assert main([*words, "--minutes", "1e-9"]) == 0
    section = load_section("recogniser", tmp_path / "manifest.json")
    assert section["steps_done"] == 1
    assert "--steps 1 " in section["recipe"]
    old = torch.load(tmp_path / "recogniser.pt", weights_only=True)
    del old["spent_s"]
    torch.save(old, tmp_path / "recogniser.pt")
    assert main([*words, "--resume"]) == 0
    assert load_section("recogniser", tmp_path / "manifest.json")["steps_done"] == 6


def test_export_without_a_checkpoint_is_refused(tmp_path: Path) -> None:
    assert main(["recogniser", "--smoke", "--export-only", "--out", str(tmp_path)]) == 1


def test_attention_is_drawn_to_known_centres() -> None:
    centres = torch.full((1, 8, 2), float("nan"))
    centres[0, 0] = torch.tensor([0.5, 0.5])
    right, wrong = torch.zeros(1, 8, 128), torch.zeros(1, 8, 128)
    right[0, 0, 1 * 32 + 16] = right[0, 0, 2 * 32 + 16] = 5
    wrong[0, 0, 0] = 5
    assert attention_loss(right, centres) < attention_loss(wrong, centres)
    assert attention_loss(right, torch.full((1, 8, 2), float("nan"))) == 0


def test_calibration_leaves_the_reading_as_it_is() -> None:
    torch.manual_seed(0)
    net = RecogniserNet().eval()
    samples = calibration_samples([])
    fitted = calibrate(net, samples)
    strips = as_input(torch.from_numpy(np.stack([sample.strip for sample in samples[:4]])))
    with torch.no_grad():
        assert (net(strips).argmax(2) == fitted(strips).argmax(2)).all()
    assert fitted.temperature.shape == (1, MAX_CHARACTERS, 1)


@pytest.mark.slow
def test_the_curve_has_a_row_for_every_run_and_takes_finished_ones_as_they_are(tmp_path: Path) -> None:
    page, figures = tmp_path / "reader.md", tmp_path / "figures.json"
    words = ["curve", "--smoke", "--drawn", "1", "--out", str(tmp_path), "--page", str(page), "--json", str(figures)]
    assert main(words) == 0
    rows = json.loads(figures.read_text(encoding="utf-8"))["curve"]
    assert [row["batches"] for row in rows] == [6] * len(POINTS)
    assert rows[-1]["parameters"] < rows[0]["parameters"] / 2
    before = page.read_text(encoding="utf-8")
    assert main(words) == 0
    assert page.read_text(encoding="utf-8") == before


def test_parts_are_nested_and_chosen_by_plate() -> None:
    plates = [f"皖A{number:05d}" for number in range(4000)]
    quarter, half = ({p for p in plates if is_in_part(p, part)} for part in (0.25, 0.5))
    assert quarter < half
    assert len(quarter) == pytest.approx(1000, rel=0.1)
    assert all(is_in_part(p, 1) and not is_in_part(p, 0) for p in plates)
    held_out = [p for p in plates if is_held_out(p)]
    assert len([p for p in held_out if p in half]) == pytest.approx(len(held_out) / 2, rel=0.15)
