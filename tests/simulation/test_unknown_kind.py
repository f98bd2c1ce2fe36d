"""A plate that is read well and fits no format is red with a reason of its own, and is nobody else's."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from greenlane.cli import main
from models.grammar import PlateKind
from models.training.drawing.plates import draw_plate
from tests.simulation.test_covered import FPS, HEIGHT, PLATE_PX, WIDTH

TEXT, NEIGHBOURS = "京X174588", ("京X17458F", "京XA74588")
"""A text of eight characters that no format has, drawn as the left of one neighbour and the right of another."""


def front() -> NDArray[np.uint8]:
    kinds = (PlateKind.NEW_ENERGY_LARGE, PlateKind.NEW_ENERGY_SMALL)
    left, right = (
        draw_plate(np.random.default_rng(6), k, text).image for k, text in zip(kinds, NEIGHBOURS, strict=True)
    )
    seam = round((15.5 + 45 + 9 + 43 + 49 + 43 + 4.5) / 480 * left.shape[1])
    plate = np.hstack([left[:, :seam], right[:, seam:]])
    small = cv2.resize(plate, (PLATE_PX, round(PLATE_PX * plate.shape[0] / plate.shape[1])))
    picture = np.full((HEIGHT, WIDTH, 3), 170, np.uint8)
    cv2.rectangle(picture, (60, 60), (580, 170), (60, 50, 40), -1)
    picture[230 : 230 + small.shape[0], 245 : 245 + PLATE_PX] = small
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), 0.6), np.uint8)


@pytest.mark.slow
def test_a_plate_of_no_known_kind(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    clip, empty, random = tmp_path / "lane.mp4", np.full((HEIGHT, WIDTH, 3), 90, np.uint8), np.random.default_rng(1)
    writer = cv2.VideoWriter(str(clip), cv2.VideoWriter.fourcc(*"mp4v"), FPS, (WIDTH, HEIGHT))
    for second, shown in ((2, empty), (5, front()), (2, empty)):
        for _ in range(second * FPS):
            writer.write(np.clip(shown + random.normal(0, 2, (HEIGHT, WIDTH, 1)), 0, 255).astype(np.uint8))
    writer.release()
    cards = [word for text in NEIGHBOURS for word in ("--card", f"{text}=300")]
    main(["simulate", "--json", *cards, str(clip), "--report", str(tmp_path / "report")])
    (visit,) = json.loads(capsys.readouterr().out)["visits"]
    assert (visit["plate"], visit["decision"], visit["reason"]) == (None, "refuse", "unknown_kind")
    assert "green" not in {colour for _, colour in visit["lamp"]}
    assert TEXT in (tmp_path / "report" / "index.html").read_text(encoding="utf-8")
