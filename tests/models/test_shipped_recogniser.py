"""The shipped weights load with every engine, read drawn plates of all kinds, and keep their figures on real crops."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from models.engines import ENGINES
from models.grammar import ALPHABET
from models.manifest import MANIFEST, load_section
from models.training.commands.evaluate import open_recogniser
from models.training.evaluation.counts import figures
from models.training.evaluation.reads import judge, judge_drawn
from models.training.recogniser.mixing import load_real_data
from models.training.recogniser.samples import drawn_with_text


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    pytest.importorskip({"opencv": "cv2", "onnxruntime": "onnxruntime"}[request.param])
    return str(request.param)


def test_manifest_says_what_the_weights_read() -> None:
    section = load_section("recogniser")
    assert section["alphabet"] == ALPHABET
    assert section["recipe"].startswith("python -m models.training recogniser")
    assert (MANIFEST.parent / section["file"]).stat().st_size < 2_500_000


def test_single_strips_and_batches_read_the_same(engine: str) -> None:
    recogniser = open_recogniser(MANIFEST, engine)
    rng = np.random.default_rng(4)
    strips = [drawn_with_text(rng)[0].strip for _ in range(3)]
    together = recogniser.read(strips)
    for strip, characters in zip(strips, together, strict=True):
        (alone,) = recogniser.read([strip])
        assert [character.character for character in alone] == [character.character for character in characters]
        assert [s.probability for s in alone] == pytest.approx([s.probability for s in characters], abs=1e-3)


def test_drawn_plates_of_all_kinds_are_read() -> None:
    assert figures(judge_drawn(open_recogniser(MANIFEST, "opencv"), 12))["exact"] > 0.9


@pytest.mark.slow
@pytest.mark.realdata
def test_held_out_real_crops_are_read(real_data: Path) -> None:
    judged = judge(open_recogniser(MANIFEST, "opencv"), load_real_data(real_data / "data").held_out)
    result = figures([read for read in judged if read.group != "auto"])
    assert result["exact"] >= 0.96
    assert result["certain"]["0.99"]["wrong"] <= 0.01 * result["plates"]
