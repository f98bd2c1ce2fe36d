"""The cameras of a station's lanes: each shows its empty lane, or one of the station's vehicles."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from controller.ports import PlateReader
from controller.records import PlateRead
from models.build import build_reader
from models.grammar import PlateKind
from models.training.drawing.plates import draw_plate
from tests.faults.street_camera import Picture, StreetCamera, as_jpeg, vehicle

PICTURES = 3
"""Of each vehicle, with noise of their own."""
NO_PLATE = "no plate"
CLEAR = 0.97
"""Every plate is drawn so that its weakest character is read with this at least: others are for other tests."""


class Vehicles(dict[str, Sequence[bytes]]):
    """Pictures of vehicles by their blue plates, each drawn by draw(), and of one without a plate."""

    def __init__(self, seed: int = 11) -> None:
        self._rng, self._reader = np.random.default_rng(seed), build_reader("opencv", 1, None)
        bare = np.full((56, 176, 3), 55, np.uint8)
        super().__init__({NO_PLATE: [as_jpeg(vehicle(self._rng, bare)) for _ in range(PICTURES)]})

    def draw(self, plate: str) -> None:
        """Takes a second: nobody should wait at a pump for it."""
        self[plate] = _clear(self._rng, self._reader, plate)


def _clear(rng: np.random.Generator, reader: PlateReader, plate: str) -> Sequence[bytes]:
    """Drawn again, with other inks and other dirt, until the reader is sure of every picture and doubts none."""
    while True:
        front: Picture = draw_plate(rng, PlateKind.BLUE, plate).image
        jpegs = [as_jpeg(vehicle(rng, front)) for _ in range(PICTURES)]
        if all(_is_clear(reader, jpeg, plate) for jpeg in jpegs):
            return jpegs


def _is_clear(reader: PlateReader, jpeg: bytes, plate: str) -> bool:
    """Also a little aside, dimmer and softer, as another decoder shows it: what is clear by a hair is not."""
    shown = np.asarray(cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR), np.uint8)
    likes = [shown, np.roll(shown, (1, 2), (0, 1)), cv2.convertScaleAbs(shown, alpha=0.94)]
    likes.append(cv2.GaussianBlur(shown, (3, 3), 0.5))
    return all(_is_read(reader.read(np.ascontiguousarray(like)).plates, plate) for like in likes)


def _is_read(reads: Sequence[PlateRead], plate: str) -> bool:
    return [read.text for read in reads] == [plate] and reads[0].weakest >= CLEAR and not reads[0].doubts


class LaneCamera(StreetCamera):
    """A street camera on this host's loopback; arrives() and empty() change what it shows from now on."""

    def __init__(self, vehicles: Vehicles) -> None:
        self._vehicles = vehicles
        super().__init__()

    def arrives(self, name: str) -> None:
        self.show(self._vehicles[name])
