"""Vehicles bumper to bumper through the whole system: a visit for each, and green for none but its own vehicle."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from greenlane.cli import main
from models.grammar import PlateKind
from models.training.drawing.plates import draw_plate

FPS, WIDTH, HEIGHT = 10, 640, 360
MOVES_S, STANDS_S, EMPTY_S = 1.2, 2.5, 1.6
PLATE_PX = 150
QUEUE = (("皖AK169H", True), ("粤B5PQ23", True), ("苏E75614", False), ("川AZ0G19", True), ("京NX3357", True))
"""Plates from first to last, and whether the plate can be read."""

pytestmark = pytest.mark.slow


def front(text: str, readable: bool, seed: int) -> NDArray[np.uint8]:
    """A vehicle's front that fills the lane's width; one that cannot be read is bent over its middle."""
    plate = draw_plate(np.random.default_rng(seed), PlateKind.BLUE, text).image
    small = cv2.resize(plate, (PLATE_PX, round(PLATE_PX * plate.shape[0] / plate.shape[1])))
    if not readable:
        small[:, 40:110] = cv2.GaussianBlur(small[:, 40:110], (0, 0), 9)
    rng = np.random.default_rng(seed)
    body = np.full((HEIGHT, WIDTH, 3), rng.uniform(60, 220, 3), np.float32)
    cv2.rectangle(body, (90, 30), (550, 140), rng.uniform(20, 70, 3).tolist(), -1)
    picture = np.clip(body, 0, 255).astype(np.uint8)
    picture[250 : 250 + small.shape[0], 245 : 245 + PLATE_PX] = small
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), 0.7), np.uint8)


def film(path: Path) -> tuple[Path, list[tuple[float, float]]]:
    """The clip, and from when to when each vehicle stands."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), FPS, (WIDTH, HEIGHT))
    rng, frames, stands = np.random.default_rng(1), 0, []
    ground = np.full((HEIGHT, WIDTH, 3), 100, np.uint8)

    def shoot(picture: NDArray[np.uint8], seconds: float, after: NDArray[np.uint8] | None = None) -> None:
        nonlocal frames
        for step in range(round(seconds * FPS)):
            down = 0 if after is None else round(HEIGHT * step / (seconds * FPS))
            shown = picture if after is None else np.vstack([after[HEIGHT - down :], picture[: HEIGHT - down]])
            writer.write(np.clip(shown + rng.normal(0, 2, (HEIGHT, WIDTH, 1)), 0, 255).astype(np.uint8))
            frames += 1

    shoot(ground, EMPTY_S)
    pictures = [ground, *(front(text, readable, n) for n, (text, readable) in enumerate(QUEUE)), ground]
    for before, now in pairwise(pictures):
        shoot(before, MOVES_S, after=now)
        stands.append((frames / FPS, frames / FPS + STANDS_S))
        shoot(now, STANDS_S)
    writer.release()
    return path, stands[:-1]


def test_five_in_a_row(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    clip, stands = film(tmp_path / "queue.mp4")
    cards = [word for text, _ in QUEUE for word in ("--card", f"{text}=500")]
    main(["simulate", str(clip), *cards, "--litres", "0", "--json"])
    visits = json.loads(capsys.readouterr().out)["visits"]
    assert [visit["plate"] for visit in visits] == [text if readable else None for text, readable in QUEUE]
    for visit, (text, readable), (rests_s, leaves_s) in zip(visits, QUEUE, stands, strict=True):
        assert rests_s - MOVES_S <= visit["first_seen_s"] <= leaves_s, text
        green = [(at, visit["gone_s"]) for at, colour in visit["lamp"] if colour == "green"]
        assert bool(green) is readable
        ends_s = [at for at, colour in visit["lamp"] if colour == "red" and green and at > green[0][0]]
        assert not green or max(ends_s or [visit["gone_s"]]) < leaves_s + MOVES_S, (
            "green has ended when the next stands"
        )
