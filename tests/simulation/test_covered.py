"""A vehicle whose last character is behind a pole is red in the whole system, though it stands and repeats itself."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from greenlane.cli import main
from models.grammar import PlateKind
from models.training.drawing.plates import draw_plate

FPS, WIDTH, HEIGHT = 8, 640, 360
PLATE_PX = 150
RIGHT, WRONG = "皖AK169H", "皖AK1169"


def front(pole: bool) -> NDArray[np.uint8]:
    """The front of a vehicle with the plate, or as it is seen with a pole before the last character."""
    plate = draw_plate(np.random.default_rng(6), PlateKind.BLUE, RIGHT).image
    small = cv2.resize(
        plate, (PLATE_PX, round(PLATE_PX * plate.shape[0] / plate.shape[1])), interpolation=cv2.INTER_AREA
    )
    picture = np.full((HEIGHT, WIDTH, 3), 170, np.uint8)
    cv2.rectangle(picture, (60, 60), (580, 170), (60, 50, 40), -1)
    picture[230 : 230 + small.shape[0], 245 : 245 + PLATE_PX] = small
    if pole:
        cloth = np.random.default_rng(3).normal(60, 14, (HEIGHT, 37, 1)).astype(np.float32)
        pole_left = 245 + round(PLATE_PX * 0.85)
        picture[:, pole_left : pole_left + 37] = np.clip(np.repeat(cloth, 3, axis=2), 0, 255)
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), 0.8), np.uint8)


def film(path: Path, pole: bool) -> Path:
    """Empty lane, the vehicle for five seconds, empty lane."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), FPS, (WIDTH, HEIGHT))
    random = np.random.default_rng(1)
    grains = itertools.cycle([random.normal(0, 2, (HEIGHT, WIDTH, 1)).astype(np.float32) for _ in range(7)])
    for second, still in [*[(2, np.full((HEIGHT, WIDTH, 3), 90, np.uint8))], (5, front(pole)), (2, None)]:
        shown = np.full((HEIGHT, WIDTH, 3), 90, np.uint8) if still is None else still
        for _ in range(second * FPS):
            writer.write(np.clip(shown + next(grains), 0, 255).astype(np.uint8))
    writer.release()
    return path


@pytest.mark.sample(2)
@pytest.mark.parametrize("pole", [True, False])
def test_a_pole_before_the_last_character_is_red_for_whoever_it_would_have_been(
    pole: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clip = film(tmp_path / "lane.mp4", pole)
    words = ["simulate", "--json", "--card", f"{RIGHT}=300", "--card", f"{WRONG}=300", str(clip)]
    main([*words, "--report", str(tmp_path / "report")])
    visits = json.loads(capsys.readouterr().out)["visits"]
    assert len(visits) == 1
    if pole:
        assert (visits[0]["plate"], visits[0]["decision"], visits[0]["reason"]) == (None, "refuse", "unsure")
        assert "green" not in {colour for _, colour in visits[0]["lamp"]}
    else:
        assert (visits[0]["plate"], visits[0]["decision"]) == (RIGHT, "allow")
