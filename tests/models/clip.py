"""Pictures of the bundled clip."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np

from models.manifest import WEIGHTS_FOLDER

CLIP = WEIGHTS_FOLDER.parents[1] / "greenlane" / "demo" / "lane.mp4"


def frames(every: int) -> Iterator[np.ndarray]:
    """The first one, and every so many after it."""
    capture = cv2.VideoCapture(str(CLIP))
    while (grabbed := capture.read())[0]:
        yield np.asarray(grabbed[1], np.uint8)
        for _ in range(every - 1):
            capture.grab()
